//! Servers: a family and a concurrency model that meet over one accept loop.

mod accept;
mod accept_wait;
mod admission;
mod background;
mod backoff;
mod builder;
mod config;
mod foreground;
mod goal;
mod listeners;
mod session;
mod surplus;
mod teardown;

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

pub use background::Running;
pub use builder::Builder;

use self::config::Config;
use crate::concurrency::{Coroutine, Fork, Inline, Model, Shared, Thread};
use crate::error::Result;
use crate::family::{BindClaim, Family};
use crate::handler::Handler;
use crate::hooks::Hooks;
use crate::lifecycle::{Lifecycle, Phase, ServerHandle, Signals};
use crate::net::{Address, IntoAddress};

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
    /// None before it is bound; one, or one for each worker.
    listeners: Vec<Arc<F::Listener>>,
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
        let lifecycle = Lifecycle::new(config.limit::<F>(&model))?;
        lifecycle.gate().set_limits(config.limits.clone());
        lifecycle.folding().set_period(config.failure_log_period);
        lifecycle.set_deadlines(config.deadlines.clone());
        lifecycle.observers().set(&config.observers.0);
        let adopted = listener.is_some();
        let server = Server {
            requested,
            listeners: listener.into_iter().map(Arc::new).collect(),
            claim: None,
            shared: Arc::new(Shared {
                handler,
                hooks,
                lifecycle,
                proxies: config.proxies.clone(),
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
        self.lifecycle().connections().set_limit(self.config.limit::<F>(&model));
        Server {
            requested: self.requested.take(),
            listeners: std::mem::take(&mut self.listeners),
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
}

impl<F: Family, M: Model> AsFd for Server<F, M> {
    /// The listening descriptor (`fileno` of Python), to be polled together
    /// with others. Of a server with a
    /// [listener per worker](Builder::listener_per_worker) it is the first
    /// one's, and says nothing of clients at the others.
    ///
    /// # Panics
    /// When the server is not bound.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self.listeners.first() {
            Some(listener) => listener.as_fd(),
            None => panic!("a server that is not bound has no descriptor; call server_bind first"),
        }
    }
}
