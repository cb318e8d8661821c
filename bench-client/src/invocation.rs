//! The words that start a server, and how its address comes to be known.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::str::FromStr;

use crate::child::SELF;
use crate::serve::Model;

/// Stands for a free port in a command.
const PORT: &str = "{port}";
/// Stands for 127.0.0.1 and a free port.
const ADDRESS: &str = "{address}";

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct ServerCommand {
    /// What reports call it.
    pub(crate) name: String,
    /// The program and its options, all but those about the address.
    pub(crate) words: Vec<OsString>,
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
    /// We do, and put it in the command.
    Chosen,
}

impl ServerCommand {
    /// Our own server on `model`.
    pub(crate) fn ours(name: &str, model: Model) -> ServerCommand {
        let words = [SELF, "serve", "--die-with-parent", "--model", model.id()];
        ServerCommand {
            name: name.to_owned(),
            words: words.map(OsString::from).to_vec(),
            addressing: Addressing::Options,
        }
    }

    /// The words to start it with, and its address if that is known before.
    ///
    /// # Errors
    /// When there is no free port.
    pub(crate) fn invocation(&self, workers: usize) -> io::Result<(Vec<OsString>, Option<SocketAddr>)> {
        let mut words = self.words.clone();
        match self.addressing {
            Addressing::Said => Ok((words, None)),
            Addressing::Options => {
                let workers = workers.to_string();
                words.extend(["--listen", "127.0.0.1:0", "--workers", &workers].map(OsString::from));
                Ok((words, None))
            }
            Addressing::Chosen => {
                let address = free_address()?;
                let filled = |word: &OsString| match word.to_str() {
                    Some(text) => put_in(text, address).into(),
                    None => word.clone(),
                };
                Ok((words.iter().map(filled).collect(), Some(address)))
            }
        }
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
            addressing: match text.contains(PORT) || text.contains(ADDRESS) {
                true => Addressing::Chosen,
                false => Addressing::Said,
            },
            words: words.into_iter().map(OsString::from).collect(),
        })
    }
}

/// Somebody else may take it before the server does, which then does not start.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// `text` with `address` in the places for it.
pub(crate) fn put_in(text: &str, address: SocketAddr) -> String {
    text.replace(PORT, &address.port().to_string())
        .replace(ADDRESS, &address.to_string())
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
        let (words, address) = command.invocation(1).unwrap();
        let address = address.expect("it was chosen");
        assert_eq!(words[1], *address.to_string());
        assert_eq!(words[2], *format!("--stats=:{}", address.port()));
    }

    #[test]
    fn a_server_that_says_its_address_is_left_as_it_is() {
        let command: ServerCommand = "serve --port 0".parse().unwrap();
        let (words, address) = command.invocation(1).unwrap();
        assert_eq!((words, address), (command.words, None));
    }

    #[test]
    fn ours_take_their_address_as_an_option() {
        let (words, _) = ServerCommand::ours("a", Model::Thread).invocation(3).unwrap();
        assert!(words.ends_with(&["--listen", "127.0.0.1:0", "--workers", "3"].map(OsString::from)));
    }
}
