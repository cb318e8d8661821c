//! Who runs the handlers of the server.

use clap::ValueEnum;

/// Who runs the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Model {
    /// A coroutine for each client.
    Coroutine,
    /// An operating system thread for each client.
    Thread,
    /// The accept loop itself: one client after the other.
    Inline,
}

impl Model {
    /// Its name on the command line and in reports.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Model::Coroutine => "coroutine",
            Model::Thread => "thread",
            Model::Inline => "inline",
        }
    }
}
