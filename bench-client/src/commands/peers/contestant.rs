//! A server that takes part.

use std::ffi::OsString;

use greenserve::runtime::Engine;

use super::toolchains::Built;
use crate::machine::identity;
use crate::machine::invocation::{Addressing, SELF, ServerCommand};
use crate::plan::model::Model;

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
    /// The server of this program on `engine`.
    pub(super) fn serve(name: &str, engine: Engine) -> Contestant {
        let tasks = Built {
            words: vec![SELF.into(), "tasks".into()],
            about: String::new(),
        };
        Contestant {
            command: ServerCommand::ours(name, Model::Coroutine),
            // `may` needs a promise for the two workers of a wake-up that this
            // program does not give: its own figures are those of the peer.
            timer: (engine == Engine::Pinned).then(|| command(name, tasks.words)),
            about: format!("this project, {}", identity::version()),
        }
        .on(engine)
    }

    /// What was built, with `options` behind its words.
    pub(super) fn built(name: &str, server: Built, timer: Option<Built>, options: &[OsString]) -> Contestant {
        let with_options = |words: Vec<OsString>| words.into_iter().chain(options.iter().cloned()).collect();
        Contestant {
            command: command(name, with_options(server.words)),
            timer: timer.map(|timer| command(name, with_options(timer.words))),
            about: server.about,
        }
    }

    /// The same, told where to listen by `{address}` among its words: it has no
    /// options of the peers, and does not say that it listens.
    pub(super) fn told(self) -> Contestant {
        Contestant {
            command: ServerCommand {
                addressing: Addressing::Port,
                ..self.command
            },
            ..self
        }
    }

    /// The same on `engine`, whatever the environment of this process says.
    pub(super) fn on(self, engine: Engine) -> Contestant {
        Contestant {
            command: self.command.with(ENGINE_VARIABLE, &engine.to_string()),
            timer: self.timer.map(|timer| timer.with(ENGINE_VARIABLE, &engine.to_string())),
            about: format!("{}, engine {engine}", self.about),
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.command.name
    }
}

fn command(name: &str, words: Vec<OsString>) -> ServerCommand {
    ServerCommand {
        name: name.to_owned(),
        words,
        environment: Vec::new(),
        addressing: Addressing::Options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_chosen_for_the_server_alone() {
        let contestant = Contestant::serve("greenserve-may", Engine::May);
        assert_eq!(contestant.name(), "greenserve-may");
        let chosen = [("GREENSERVE_ENGINE".into(), "may".into())];
        assert_eq!(contestant.command.environment, chosen);
        assert!(contestant.about.ends_with(", engine may"), "{}", contestant.about);
        let invocation = contestant.command.invocation(1).unwrap();
        assert_eq!(invocation.environment, chosen);
    }
}
