//! How requests run beside each other: one file a model.

mod child_ending;
mod coroutine;
mod fork;
mod inline;
mod job;
mod thread;

use std::fmt::Debug;
use std::os::fd::RawFd;

pub use coroutine::Coroutine;
pub use fork::Fork;
pub use inline::Inline;
pub use thread::Thread;

pub(crate) use job::{Job, Shared, Unstarted, close, guarded, report, turn_away};

use crate::error::Result;
use crate::family::Family;
use crate::lifecycle::{Lifecycle, Watch};

/// A concurrency model: a value given to a server, not a class it inherits.
///
/// | model | a request runs in | for |
/// | --- | --- | --- |
/// | [`Coroutine`] | a coroutine of its own | many clients that mostly wait: the default |
/// | [`Thread`] | a thread of its own | code that blocks its thread, up to some thousand clients |
/// | [`Fork`] | a child process of its own | handlers that may crash or leak |
/// | [`Inline`] | the accept loop itself | one client at a time, in order |
///
/// A handler is written once and runs in each of them.
///
/// Sealed: a model decides where the accept loop runs and what fork may meet,
/// which only this crate can keep consistent.
pub trait Model: Debug + Send + Sync + sealed::Sealed + 'static {
    /// The model's name in logs and on command lines: `coroutine`, `thread`,
    /// `fork`, `inline`.
    const NAME: &'static str;

    /// Whether the accept loop is a coroutine itself.
    #[doc(hidden)]
    const LOOPS_IN_COROUTINE: bool;

    /// Whether requests run in the accept loop.
    #[doc(hidden)]
    const RUNS_IN_LOOP: bool = false;

    /// Who reads signals.
    #[doc(hidden)]
    const WATCH: Watching;

    /// Refuses to serve where the model cannot work.
    #[doc(hidden)]
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// As [`check`](Model::check), for an accept loop in the background.
    #[doc(hidden)]
    fn check_background(&self) -> Result<()> {
        self.check()
    }

    /// The most requests in flight when the user sets no limit.
    #[doc(hidden)]
    fn default_limit(&self) -> usize;

    /// Starts the job; never waits for it, but for the inline model.
    #[doc(hidden)]
    fn dispatch<F: Family>(&self, job: JobOf<F>, placement: Placement) -> std::result::Result<(), UnstartedOf<F>>;

    /// Whether another job could be started now.
    #[doc(hidden)]
    fn has_room(&self) -> bool {
        true
    }

    /// Called when the accept loop begins.
    #[doc(hidden)]
    fn begin(&self, lifecycle: &LifecycleOf, listener: RawFd) -> Result<()> {
        let _ = (lifecycle, listener);
        Ok(())
    }

    /// Looks after what was started: reaps child processes.
    #[doc(hidden)]
    fn collect(&self) {}

    /// Whether closing the server waits for requests in flight.
    #[doc(hidden)]
    fn joins_on_close(&self) -> bool;
}

/// On which worker a job begins, in the model that has workers.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On the one with the fewest clients.
    FewestClients,
    /// On the accept loop's own.
    BesideLoop,
}

/// [`Job`], named in a sealed trait.
#[doc(hidden)]
#[derive(Debug)]
pub struct JobOf<F: Family>(pub(crate) Job<F>);

/// [`Unstarted`], named in a sealed trait.
#[doc(hidden)]
#[derive(Debug)]
pub struct UnstartedOf<F: Family>(pub(crate) Unstarted<F>);

/// [`Lifecycle`], named in a sealed trait.
#[doc(hidden)]
#[derive(Debug)]
pub struct LifecycleOf(pub(crate) std::sync::Arc<Lifecycle>);

/// [`Watch`], named in a sealed trait.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Watching(pub(crate) Watch);

mod sealed {
    pub trait Sealed {}
}
use sealed::Sealed;
