//! The words that start a server, and how its address comes to be known.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::str::FromStr;

use tempfile::{Builder, TempDir};

use crate::plan::model::Model;
use crate::plan::protocol::Protocol;
use crate::plan::target::Endpoint;
use crate::plan::template::{ADDRESS, PATH, PORT, put_in};

/// This very program, however it was started and even if its file is replaced
/// meanwhile.
pub(crate) const SELF: &str = "/proc/self/exe";
/// That socket's name.
const SOCKET: &str = "server.sock";

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct ServerCommand {
    /// What reports call it.
    pub(crate) name: String,
    /// The program and its options, all but those about the address.
    pub(crate) words: Vec<OsString>,
    /// What is set in its environment, beside what it inherits.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Who chooses the address.
    pub(crate) addressing: Addressing,
}

/// Who chooses where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// It takes `--listen` and `--workers` and says where it listens, as ours
    /// and the peers do.
    Options,
    /// It chooses by itself and says where it listens.
    Said,
    /// We do: a free port, put in the command.
    Port,
    /// We do: a path of a Unix socket, put in the command.
    Path,
}

/// How a server is started, once.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The program and all its options.
    pub(crate) words: Vec<OsString>,
    /// What is set in its environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Where it listens, if that is known before.
    pub(crate) chosen: Option<Endpoint>,
    /// Where its socket is to be; removed with everything in it when dropped.
    pub(crate) folder: Option<TempDir>,
}

impl ServerCommand {
    /// Our own server on `model`.
    pub(crate) fn ours(name: &str, model: Model) -> ServerCommand {
        let words = [SELF, "serve", "--die-with-parent", "--model", model.id()];
        ServerCommand {
            name: name.to_owned(),
            words: words.map(OsString::from).to_vec(),
            environment: Vec::new(),
            addressing: Addressing::Options,
        }
    }

    /// Our own server of `protocol`, on one worker, in whatever runs it best.
    pub(crate) fn serving(protocol: Protocol) -> ServerCommand {
        let mut words = vec![SELF, "serve", "--die-with-parent", protocol.id()];
        let addressing = match protocol.has_path() {
            true => {
                words.extend(["--listen", "unix:{path}"]);
                Addressing::Path
            }
            false => Addressing::Options,
        };
        ServerCommand {
            name: protocol.id().to_owned(),
            words: words.into_iter().map(OsString::from).collect(),
            environment: Vec::new(),
            addressing,
        }
    }

    /// What to start it with, and where it listens if that is known before.
    ///
    /// # Errors
    /// When there is no free port, or no folder for a socket.
    pub(crate) fn invocation(&self, workers: usize) -> io::Result<Invocation> {
        let (chosen, folder) = match self.addressing {
            Addressing::Said | Addressing::Options => (None, None),
            Addressing::Port => (Some(free_address()?), None),
            Addressing::Path => {
                let (endpoint, folder) = fresh_path()?;
                (Some(endpoint), Some(folder))
            }
        };
        let mut words = self.words.clone();
        if let Some(endpoint) = &chosen {
            for word in &mut words {
                *word = filled(word, endpoint);
            }
        }
        if self.addressing == Addressing::Options {
            let workers = workers.to_string();
            words.extend(["--listen", "127.0.0.1:0", "--workers", &workers].map(OsString::from));
        }
        Ok(Invocation {
            words,
            environment: self.environment.clone(),
            chosen,
            folder,
        })
    }

    /// The same with `name` set to `value` in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> ServerCommand {
        self.environment.push((name.into(), value.into()));
        self
    }
}

impl FromStr for ServerCommand {
    type Err = String;

    fn from_str(text: &str) -> Result<ServerCommand, String> {
        let words = shlex::split(text).ok_or_else(|| format!("{text:?} has a quote that does not end"))?;
        if words.is_empty() {
            return Err("the command has no words; write 'PROGRAM --port {port}'".to_owned());
        }
        Ok(ServerCommand {
            name: text.to_owned(),
            addressing: addressing(text)?,
            words: words.into_iter().map(OsString::from).collect(),
            environment: Vec::new(),
        })
    }
}

fn addressing(text: &str) -> Result<Addressing, String> {
    match (text.contains(PORT) || text.contains(ADDRESS), text.contains(PATH)) {
        (true, true) => Err(format!(
            "{text:?} has places for a port and for a path, and a server is measured in one place; leave one out"
        )),
        (true, false) => Ok(Addressing::Port),
        (false, true) => Ok(Addressing::Path),
        (false, false) => Ok(Addressing::Said),
    }
}

/// Somebody else may take it before the server does, which then does not start.
fn free_address() -> io::Result<Endpoint> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.into())
}

/// Where nobody else has a socket, nor can put one.
fn fresh_path() -> io::Result<(Endpoint, TempDir)> {
    let private = Permissions::from_mode(0o700);
    let folder = Builder::new().prefix("bench-client-").permissions(private).tempdir()?;
    let path = folder.path().join(SOCKET);
    // The kernel takes 107 bytes.
    UnixAddr::from_pathname(&path).map_err(|err| {
        io::Error::new(
            err.kind(),
            format!(
                "{} cannot be a socket: {err}; set TMPDIR to a shorter path",
                path.display()
            ),
        )
    })?;
    Ok((Endpoint::Path(path), folder))
}

fn filled(word: &OsString, endpoint: &Endpoint) -> OsString {
    match word.to_str() {
        Some(text) => put_in(text, endpoint).into(),
        None => word.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_shells() {
        let command: ServerCommand = "sh -c 'exec nc -l {port}' \"a b\"".parse().unwrap();
        assert_eq!(command.words, ["sh", "-c", "exec nc -l {port}", "a b"]);
        for text in ["", "  ", "sh -c 'exec"] {
            assert!(text.parse::<ServerCommand>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_chosen_address_is_put_in_everywhere() {
        let command: ServerCommand = "serve {address} --stats=:{port}".parse().unwrap();
        let Invocation { words, chosen, .. } = command.invocation(1).unwrap();
        let Some(Endpoint::Ip(address)) = chosen else {
            panic!("{chosen:?}")
        };
        assert_eq!(words[1], *address.to_string());
        assert_eq!(words[2], *format!("--stats=:{}", address.port()));
    }

    #[test]
    fn a_chosen_path_is_private_and_gone_afterwards() {
        let command: ServerCommand = "serve unix:{path}".parse().unwrap();
        let Invocation {
            words, chosen, folder, ..
        } = command.invocation(1).unwrap();
        let (Some(Endpoint::Path(path)), Some(folder)) = (chosen, folder) else {
            panic!("no path");
        };
        assert_eq!(words[1], *format!("unix:{}", path.display()));
        let place = path.parent().unwrap().to_owned();
        let mode = std::fs::metadata(&place).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        drop(folder);
        assert!(!place.exists());
    }

    #[test]
    fn a_server_has_one_place() {
        let message = "serve {address} {path}".parse::<ServerCommand>().unwrap_err();
        assert!(message.contains("leave one out"), "{message}");
    }

    #[test]
    fn a_server_that_says_its_address_is_left_as_it_is() {
        let command: ServerCommand = "serve --port 0".parse().unwrap();
        let invocation = command.invocation(1).unwrap();
        assert_eq!((invocation.words, invocation.chosen), (command.words, None));
    }

    #[test]
    fn ours_take_their_address_as_an_option() {
        let words = ServerCommand::ours("a", Model::Thread).invocation(3).unwrap().words;
        assert!(words.ends_with(&["--listen", "127.0.0.1:0", "--workers", "3"].map(OsString::from)));
    }
}
