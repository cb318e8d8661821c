//! Servers: a family and a concurrency model that meet over one accept loop.

mod accept;
mod backoff;
mod builder;
mod config;
mod running;
mod waiting;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use builder::Builder;
pub use running::Running;

use self::accept::{Core, Goal};
use self::config::Config;
use self::waiting::Waiting;
use crate::concurrency::{Coroutine, Fork, Inline, Model, Shared, Thread};
use crate::error::{Error, Result};
use crate::family::{BindClaim, Family};
use crate::handler::Handler;
use crate::hooks::Hooks;
use crate::lifecycle::{DrainReport, Lifecycle, Phase, ServerHandle, Signals, drain, wait_for_change};
use crate::net::{Address, IntoAddress};
use crate::runtime::{self, Builder as CoroutineBuilder, NEVER};

/// A server of family `F` whose requests run in model `M`.
///
/// It is not running until [`serve_forever`](Server::serve_forever) or one of
/// its siblings is called; until then clients wait in the kernel's queue.
/// Dropping it closes its socket, removes its socket file and ends whatever is
/// still in flight.
///
/// ```
/// use greenserve::{TcpServer, net::TcpStream};
/// use std::io::{self, Read, Write};
///
/// fn echo(client: &mut TcpStream) -> io::Result<()> {
///     let mut buffer = [0; 1024];
///     loop {
///         let count = client.read(&mut buffer)?;
///         if count == 0 {
///             return Ok(());
///         }
///         client.write_all(&buffer[..count])?;
///     }
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0", echo)?.start()?;
/// let mut client = TcpStream::connect(server.address())?;
/// client.write_all(b"hello")?;
/// let mut heard = [0; 5];
/// client.read_exact(&mut heard)?;
/// assert_eq!(&heard, b"hello");
/// drop(client);
/// assert!(server.stop(std::time::Duration::from_secs(1))?.is_clean());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server<F: Family, M: Model = Coroutine> {
    /// What was asked for; `None` when the listener was adopted.
    requested: Option<Address>,
    listener: Option<Arc<F::Listener>>,
    /// Holds a Unix path between bind and listen.
    claim: Option<BindClaim>,
    shared: Arc<Shared<F>>,
    config: Arc<Config>,
    model: Arc<M>,
    signals: Option<Signals>,
}

impl<F: Family> Server<F, Coroutine> {
    /// A server on coroutines with the default settings, bound and listening.
    ///
    /// # Errors
    /// An address that cannot be read, resolved, bound or listened on.
    pub fn bind(address: impl IntoAddress, handler: impl Handler<F::Request>) -> Result<Self> {
        Self::builder(handler).bind(address)
    }

    /// Collects settings first.
    pub fn builder(handler: impl Handler<F::Request>) -> Builder<F, Coroutine> {
        Builder::new(handler)
    }
}

impl<F: Family, M: Model> Server<F, M> {
    fn assemble(
        requested: Option<Address>,
        listener: Option<F::Listener>,
        handler: Box<dyn Handler<F::Request>>,
        hooks: Box<dyn Hooks<F>>,
        config: Arc<Config>,
        model: M,
    ) -> Result<Self> {
        let limit = config.max_connections.unwrap_or_else(|| model.default_limit());
        let lifecycle = Lifecycle::new(limit)?;
        let adopted = listener.is_some();
        let server = Server {
            requested,
            listener: listener.map(Arc::new),
            claim: None,
            shared: Arc::new(Shared {
                handler,
                hooks,
                lifecycle,
            }),
            config,
            model: Arc::new(model),
            signals: None,
        };
        if adopted {
            server.lifecycle().advance(Phase::Bound, "adopt a listener")?;
            server.learn_address()?;
            server.lifecycle().advance(Phase::Listening, "adopt a listener")?;
        }
        Ok(server)
    }

    fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.shared.lifecycle
    }

    /// Creates the socket and binds it: the second step of two-phase
    /// construction, after [`Builder::unbound`].
    ///
    /// # Errors
    /// An address that cannot be resolved or bound; a server that is bound
    /// already.
    pub fn server_bind(&mut self) -> Result<()> {
        let Some(address) = self.requested.clone().filter(|_| self.listener.is_none()) else {
            return Err(Error::Phase {
                action: "bind",
                phase: "bound already",
            });
        };
        let (listener, claim) = F::bind(&address, &self.config.socket)?;
        self.shared.hooks.server_bind(&listener)?;
        self.lifecycle().advance(Phase::Bound, "bind")?;
        self.listener = Some(Arc::new(listener));
        self.claim = Some(claim);
        self.learn_address()
    }

    /// Begins to listen: the last step of two-phase construction.
    ///
    /// # Errors
    /// When the socket is not bound, listens already or cannot listen, or when
    /// [`Hooks::server_activate`] refuses. After the last two the server is
    /// closed.
    pub fn server_activate(&mut self) -> Result<()> {
        let listener = Arc::clone(self.bound("listen")?);
        let phase = self.lifecycle().phase();
        if phase != Phase::Bound {
            return Err(Error::Phase {
                action: "listen",
                phase: phase.describe(),
            });
        }
        let activated = self.activate(&listener);
        drop(listener);
        if activated.is_err() {
            self.finish(Some(Duration::ZERO));
        }
        activated
    }

    fn activate(&mut self, listener: &F::Listener) -> Result<()> {
        if let Some(address) = &self.requested {
            F::activate(listener, address, &self.config.socket)?;
        }
        self.claim = None;
        self.shared.hooks.server_activate(listener)?;
        self.lifecycle().advance(Phase::Listening, "listen")
    }

    fn learn_address(&self) -> Result<()> {
        let listener = self.bound("tell the address")?;
        let address = F::address(listener).map_err(|source| Error::System {
            action: "read the socket's address",
            source,
        })?;
        self.lifecycle().set_address(address);
        Ok(())
    }

    fn bound(&self, action: &'static str) -> Result<&Arc<F::Listener>> {
        self.listener.as_ref().ok_or_else(|| Error::Phase {
            action,
            phase: self.lifecycle().phase().describe(),
        })
    }

    /// Where the server is bound, with the real port (`server_address` of
    /// Python).
    ///
    /// # Errors
    /// When it is not bound.
    pub fn address(&self) -> Result<Address> {
        self.lifecycle().address().ok_or_else(|| Error::Phase {
            action: "tell the address",
            phase: self.lifecycle().phase().describe(),
        })
    }

    /// The remote control of this server.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(self.lifecycle()))
    }

    /// The concurrency model, with what it counts.
    pub fn concurrency(&self) -> &M {
        &self.model
    }

    /// The same server with its requests run in `model`.
    pub fn model<N: Model>(mut self, model: N) -> Server<F, N> {
        let limit = self.config.max_connections.unwrap_or_else(|| model.default_limit());
        self.lifecycle().connections().set_limit(limit);
        Server {
            requested: self.requested.take(),
            listener: self.listener.take(),
            claim: self.claim.take(),
            shared: Arc::clone(&self.shared),
            config: Arc::clone(&self.config),
            model: Arc::new(model),
            signals: self.signals.take(),
        }
    }

    /// The same server with a thread a request: `model(Thread::new())`.
    pub fn threads(self) -> Server<F, Thread> {
        self.model(Thread::new())
    }

    /// The same server with a child process a request, at most `max_children`
    /// at once.
    pub fn processes(self, max_children: usize) -> Server<F, Fork> {
        self.model(Fork::new().max_children(max_children))
    }

    /// The same server with one request after the other: `model(Inline::new())`.
    pub fn inline(self) -> Server<F, Inline> {
        self.model(Inline::new())
    }

    /// Serves until [`ServerHandle::shutdown`] is called.
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
        self.serve(Goal::Forever)
    }

    /// Serves one request, or waits for
    /// [`Builder::timeout`] and calls [`Hooks::handle_timeout`].
    ///
    /// # Errors
    /// As [`serve_forever`](Server::serve_forever).
    pub fn handle_request(&mut self) -> Result<()> {
        let deadline = self.config.timeout.map_or(NEVER, runtime::after);
        self.serve(Goal::OneRequest(deadline))
    }

    fn serve(&mut self, goal: Goal) -> Result<()> {
        let core = self.core()?;
        if !M::LOOPS_IN_COROUTINE || runtime::in_coroutine() {
            return core.serve(goal);
        }
        let name = format!("{} server {}", F::NAME, self.address()?);
        let builder = CoroutineBuilder::new()
            .name(name)
            .beside(core.listener.as_fd().as_raw_fd());
        match builder.spawn(move || core.serve(goal))?.join() {
            Ok(served) => served,
            Err(panic) => std::panic::resume_unwind(panic.into_payload()),
        }
    }

    fn core(&self) -> Result<Core<F, M>> {
        Ok(Core {
            listener: Arc::clone(self.bound("serve")?),
            shared: Arc::clone(&self.shared),
            model: Arc::clone(&self.model),
            config: Arc::clone(&self.config),
        })
    }

    /// Has SIGTERM and SIGINT end the server: the first one ends the accept
    /// loop, a second one kills what is in flight. When the server has been
    /// closed they do what they always did.
    ///
    /// When the server is gone they no longer do, but neither do they end the
    /// process again: a program that goes on needs handlers of its own.
    ///
    /// # Errors
    /// When the system refuses a handler, a pipe or a thread.
    pub fn handle_signals(&mut self) -> Result<()> {
        self.watch_signals(None)
    }

    fn watch_signals(&mut self, grace: Option<Duration>) -> Result<()> {
        let (signals, reader) = Signals::register(self.lifecycle(), M::WATCH.0, grace)?;
        self.lifecycle().set_handles_signals(reader.is_none());
        if let Some(reader) = reader {
            if M::LOOPS_IN_COROUTINE {
                CoroutineBuilder::new().name("signals").spawn(move || reader.run())?;
            } else {
                let spawned = thread::Builder::new()
                    .name("greenserve-signals".to_owned())
                    .spawn(move || reader.run());
                spawned.map_err(|source| Error::System {
                    action: "start a thread for signals",
                    source,
                })?;
            }
        }
        self.signals = Some(signals);
        Ok(())
    }

    /// Serves until SIGTERM or SIGINT, then drains for at most `grace`: what a
    /// program's `main` usually wants. A second signal cuts the drain short.
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
        self.model.check_background()?;
        Running::start(self)
    }

    /// Closes the socket and waits for the requests in flight if the model
    /// says so (`server_close` of Python, with `block_on_close`).
    pub fn server_close(mut self) -> DrainReport {
        let grace = if self.model.joins_on_close() {
            None
        } else {
            Some(Duration::ZERO)
        };
        if grace.is_some() {
            // Left running: not even looked at.
            self.close_listener();
            return DrainReport::default();
        }
        self.finish(grace)
    }

    /// Closes the socket, waits for the requests in flight for at most
    /// `grace`, and kills those that are left (`stop(timeout)` of gevent).
    ///
    /// Killing ends a request's waits with an error; a handler that computes
    /// is not reached, and the report names it among the survivors. Takes at
    /// most 100 ms longer than `grace`.
    pub fn stop(mut self, grace: Duration) -> DrainReport {
        self.finish(Some(grace))
    }

    /// No more requests, and the address is free.
    fn close_listener(&mut self) {
        if self.lifecycle().phase() == Phase::Closed {
            return;
        }
        if let Err(err) = self.lifecycle().advance(Phase::Draining, "close") {
            log::error!("{err}");
        }
        self.claim = None;
        if self.listener.take().is_some() {
            self.shared.hooks.server_close();
        }
    }

    fn finish(&mut self, grace: Option<Duration>) -> DrainReport {
        self.close_listener();
        let lifecycle = Arc::clone(self.lifecycle());
        let report = if M::LOOPS_IN_COROUTINE || M::WATCH.0 == crate::lifecycle::Watch::Reader {
            let watcher = lifecycle.watch();
            drain(
                &lifecycle,
                grace,
                |deadline| wait_for_change(&watcher, deadline),
                || lifecycle.take_signal(),
            )
        } else {
            let waiting = Waiting::new(&lifecycle);
            let wait = |deadline| {
                let _ = waiting.for_change(deadline);
                self.model.collect();
            };
            drain(&lifecycle, grace, wait, || lifecycle.take_signal())
        };
        self.signals = None;
        if let Err(err) = lifecycle.advance(Phase::Closed, "close") {
            log::error!("{err}");
        }
        report
    }
}

impl<F: Family, M: Model> Drop for Server<F, M> {
    fn drop(&mut self) {
        // A server whose parts moved on to another model has none left.
        if self.listener.is_some() {
            let report = self.finish(Some(Duration::ZERO));
            if !report.is_clean() {
                log::info!("a server was dropped while it served: {report}");
            }
        }
    }
}

impl<F: Family, M: Model> AsFd for Server<F, M> {
    /// The listening descriptor (`fileno` of Python), to be polled together
    /// with others.
    ///
    /// # Panics
    /// When the server is not bound.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.listener {
            Some(listener) => listener.as_fd(),
            None => panic!("a server that is not bound has no descriptor; call server_bind first"),
        }
    }
}
