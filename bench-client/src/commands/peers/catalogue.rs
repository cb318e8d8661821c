//! The peers there are on this machine.

use std::path::Path;

use greenserve::runtime::Engine;

use super::toolchains::{Built, example, go, python, rust};
use crate::base::failure::Failure;
use crate::machine::identity;
use crate::machine::invocation::{Addressing, ServerCommand};
use crate::plan::model::Model;

/// Ours; the first of the contestants, and the one that ratios are to.
const OURS: &str = "greenserve";
/// What chooses the engine of a program on this library.
const ENGINE_VARIABLE: &str = "GREENSERVE_ENGINE";

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
    /// Who does; ours is the first, and the one that ratios are to.
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
    /// The server of this program, on an engine.
    Serve(Engine),
    /// An example of the library, as its users write programs, on an engine.
    Example(&'static str, Engine),
    /// A binary of the package in `rust`, and the crate whose version matters.
    Rust(&'static str, Option<&'static str>),
    Go,
    /// A script in `python`, and the module whose version matters.
    Python(&'static str, Option<&'static str>),
}

const ENTRIES: [Entry; 14] = [
    Entry {
        name: "greenserve-may",
        kind: Kind::Serve(Engine::May),
    },
    Entry {
        name: "echo",
        kind: Kind::Example("echo", Engine::Pinned),
    },
    Entry {
        name: "echo-may",
        kind: Kind::Example("echo", Engine::May),
    },
    Entry {
        name: "hand",
        kind: Kind::Example("gevent_echo", Engine::Pinned),
    },
    Entry {
        name: "hand-may",
        kind: Kind::Example("gevent_echo", Engine::May),
    },
    Entry {
        name: "stream",
        kind: Kind::Example("stream_echo", Engine::Pinned),
    },
    Entry {
        name: "stream-may",
        kind: Kind::Example("stream_echo", Engine::May),
    },
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

/// Ours, and the peers that `only` names, or all: those of `sources` and the
/// examples of the project it lies in, built here.
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
    let mut catalogue = Catalogue {
        contestants: vec![serve(OURS, Engine::Pinned)],
        left_out: Vec::new(),
    };
    for entry in &ENTRIES {
        if only.is_empty() || only.iter().any(|name| name == entry.name) {
            catalogue.add(entry.name, entry.contestant(sources));
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

/// The server of this program on `engine`.
fn serve(name: &str, engine: Engine) -> Contestant {
    Contestant {
        command: ServerCommand::ours(name, Model::Coroutine),
        about: format!("this project, {}", identity::version()),
    }
    .on(engine)
}

impl Entry {
    /// Built; or why it cannot be.
    fn contestant(&self, sources: &Path) -> Result<Contestant, String> {
        match self.kind {
            Kind::Serve(engine) => Ok(serve(self.name, engine)),
            Kind::Example(program, engine) => {
                let built = example(&sources.join("../.."), program)?;
                Ok(self.started_as(built).on(engine))
            }
            Kind::Rust(binary, library) => rust(&sources.join("rust"), binary, library).map(|it| self.started_as(it)),
            Kind::Go => go(&sources.join("go")).map(|it| self.started_as(it)),
            Kind::Python(script, module) => {
                python(&sources.join("python").join(script), module).map(|it| self.started_as(it))
            }
        }
    }

    fn started_as(&self, built: Built) -> Contestant {
        Contestant {
            command: ServerCommand {
                name: self.name.to_owned(),
                words: built.words,
                environment: Vec::new(),
                addressing: Addressing::Options,
            },
            about: built.about,
        }
    }
}

impl Contestant {
    /// The same on `engine`, whatever the environment of this process says.
    fn on(self, engine: Engine) -> Contestant {
        Contestant {
            command: self.command.with(ENGINE_VARIABLE, &engine.to_string()),
            about: format!("{}, engine {engine}", self.about),
        }
    }
}

impl Catalogue {
    fn add(&mut self, name: &str, contestant: Result<Contestant, String>) {
        match contestant {
            Ok(contestant) => self.contestants.push(contestant),
            Err(reason) => self.left_out.push(LeftOut {
                name: name.to_owned(),
                reason,
            }),
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

    #[test]
    fn an_engine_is_chosen_for_the_server_alone() {
        let contestant = serve("greenserve-may", Engine::May);
        assert_eq!(contestant.name(), "greenserve-may");
        let chosen = [("GREENSERVE_ENGINE".into(), "may".into())];
        assert_eq!(contestant.command.environment, chosen);
        assert!(contestant.about.ends_with(", engine may"), "{}", contestant.about);
        let invocation = contestant.command.invocation(1).unwrap();
        assert_eq!(invocation.environment, chosen);
    }
}
