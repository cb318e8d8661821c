//! A child process a request.
#![allow(unsafe_code, reason = "fork(2) and sigaction(2)")]

use std::collections::HashMap;
use std::os::fd::RawFd;
use std::sync::{Mutex, MutexGuard, OnceLock};

use nix::errno::Errno;
use nix::sys::signal::{self, SigHandler, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, close, fork};

use super::child_ending::ChildEnding;
use super::{Job, JobOf, LifecycleOf, Model, Placement, Sealed, Unstarted, UnstartedOf, Watching};
use crate::error::{Error, Result};
use crate::family::Family;
use crate::lifecycle::{ChildSignal, InFlight, Kill, Watch};
use crate::runtime::{self, lock};

/// Each request runs in a forked child process: `ForkingMixIn` of Python.
///
/// For handlers that may crash, leak or need a process of their own. A fork
/// copies only the calling thread, so a server of this model refuses to serve
/// once the process has a second thread or the coroutine runtime has started.
///
/// A child ends with status 0, 1 when its handler failed, or 2 when its client
/// went away, without running exit handlers. From that the parent counts, and
/// one that a signal ended (it crashed, say) is an error in its log. The parent
/// reaps its own children only and leaves those that
/// you forked alone.
///
/// A child has a copy of the server. What its handler tells a
/// [`ServerHandle`](crate::ServerHandle) stays in the child, and of what becomes
/// of the server after the fork only a drain is seen there:
/// [`Context::is_draining`](crate::Context::is_draining) and
/// [`Context::wait_for_request`](crate::Context::wait_for_request) know of it,
/// [`Context::idle`](crate::Context::idle) does not. Failures are logged and
/// [folded](crate::Builder::failure_log_period) in each child by itself. Send
/// the parent SIGTERM to end the server from a handler.
#[derive(Debug)]
pub struct Fork {
    max_children: usize,
    block_on_close: bool,
    children: Mutex<HashMap<Pid, InFlight>>,
    child_signal: OnceLock<ChildSignal>,
    /// What a child has no use for; see [`Fork::become_child`].
    listener: OnceLock<RawFd>,
}

impl Default for Fork {
    fn default() -> Self {
        Fork {
            max_children: 40,
            block_on_close: true,
            children: Mutex::default(),
            child_signal: OnceLock::new(),
            listener: OnceLock::new(),
        }
    }
}

impl Fork {
    /// The model with its defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most children at once; more requests wait in the kernel's queue.
    /// Defaults to 40, as in Python.
    pub fn max_children(mut self, children: usize) -> Self {
        self.max_children = children.max(1);
        self
    }

    /// Whether closing the server waits for the children (`block_on_close` of
    /// Python). Defaults to true.
    pub fn block_on_close(mut self, block: bool) -> Self {
        self.block_on_close = block;
        self
    }

    /// How many children run.
    pub fn active_children(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pid, InFlight>> {
        lock(&self.children)
    }

    /// In the child: nothing of the server but this request is left.
    fn become_child<F: Family>(&self, job: Job<F>) -> ! {
        let lifecycle = job.place().lifecycle();
        // The bell and its signals are the parent's.
        lifecycle.leave_to_parent();
        if lifecycle.handles_signals() {
            restore_signals();
        }
        if let Some(listener) = self.listener.get() {
            // A child that outlives the server must not keep its port taken.
            let _ = close(*listener);
        }
        signal_hook::low_level::exit(ChildEnding::status_of(job.run()))
    }

    fn became_parent<F: Family>(&self, child: Pid, job: Job<F>) {
        let place = job.leave_to_child();
        place.killed_by(Box::new(Child(child)));
        self.lock().insert(child, place);
    }
}

fn restore_signals() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        // SAFETY: the default action runs no code of this process.
        if let Err(err) = unsafe { signal::signal(signal, SigHandler::SigDfl) } {
            log::warn!("cannot restore the default action of {signal} in a child: {err}");
        }
    }
}

/// Ends a child process.
#[derive(Debug)]
struct Child(Pid);

impl Kill for Child {
    fn kill(&self) {
        // Only while the child is in the table, so the number is still its.
        let _ = signal::kill(self.0, Signal::SIGKILL);
    }
}

impl Sealed for Fork {}

impl Model for Fork {
    const NAME: &'static str = "fork";
    const LOOPS_IN_COROUTINE: bool = false;
    const WATCH: Watching = Watching(Watch::Bell);

    fn check(&self) -> Result<()> {
        if runtime::is_running() {
            return Err(Error::ForkUnsafe {
                reason: "the coroutine runtime has started".to_owned(),
            });
        }
        let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
        if threads > 1 {
            return Err(Error::ForkUnsafe {
                reason: format!("this process has {threads} threads"),
            });
        }
        Ok(())
    }

    fn check_background(&self) -> Result<()> {
        Err(Error::ForkUnsafe {
            reason: "its accept loop would run in a second thread".to_owned(),
        })
    }

    fn default_limit(&self) -> usize {
        self.max_children
    }

    fn begin(&self, lifecycle: &LifecycleOf, listener: RawFd) -> Result<()> {
        // The same each time this server serves.
        let _ = self.listener.set(listener);
        if self.child_signal.get().is_none() {
            let _ = self.child_signal.set(ChildSignal::register(&lifecycle.0)?);
        }
        Ok(())
    }

    fn dispatch<F: Family>(&self, job: JobOf<F>, _: Placement) -> std::result::Result<(), UnstartedOf<F>> {
        let job = job.0;
        // Threads may have been started since serving began.
        if let Err(error) = self.check() {
            return Err(UnstartedOf(Unstarted { job, error }));
        }
        // SAFETY: `check` has just seen that this process has one thread, so
        // no lock can be held by a thread that the child would not have.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => self.become_child(job),
            Ok(ForkResult::Parent { child }) => {
                self.became_parent(child, job);
                Ok(())
            }
            Err(err) => {
                let error = Error::System {
                    action: "fork a child process",
                    source: err.into(),
                };
                Err(UnstartedOf(Unstarted { job, error }))
            }
        }
    }

    fn has_room(&self) -> bool {
        self.active_children() < self.max_children
    }

    fn collect(&self) {
        let running: Vec<Pid> = self.lock().keys().copied().collect();
        for child in running {
            match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                ended => {
                    let place = self.lock().remove(&child);
                    if let Some(place) = place {
                        ChildEnding::of(ended, &place).tell(place);
                    }
                }
            }
        }
    }

    fn joins_on_close(&self) -> bool {
        self.block_on_close
    }
}
