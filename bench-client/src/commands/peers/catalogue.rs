//! The peers there are on this machine.

use std::ffi::OsString;
use std::path::Path;

use greenserve::runtime::Engine;

use super::toolchains::{Built, example, go, python, rust};
use crate::base::failure::Failure;
use crate::machine::identity;
use crate::machine::invocation::{Addressing, SELF, ServerCommand};
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
    /// The program that times its scheduler, if there is one.
    pub(crate) timer: Option<ServerCommand>,
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
    /// The binary that times its scheduler, where there is one.
    timer: Option<&'static str>,
    /// What tells it from another peer of the same source.
    options: &'static [&'static str],
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

const ENTRIES: [Entry; 15] = [
    Entry::new("greenserve-may", Kind::Serve(Engine::May)),
    Entry::new("echo", Kind::Example("echo", Engine::Pinned)),
    Entry::new("echo-may", Kind::Example("echo", Engine::May)),
    Entry::new("hand", Kind::Example("gevent_echo", Engine::Pinned)),
    Entry::new("hand-may", Kind::Example("gevent_echo", Engine::May)),
    Entry::new("stream", Kind::Example("stream_echo", Engine::Pinned)),
    Entry::new("stream-may", Kind::Example("stream_echo", Engine::May)),
    Entry::new("epoll", Kind::Rust("peer-epoll", Some("mio"))),
    Entry::new("tokio", Kind::Rust("peer-tokio", Some("tokio"))).timed_by("tasks-tokio"),
    Entry::new("tokio-multi", Kind::Rust("peer-tokio", Some("tokio")))
        .timed_by("tasks-tokio")
        .with(&["--flavor", "multi"]),
    Entry::new("may", Kind::Rust("peer-may", Some("may"))).timed_by("tasks-may"),
    Entry::new("go", Kind::Go),
    Entry::new("threads", Kind::Rust("peer-threads", None)),
    Entry::new("gevent", Kind::Python("gevent_echo.py", Some("gevent"))),
    Entry::new("socketserver", Kind::Python("socketserver_echo.py", None)),
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
        // `may` needs a promise for the two workers of a wake-up that this
        // program does not give: its own figures are those of the peer.
        timer: (engine == Engine::Pinned).then(|| started(name, vec![SELF.into(), "tasks".into()])),
        about: format!("this project, {}", identity::version()),
    }
    .on(engine)
}

fn started(name: &str, words: Vec<OsString>) -> ServerCommand {
    ServerCommand {
        name: name.to_owned(),
        words,
        environment: Vec::new(),
        addressing: Addressing::Options,
    }
}

impl Entry {
    const fn new(name: &'static str, kind: Kind) -> Entry {
        Entry {
            name,
            kind,
            timer: None,
            options: &[],
        }
    }

    const fn timed_by(self, binary: &'static str) -> Entry {
        Entry {
            timer: Some(binary),
            name: self.name,
            kind: self.kind,
            options: self.options,
        }
    }

    const fn with(self, options: &'static [&'static str]) -> Entry {
        Entry {
            options,
            name: self.name,
            kind: self.kind,
            timer: self.timer,
        }
    }

    /// Built; or why it cannot be.
    fn contestant(&self, sources: &Path) -> Result<Contestant, String> {
        match self.kind {
            Kind::Serve(engine) => Ok(serve(self.name, engine)),
            Kind::Example(program, engine) => {
                let built = example(&sources.join("../.."), program)?;
                Ok(self.peer(built, None).on(engine))
            }
            Kind::Rust(binary, library) => {
                let package = sources.join("rust");
                let timer = self.timer.map(|timer| rust(&package, timer, library)).transpose()?;
                Ok(self.peer(rust(&package, binary, library)?, timer))
            }
            Kind::Go => {
                let folder = sources.join("go");
                let timer = go(&folder, "./tasks", "tasks-go")?;
                Ok(self.peer(go(&folder, ".", "peer-go")?, Some(timer)))
            }
            Kind::Python(script, module) => {
                let built = python(&sources.join("python").join(script), module)?;
                Ok(self.peer(built, None))
            }
        }
    }

    fn peer(&self, server: Built, timer: Option<Built>) -> Contestant {
        let command = |words: Vec<OsString>| {
            let options = self.options.iter().map(OsString::from);
            started(self.name, words.into_iter().chain(options).collect())
        };
        Contestant {
            command: command(server.words),
            timer: timer.map(|timer| command(timer.words)),
            about: server.about,
        }
    }
}

impl Contestant {
    /// The same on `engine`, whatever the environment of this process says.
    fn on(self, engine: Engine) -> Contestant {
        Contestant {
            command: self.command.with(ENGINE_VARIABLE, &engine.to_string()),
            timer: self.timer.map(|timer| timer.with(ENGINE_VARIABLE, &engine.to_string())),
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
