//! What is seen of a run, while it goes on and of it afterwards: always on one
//! terminal, one standard output and the files that were asked for.

pub(crate) mod journal;
pub(crate) mod progress;
pub(crate) mod screens;
pub(crate) mod stdout;
pub(crate) mod terminal;
pub(crate) mod watch;
