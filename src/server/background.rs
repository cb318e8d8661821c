//! A server whose accept loop runs in the background.

use std::thread;
use std::time::{Duration, Instant};

use super::Server;
use crate::concurrency::Model;
use crate::error::{Error, Result};
use crate::family::Family;
use crate::lifecycle::{DrainReport, Phase, ServerHandle};
use crate::net::Address;
use crate::runtime::{self, JoinError, JoinHandle};

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
}

type Served<F, M> = (Server<F, M>, Result<()>);

#[derive(Debug)]
enum AcceptLoop<F: Family, M: Model> {
    Coroutine(JoinHandle<Served<F, M>>),
    Thread(thread::JoinHandle<Served<F, M>>),
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

    /// Ends the accept loop and hands the server back, to be served again or
    /// closed.
    ///
    /// # Errors
    /// What [`Server::serve_forever`] returned.
    ///
    /// # Panics
    /// When the accept loop did: a hook of the server panicked.
    pub fn shutdown(mut self) -> Result<Server<F, M>> {
        match self.join() {
            Some((server, served)) => served.map(|()| server),
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
        let drained = match self.join() {
            Some((server, served)) => served.map(|()| server.stop(grace.saturating_sub(begin.elapsed())))?,
            None => DrainReport::default(),
        };
        Ok(DrainReport {
            took: begin.elapsed(),
            ..held_up.unwrap_or(drained)
        })
    }

    fn join(&mut self) -> Option<Served<F, M>> {
        // Once only: a shutdown of an ended loop would end the next one.
        let accept_loop = self.accept_loop.take()?;
        self.handle.shutdown();
        let joined = match accept_loop {
            AcceptLoop::Coroutine(handle) => match handle.join() {
                Ok(served) => Ok(served),
                // It ends by itself, and the server with it.
                Err(JoinError::Interrupted(_) | JoinError::Killed) => return None,
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
