//! A coroutine a request.

use std::sync::Arc;

use super::{JobOf, Model, Placement, Sealed, Unstarted, UnstartedOf, Watching};
use crate::error::Error;
use crate::family::{Family, Request};
use crate::lifecycle::Watch;
use crate::runtime::{self, Beginning, Builder, Name, Task};

/// Each request runs in a coroutine: the default, for tens of thousands of
/// clients that mostly wait.
///
/// A handler that waits for its socket, a lock, a channel or a
/// [`sleep`](runtime::sleep) of this crate lets the others run. One that
/// computes, or calls something that blocks the thread, holds up all the
/// coroutines of its worker: call [`yield_now`](runtime::yield_now) in long
/// loops and [`offload`](runtime::offload) for what blocks.
///
/// A client stays on the worker where it began, the one with the fewest
/// clients then, so whatever Rust lets live on a stack may live there across a
/// wait. A worker that a handler holds up gets no new clients while another
/// one is free.
///
/// The stack has a fixed size, 256 KiB by default
/// ([`Config::stack_size`](runtime::Config::stack_size)). A handler that
/// overflows it ends the whole process, after the message has said which
/// handler and which peer it was: bound your recursion.
///
/// # Limits
/// Unless [`max_connections`](crate::Builder::max_connections) says less, as
/// many requests run as the process has descriptors and memory maps for; more
/// wait in the kernel's queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Coroutine {
    _private: (),
}

impl Coroutine {
    /// The model with its defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Sealed for Coroutine {}

impl Model for Coroutine {
    const NAME: &'static str = "coroutine";
    const LOOPS_IN_COROUTINE: bool = true;
    const WATCH: Watching = Watching(Watch::Reader);

    fn default_limit(&self) -> usize {
        // One stays for the accept loop, one for who reads signals.
        runtime::capacity().connections().saturating_sub(2).max(1)
    }

    fn dispatch<F: Family>(&self, job: JobOf<F>, placement: Placement) -> Result<(), UnstartedOf<F>> {
        let connection = Arc::clone(job.0.connection());
        let descriptor = job.0.request().descriptor();
        let builder = Builder::new().name(Name::Shared(connection));
        let builder = match placement {
            Placement::FewestClients => builder.client(descriptor),
            Placement::BesideLoop => builder.here(),
        };
        let started = builder.spawn_detached(job.0, |job, beginning| {
            let task = Task::current();
            job.place().run_by(Arc::clone(&task));
            // The server may have killed the request before it knew its task.
            if beginning == Beginning::Killed || task.is_killed() {
                job.refuse(Error::KilledEarly);
            } else {
                job.run();
            }
        });
        started.map(drop).map_err(|refused| {
            UnstartedOf(Unstarted {
                job: refused.cargo,
                error: refused.error,
            })
        })
    }

    fn has_room(&self) -> bool {
        runtime::live_count() < runtime::capacity().coroutines
    }

    fn joins_on_close(&self) -> bool {
        true
    }
}
