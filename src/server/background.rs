//! A server whose accept loop runs in the background.

use std::thread;
use std::time::{Duration, Instant};

use super::Server;
use super::foreground::watch_signals;
use crate::concurrency::Model;
use crate::error::{Error, Result, WaitError};
use crate::family::Family;
use crate::lifecycle::{DrainReport, Phase, ServerHandle, Signals};
use crate::net::Address;
use crate::runtime::{self, JoinError, JoinHandle, NEVER};

/// A server that serves in the background; made by [`Server::start`].
///
/// Dropping it ends it as dropping a [`Server`] does: what is in flight is
/// killed.
#[derive(Debug)]
#[must_use = "dropping it ends the server"]
pub struct Running<F: Family, M: Model> {
    handle: ServerHandle,
    address: Address,
    accept_loop: Option<AcceptLoop<F, M>>,
    /// Those that were asked for after it had started.
    signals: Option<Signals>,
}

/// How soon to look again at a loop that begins or ends.
const SOON: Duration = Duration::from_millis(2);

type Served<F, M> = (Server<F, M>, Result<()>);

#[derive(Debug)]
enum AcceptLoop<F: Family, M: Model> {
    Coroutine(JoinHandle<Served<F, M>>),
    Thread(thread::JoinHandle<Served<F, M>>),
}

impl<F: Family, M: Model> AcceptLoop<F, M> {
    fn is_finished(&self) -> bool {
        match self {
            AcceptLoop::Coroutine(handle) => handle.is_finished(),
            AcceptLoop::Thread(handle) => handle.is_finished(),
        }
    }
}

impl<F: Family, M: Model> Running<F, M> {
    pub(super) fn start(mut server: Server<F, M>) -> Result<Self> {
        let handle = server.handle();
        let address = server.address()?;
        let serve = move || {
            let served = server.serve_forever();
            (server, served)
        };
        let accept_loop = if M::LOOPS_IN_COROUTINE {
            let name = format!("{} server {address}", F::NAME);
            let builder = runtime::Builder::new().name(name).acceptor(None);
            AcceptLoop::Coroutine(builder.spawn(serve)?)
        } else {
            let spawned = thread::Builder::new()
                .name(format!("greenserve-{}", M::NAME))
                .spawn(serve);
            AcceptLoop::Thread(spawned.map_err(|source| Error::System {
                action: "start the accept thread",
                source,
            })?)
        };
        Ok(Running {
            handle,
            address,
            accept_loop: Some(accept_loop),
            signals: None,
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> Address {
        self.address.clone()
    }

    /// The remote control of the server.
    pub fn handle(&self) -> &ServerHandle {
        &self.handle
    }

    /// Has SIGTERM and SIGINT end the server, as
    /// [`Server::handle_signals_within`] does before it is started: the first
    /// one ends the accept loop, `grace` later what is in flight is killed, and
    /// by a second signal at once. Then wait for it with
    /// [`wait`](Running::wait).
    ///
    /// # Errors
    /// When the system refuses a handler, a pipe or a thread.
    pub fn handle_signals_within(&mut self, grace: Duration) -> Result<()> {
        self.signals = Some(watch_signals::<M>(self.handle.lifecycle(), Some(grace))?);
        Ok(())
    }

    /// Waits until the server has been asked to end, by a signal or by
    /// [`ServerHandle::shutdown`], and then for what is in flight: as long as
    /// it takes, or as the grace of the signals says.
    ///
    /// # Errors
    /// What [`Server::serve_forever`] returned; and a kill or a timeout that
    /// ended this wait, which then ends the server as dropping it does.
    ///
    /// # Panics
    /// When the accept loop did: a hook of the server panicked.
    pub fn wait(mut self) -> Result<DrainReport> {
        self.await_end().map_err(|why| Error::System {
            action: "wait for the server",
            source: why.into(),
        })?;
        match self.join() {
            Some((server, served)) => served.map(|()| server.drain()),
            None => Ok(DrainReport::default()),
        }
    }

    /// Waits as a task does: a thread's join would block a worker.
    fn await_end(&self) -> std::result::Result<(), WaitError> {
        let watcher = self.handle.lifecycle().watch();
        while self.accept_loop.as_ref().is_some_and(|running| !running.is_finished()) {
            let deadline = match self.handle.phase() {
                Phase::Serving => NEVER,
                // It is about to begin or to end, and of neither we are told.
                _ => runtime::after(SOON),
            };
            match watcher.task().park(deadline) {
                Ok(()) | Err(WaitError::Deadline) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Ends the accept loop and hands the server back, to be served again or
    /// closed.
    ///
    /// # Errors
    /// What [`Server::serve_forever`] returned.
    ///
    /// # Panics
    /// When the accept loop did: a hook of the server panicked.
    pub fn shutdown(mut self) -> Result<Server<F, M>> {
        match self.shutdown_and_join() {
            Some((mut server, served)) => served.map(|()| {
                // They go on to end the server, who serves it next.
                server.signals = self.signals.take().or(server.signals.take());
                server
            }),
            None => Err(Error::Phase {
                action: "shut down",
                phase: "shut down already",
            }),
        }
    }

    /// Ends the accept loop, then drains for at most `grace`; see
    /// [`Server::stop`].
    ///
    /// The loop cannot end while a handler has its thread: an
    /// [inline](crate::Inline) one, or a coroutine that computes on the loop's
    /// worker. Such a handler is killed at the same deadline. If it survives,
    /// the report says so, and the socket is closed only when it ends.
    ///
    /// # Errors
    /// What [`Server::serve_forever`] returned.
    ///
    /// # Panics
    /// When the accept loop did.
    pub fn stop(mut self, grace: Duration) -> Result<DrainReport> {
        self.end(grace)
    }

    fn end(&mut self, grace: Duration) -> Result<DrainReport> {
        let begin = Instant::now();
        let in_flight = self.handle.in_flight();
        self.handle.shutdown();
        let held_up = self.handle.wait(grace).is_err().then(|| DrainReport {
            in_flight,
            ..self.handle.kill_and_report()
        });
        if let Some(report) = &held_up
            && !report.survivors.is_empty()
            && self.handle.phase() == Phase::Serving
        {
            // Not waited for: the server ends with its loop.
            self.accept_loop = None;
        }
        let drained = match self.shutdown_and_join() {
            Some((server, served)) => served.map(|()| server.stop(grace.saturating_sub(begin.elapsed())))?,
            None => DrainReport::default(),
        };
        Ok(DrainReport {
            took: begin.elapsed(),
            ..held_up.unwrap_or(drained)
        })
    }

    fn shutdown_and_join(&mut self) -> Option<Served<F, M>> {
        // Once only: a shutdown of an ended loop would end the next one.
        if self.accept_loop.is_some() {
            self.handle.shutdown();
        }
        self.join()
    }

    fn join(&mut self) -> Option<Served<F, M>> {
        let accept_loop = self.accept_loop.take()?;
        let joined = match accept_loop {
            AcceptLoop::Coroutine(handle) => match handle.join() {
                Ok(served) => Ok(served),
                // It ends by itself, and the server with it.
                Err(
                    JoinError::Interrupted(_) | JoinError::Killed | JoinError::KilledFor(_) | JoinError::NotStarted(_),
                ) => return None,
                Err(JoinError::Panicked(panic)) => Err(panic.into_payload()),
            },
            AcceptLoop::Thread(handle) => handle.join(),
        };
        match joined {
            Ok(served) => Some(served),
            Err(panic) if thread::panicking() => {
                drop(panic);
                None
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl<F: Family, M: Model> Drop for Running<F, M> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Nobody may wait: the loop ends by itself, and the server with it.
            self.handle.shutdown();
            self.handle.kill_all();
            self.accept_loop = None;
        }
        if self.accept_loop.is_some()
            && let Err(err) = self.end(Duration::ZERO)
        {
            log::error!("a server on {} ended with an error: {err}", self.address);
        }
    }
}
