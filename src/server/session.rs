//! One time of serving, from the phase that begins it to the one that ends it:
//! by one accept loop, or by one on each worker.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::config::Config;
use super::goal::Goal;
use crate::concurrency::{LifecycleOf, Model, Placement, Shared};
use crate::error::{Error, Result, WaitError};
use crate::family::Family;
use crate::lifecycle::{Lifecycle, Phase};
use crate::net::Peer;
use crate::runtime::{self, JoinError, JoinHandle, Panic};

/// What serving needs.
#[derive(Debug)]
pub(super) struct Session<F: Family, M: Model> {
    /// One at least.
    pub(super) listeners: Vec<Arc<F::Listener>>,
    pub(super) shared: Arc<Shared<F>>,
    pub(super) model: Arc<M>,
    pub(super) config: Arc<Config>,
    pub(super) goal: Arc<Goal>,
}

impl<F: Family, M: Model> Session<F, M> {
    /// True when the loops bring their coroutines, and the caller only waits.
    pub(super) fn has_several_loops(&self) -> bool {
        self.listeners.len() > 1
    }

    /// Serves in the calling thread or coroutine.
    pub(super) fn serve(&self) -> Result<()> {
        let lifecycle = &self.shared.lifecycle;
        self.model.check()?;
        lifecycle.advance(Phase::Serving, "serve")?;
        lifecycle.shutdown_forgotten();
        let served = catch_unwind(AssertUnwindSafe(|| self.serve_now()));
        lifecycle.shutdown_done();
        let left = lifecycle.advance(Phase::Listening, "end serving");
        match served {
            Ok(served) => served.and(left),
            Err(panic) => resume_unwind(panic),
        }
    }

    fn serve_now(&self) -> Result<()> {
        let lifecycle = LifecycleOf(Arc::clone(&self.shared.lifecycle));
        self.model.begin(&lifecycle, self.listeners[0].as_fd().as_raw_fd())?;
        match &self.listeners[..] {
            [only] => self.core(only, Placement::FewestClients).run(),
            several => self.serve_on_every_worker(several),
        }
    }

    fn core(&self, listener: &Arc<F::Listener>, placement: Placement) -> Core<F, M> {
        Core {
            listener: Arc::clone(listener),
            shared: Arc::clone(&self.shared),
            model: Arc::clone(&self.model),
            config: Arc::clone(&self.config),
            goal: Arc::clone(&self.goal),
            placement,
        }
    }

    fn serve_on_every_worker(&self, listeners: &[Arc<F::Listener>]) -> Result<()> {
        let mut loops = Vec::new();
        let mut started = Ok(());
        for (worker, listener) in listeners.iter().enumerate() {
            match self.start_loop(worker, self.core(listener, Placement::BesideLoop)) {
                Ok(running) => loops.push(running),
                Err(err) => {
                    started = Err(err);
                    self.goal.end(&self.shared.lifecycle);
                    break;
                }
            }
        }
        started.and(self.join(loops))
    }

    fn start_loop(&self, worker: usize, core: Core<F, M>) -> Result<JoinHandle<Result<()>>> {
        let address = self.shared.lifecycle.address();
        let address = address.map_or_else(String::new, |address| address.to_string());
        runtime::Builder::new()
            .name(format!("{} server {address} on worker {worker}", F::NAME))
            .worker(worker)
            .spawn(move || {
                let _end = EndOfAll {
                    goal: Arc::clone(&core.goal),
                    lifecycle: Arc::clone(&core.shared.lifecycle),
                };
                core.run()
            })
    }

    /// Waits for all loops, since none may take a request after this.
    fn join(&self, loops: Vec<JoinHandle<Result<()>>>) -> Result<()> {
        let mut outcome = Ok(());
        let mut panic = None;
        for running in loops {
            match join_loop(running, &self.goal, &self.shared.lifecycle) {
                Ok(served) => outcome = outcome.and(served),
                Err(payload) => panic = panic.or(Some(payload)),
            }
        }
        match panic {
            Some(panic) => resume_unwind(panic.into_payload()),
            None => outcome,
        }
    }
}

/// Everything a loop needs, so that it can run in a coroutine of its own.
#[derive(Debug)]
pub(super) struct Core<F: Family, M: Model> {
    pub(super) listener: Arc<F::Listener>,
    pub(super) shared: Arc<Shared<F>>,
    pub(super) model: Arc<M>,
    pub(super) config: Arc<Config>,
    pub(super) goal: Arc<Goal>,
    /// Where the requests of this loop run.
    pub(super) placement: Placement,
}

impl<F: Family, M: Model> Core<F, M> {
    /// The next request if one waits.
    pub(super) fn next_request(&self) -> io::Result<(F::Request, Peer)> {
        let hooks = &self.shared.hooks;
        let request = hooks.get_request(&self.listener, self.config.max_packet_size);
        self.shared
            .lifecycle
            .tally()
            .overflowed(F::take_overflowed(&self.listener));
        request
    }

    pub(super) fn broken(&self, source: io::Error) -> Error {
        let address = self
            .shared
            .lifecycle
            .address()
            .map_or_else(String::new, |address| address.to_string());
        Error::Accept { address, source }
    }
}

/// Waits for the end of a loop. Who waits here stands for it: to kill it, or a
/// timeout around it, ends the loop too. It can wait no more then, and still
/// the loop may take no request after this.
pub(super) fn join_loop(
    running: JoinHandle<Result<()>>,
    goal: &Goal,
    lifecycle: &Lifecycle,
) -> std::result::Result<Result<()>, Panic> {
    let why = match running.join_timeout(Duration::MAX) {
        Ok(Ok(served)) => return Ok(served),
        Ok(Err(JoinError::Panicked(panic))) => return Err(panic),
        Ok(Err(_)) => WaitError::Killed,
        Err((running, why)) => {
            goal.end(lifecycle);
            while !running.is_finished() && !thread::panicking() {
                runtime::yield_now();
            }
            why
        }
    };
    Ok(Err(Error::System {
        action: "serve",
        source: why.into(),
    }))
}

/// However one loop ends, the others do too: a socket that nobody accepts from
/// would keep its share of the clients waiting.
struct EndOfAll {
    goal: Arc<Goal>,
    lifecycle: Arc<Lifecycle>,
}

impl Drop for EndOfAll {
    fn drop(&mut self) {
        self.goal.end(&self.lifecycle);
    }
}
