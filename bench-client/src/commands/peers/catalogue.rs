//! The peers there are on this machine.

use std::path::Path;

use super::toolchains::{Built, go, python, rust};
use crate::base::failure::Failure;
use crate::machine::invocation::{Addressing, ServerCommand};

/// A server that takes part.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    /// How it is started.
    pub(crate) command: ServerCommand,
    /// What it is, with versions.
    pub(crate) about: String,
}

impl Contestant {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.command.name
    }
}

/// A peer that does not take part.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// What it is called.
    pub(crate) name: String,
    /// Why.
    pub(crate) reason: String,
}

/// Who takes part and who does not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    /// Who does; ours is the first.
    pub(crate) contestants: Vec<Contestant>,
    /// Who does not.
    pub(crate) left_out: Vec<LeftOut>,
}

/// A peer's source.
struct Entry {
    name: &'static str,
    kind: Kind,
}

enum Kind {
    /// A binary of the package in `rust`, and the crate whose version matters.
    Rust(&'static str, Option<&'static str>),
    Go,
    /// A script in `python`, and the module whose version matters.
    Python(&'static str, Option<&'static str>),
}

const ENTRIES: [Entry; 7] = [
    Entry {
        name: "epoll",
        kind: Kind::Rust("peer-epoll", Some("mio")),
    },
    Entry {
        name: "tokio",
        kind: Kind::Rust("peer-tokio", Some("tokio")),
    },
    Entry {
        name: "may",
        kind: Kind::Rust("peer-may", Some("may")),
    },
    Entry {
        name: "go",
        kind: Kind::Go,
    },
    Entry {
        name: "threads",
        kind: Kind::Rust("peer-threads", None),
    },
    Entry {
        name: "gevent",
        kind: Kind::Python("gevent_echo.py", Some("gevent")),
    },
    Entry {
        name: "socketserver",
        kind: Kind::Python("socketserver_echo.py", None),
    },
];

/// Builds the peers in `sources` that `only` names, or all.
///
/// # Errors
/// When a name is no peer's, or there is no such folder.
pub(super) fn find(sources: &Path, only: &[String]) -> Result<Catalogue, Failure> {
    check_names(only)?;
    if !sources.is_dir() {
        return Err(Failure::Usage(format!(
            "there is no folder {}; say with --peers-dir where the peers' sources are",
            sources.display()
        )));
    }
    let mut catalogue = Catalogue::default();
    for entry in &ENTRIES {
        if only.is_empty() || only.iter().any(|name| name == entry.name) {
            catalogue.add(entry, build(&entry.kind, sources));
        }
    }
    Ok(catalogue)
}

fn check_names(only: &[String]) -> Result<(), Failure> {
    let known = ENTRIES.map(|entry| entry.name);
    match only.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::Usage(format!(
            "--only {name}: no such peer; there are {}",
            known.join(", ")
        ))),
    }
}

fn build(kind: &Kind, sources: &Path) -> Result<Built, String> {
    match kind {
        Kind::Rust(binary, library) => rust(&sources.join("rust"), binary, *library),
        Kind::Go => go(&sources.join("go")),
        Kind::Python(script, module) => python(&sources.join("python").join(script), *module),
    }
}

impl Catalogue {
    fn add(&mut self, entry: &Entry, built: Result<Built, String>) {
        let name = entry.name.to_owned();
        match built {
            Ok(Built { words, about }) => self.contestants.push(Contestant {
                command: ServerCommand {
                    name,
                    words,
                    addressing: Addressing::Options,
                },
                about,
            }),
            Err(reason) => self.left_out.push(LeftOut { name, reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_peer_is_named_with_those_there_are() {
        let message = check_names(&["nginx".to_owned()]).unwrap_err().to_string();
        assert!(message.contains("nginx"), "{message}");
        assert!(message.contains("tokio"), "{message}");
        assert!(check_names(&["go".to_owned()]).is_ok());
    }
}
