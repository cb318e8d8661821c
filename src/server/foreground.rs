//! How the accept loop is run: for how long, where, and until which signal.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::goal::Goal;
use super::session::{Session, join_loop};
use super::{Running, Server};
use crate::concurrency::Model;
use crate::error::{Error, Result};
use crate::family::Family;
use crate::lifecycle::{DrainReport, Lifecycle, Phase, Signals};
use crate::runtime::{self, Builder as CoroutineBuilder, NEVER};

impl<F: Family, M: Model> Server<F, M> {
    /// Serves until [`ServerHandle::shutdown`](crate::ServerHandle::shutdown) is called.
    ///
    /// On coroutines the loop is a coroutine itself, and the calling thread
    /// only waits for it; in the other models the loop runs in the caller.
    /// After it has returned it may be called again.
    ///
    /// # Errors
    /// A server that is not listening; a model that cannot work here
    /// ([`Error::ForkUnsafe`]); a listener that broke ([`Error::Accept`]). An
    /// error of a request never ends the loop.
    pub fn serve_forever(&mut self) -> Result<()> {
        self.serve(Goal::forever())
    }

    /// Serves one request, or waits for
    /// [`Builder::timeout`](super::Builder::timeout) and calls [`Hooks::handle_timeout`](crate::Hooks::handle_timeout).
    ///
    /// # Errors
    /// As [`serve_forever`](Server::serve_forever).
    pub fn handle_request(&mut self) -> Result<()> {
        let deadline = self.config.timeout.map_or(NEVER, runtime::after);
        self.serve(Goal::one_request(deadline))
    }

    fn serve(&mut self, goal: Goal) -> Result<()> {
        let session = self.session(goal)?;
        if !M::LOOPS_IN_COROUTINE || session.has_several_loops() || runtime::may_accept_here() {
            return session.serve();
        }
        let (goal, lifecycle) = (Arc::clone(&session.goal), Arc::clone(self.lifecycle()));
        let name = format!("{} server {}", F::NAME, self.address()?);
        let builder = CoroutineBuilder::new()
            .name(name)
            .acceptor(Some(session.listeners[0].as_fd().as_raw_fd()));
        let running = builder.spawn(move || session.serve())?;
        join_loop(running, &goal, &lifecycle).unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_payload()))
    }

    fn session(&self, goal: Goal) -> Result<Session<F, M>> {
        self.bound("serve")?;
        // The model may be another one since it was bound.
        self.config.check_listeners::<F, M>(self.requested.as_ref())?;
        Ok(Session {
            listeners: self.listeners.clone(),
            shared: Arc::clone(&self.shared),
            model: Arc::clone(&self.model),
            config: Arc::clone(&self.config),
            goal: Arc::new(goal),
        })
    }

    /// Has SIGTERM and SIGINT end the server: the first one ends the accept
    /// loop, a second one kills what is in flight. How long what is in flight
    /// may take is for who drains to say, as [`stop`](Server::stop) does.
    ///
    /// When the last server that handles signals has been closed, they do what
    /// they always did.
    ///
    /// # Errors
    /// When the system refuses a handler, a pipe or a thread.
    pub fn handle_signals(&mut self) -> Result<()> {
        self.watch_signals(None)
    }

    /// As [`handle_signals`](Server::handle_signals), and `grace` after the
    /// first signal what is still in flight is killed, whoever drains and for
    /// however long: also while nobody does, as with a server that was
    /// [started](Server::start) and whose owner is busy. A second signal kills
    /// it at once.
    ///
    /// ```no_run
    /// use greenserve::{TcpServer, net::TcpStream};
    /// use std::io::Write;
    /// use std::time::Duration;
    ///
    /// let mut server = TcpServer::bind("127.0.0.1:8001", |client: &mut TcpStream| client.write_all(b"hello"))?;
    /// server.handle_signals_within(Duration::from_secs(5))?;
    /// let running = server.start()?;
    /// // ... something else, for as long as it takes ...
    /// eprintln!("{}", running.wait()?);
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`handle_signals`](Server::handle_signals).
    pub fn handle_signals_within(&mut self, grace: Duration) -> Result<()> {
        self.watch_signals(Some(grace))
    }

    fn watch_signals(&mut self, grace: Option<Duration>) -> Result<()> {
        self.signals = Some(watch_signals::<M>(self.lifecycle(), grace)?);
        Ok(())
    }

    /// Serves until SIGTERM or SIGINT, then drains for at most `grace`: what a
    /// program's `main` usually wants. A second signal cuts the drain short. The
    /// report is also the status to end with: [`DrainReport::exit_code`].
    ///
    /// # Errors
    /// As [`serve_forever`](Server::serve_forever) and
    /// [`handle_signals`](Server::handle_signals).
    pub fn serve_until_signal(mut self, grace: Duration) -> Result<DrainReport> {
        // The drain comes too late for requests that run in the loop itself.
        self.watch_signals(M::RUNS_IN_LOOP.then_some(grace))?;
        self.serve_forever()?;
        Ok(self.stop(grace))
    }

    /// Runs the accept loop in the background: a coroutine's on coroutines, a
    /// thread's in the models thread and inline.
    ///
    /// # Errors
    /// A server that is not listening; a model that cannot work here: forking
    /// needs [`serve_forever`](Server::serve_forever) on the only thread.
    pub fn start(self) -> Result<Running<F, M>> {
        self.bound("serve")?;
        let phase = self.lifecycle().phase();
        if phase != Phase::Listening {
            return Err(Error::Phase {
                action: "serve",
                phase: phase.describe(),
            });
        }
        self.config.check_listeners::<F, M>(self.requested.as_ref())?;
        self.model.check_background()?;
        Running::start(self)
    }
}

/// Registers for the signals and starts who reads them, where somebody must.
pub(super) fn watch_signals<M: Model>(lifecycle: &Arc<Lifecycle>, grace: Option<Duration>) -> Result<Signals> {
    let (signals, reader) = Signals::register(lifecycle, M::WATCH.0, grace)?;
    lifecycle.set_handles_signals(reader.is_none());
    let Some(reader) = reader else {
        return Ok(signals);
    };
    if M::LOOPS_IN_COROUTINE {
        // Where no handler holds it up.
        let builder = CoroutineBuilder::new().name("signals").acceptor(None);
        builder.spawn(move || reader.run())?;
    } else {
        let spawned = thread::Builder::new()
            .name("greenserve-signals".to_owned())
            .spawn(move || reader.run());
        spawned.map_err(|source| Error::System {
            action: "start a thread for signals",
            source,
        })?;
    }
    Ok(signals)
}
