//! What a server is given before it has a socket.

mod flood;
mod observing;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::Server;
use super::config::Config;
use crate::concurrency::{Coroutine, Fork, Inline, Model, Thread};
use crate::error::Result;
use crate::family::Family;
use crate::handler::Handler;
use crate::hooks::{Defaults, Hooks};
use crate::limits::Limits;
use crate::net::{Deadlines, IntoAddress, SocketOptions, Stream, SystemStream};
use crate::proxy_protocol::ProxyProtocol;

/// Collects a server's settings; made by [`Server::builder`].
///
/// ```
/// use greenserve::{TcpServer, net::TcpStream};
///
/// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
///     .backlog(500)
///     .max_connections(100)
///     .threads()
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[must_use = "a builder binds nothing until `bind`"]
pub struct Builder<F: Family, M: Model = Coroutine> {
    handler: Box<dyn Handler<F::Request>>,
    hooks: Box<dyn Hooks<F>>,
    config: Config,
    model: M,
    family: PhantomData<F>,
}

impl<F: Family, M: Model> std::fmt::Debug for Builder<F, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("family", &F::NAME)
            .field("handler", &self.handler.name())
            .field("model", &self.model)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<F: Family> Builder<F, Coroutine> {
    pub(super) fn new(handler: impl Handler<F::Request>) -> Self {
        Builder {
            handler: Box::new(handler),
            hooks: Box::new(Defaults),
            config: Config::default(),
            model: Coroutine::new(),
            family: PhantomData,
        }
    }
}

impl<S: SystemStream, F: Family<Request = Stream<S>>, M: Model> Builder<F, M> {
    /// How long a client may take for what it owes. Defaults to
    /// [`Deadlines::none`]: a raw protocol may be silent for hours with reason.
    /// Whoever faces the open network begins with [`Deadlines::public`].
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.config.deadlines = deadlines;
        self
    }

    /// Reads a PROXY header before the handler begins, so that the address of
    /// the client is the real one and not the proxy's. Defaults to none.
    ///
    /// The header is read where the handler runs, so a proxy that is slow to
    /// write it holds up nobody else, but in the model [`Inline`]. A connection
    /// without one fails as if the handler had:
    /// [`Hooks::handle_error`] is told why.
    pub fn proxy_protocol(mut self, proxies: ProxyProtocol) -> Self {
        self.config.proxies = Some(proxies);
        self
    }
}

impl<F: Family, M: Model> Builder<F, M> {
    /// Runs requests in `model`. Defaults to [`Coroutine`].
    pub fn model<N: Model>(self, model: N) -> Builder<F, N> {
        Builder {
            handler: self.handler,
            hooks: self.hooks,
            config: self.config,
            model,
            family: PhantomData,
        }
    }

    /// Runs each request in a thread: `model(Thread::new())`.
    pub fn threads(self) -> Builder<F, Thread> {
        self.model(Thread::new())
    }

    /// Runs each request in a child process, at most `max_children` at once.
    pub fn processes(self, max_children: usize) -> Builder<F, Fork> {
        self.model(Fork::new().max_children(max_children))
    }

    /// Runs one request after the other: `model(Inline::new())`.
    pub fn inline(self) -> Builder<F, Inline> {
        self.model(Inline::new())
    }

    /// What happens around the handlers. Defaults to what each method of
    /// [`Hooks`] says.
    pub fn hooks(mut self, hooks: impl Hooks<F>) -> Self {
        self.hooks = Box::new(hooks);
        self.config.has_hooks = true;
        self
    }

    /// The options of the listening socket.
    pub fn socket_options(mut self, options: SocketOptions) -> Self {
        self.config.socket = options;
        self.config.has_socket_options = true;
        self
    }

    /// The listen backlog; see [`SocketOptions::backlog`]. Defaults to 1024.
    pub fn backlog(self, connections: u32) -> Self {
        let options = self.config.socket.clone().backlog(connections);
        self.socket_options(options)
    }

    /// The most requests in flight: beyond that nothing is accepted, and
    /// clients wait in the kernel's queue (gevent's `spawn=N`). Defaults to
    /// what the process can hold in the model. The same as
    /// [`Limits::connections`].
    pub fn max_connections(mut self, requests: usize) -> Self {
        self.config.limits = self.config.limits.connections(requests);
        self
    }

    /// How much the server takes on at once, of one client and in a second, and
    /// what becomes of the rest. Defaults to [`Limits::new`]: what the process
    /// can hold. [`ServerHandle::set_limits`](crate::ServerHandle::set_limits)
    /// changes them while the server runs.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// The longest datagram taken whole, in bytes; longer ones are cut, and
    /// [`Datagram::truncated`](crate::Datagram::truncated) says so. Defaults
    /// to 8192.
    pub fn max_packet_size(mut self, bytes: usize) -> Self {
        self.config.max_packet_size = bytes;
        self
    }

    /// The most requests taken in a row before others run (gevent's
    /// `max_accept`). Defaults to 100.
    pub fn max_accept(mut self, requests: usize) -> Self {
        self.config.max_accept = requests;
        self
    }

    /// How long accepting pauses after an error such as "too many open
    /// files": from `least`, doubling with each error in a row, up to `most`
    /// (gevent's `min_delay` and `max_delay`). Defaults to 10 ms and 1 s.
    pub fn accept_backoff(mut self, least: Duration, most: Duration) -> Self {
        self.config.min_delay = least;
        self.config.max_delay = most;
        self
    }

    /// How often [`Hooks::service_actions`] is called when nothing happens.
    /// Defaults to 500 ms. Without hooks the loop sleeps until it is needed;
    /// ending it never waits for this.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.config.poll_interval = interval;
        self
    }

    /// How long [`Server::handle_request`] waits before it calls
    /// [`Hooks::handle_timeout`] (`timeout` of Python). Defaults to `None`: as
    /// long as it takes.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Self {
        self.config.timeout = timeout;
        self
    }

    /// Gives each worker a listening socket and an accept loop of its own, all
    /// on the same port (`SO_REUSEPORT`, see socket(7)). Defaults to false.
    ///
    /// By default one loop accepts all clients, beside the workers if there
    /// are several, and gives each client to the worker that has the fewest.
    /// With a listener per worker the kernel chooses, by a hash of the
    /// addresses, and a client is served where it was accepted: no hand-over
    /// between threads, and no loop that all have to pass.
    ///
    /// Choose it when many short connections keep one thread busy with
    /// accepting alone. For clients that stay it costs more than it gives:
    ///
    /// - The hash knows nothing of load: a few hundred clients are spread
    ///   unevenly, and those of a worker that a handler holds up wait for it,
    ///   the new ones too, while another worker is idle.
    /// - Each socket has a queue of [`backlog`](Builder::backlog) of its own.
    /// - Another process of the same user may join the port if it sets
    ///   `SO_REUSEPORT` too. Who does not, such as a second instance of this
    ///   server, is refused the port as always.
    /// - [`Hooks::server_bind`] and [`Hooks::server_activate`] are called for
    ///   each socket, and the hooks of the accept loop by each loop, also at
    ///   once.
    ///
    /// There are as many sockets as the runtime has workers when the server is
    /// bound: configure the runtime before. With one worker it is a server as
    /// any other. [`max_connections`](Builder::max_connections) holds for all
    /// loops together, and [`Server::handle_request`] serves one request at
    /// whichever of them it arrives. With the engine `may` several loops
    /// accept, but a client goes to the worker that its descriptor's number
    /// belongs to, as always there.
    ///
    /// Refused with [`Error::InvalidOption`](crate::Error::InvalidOption): by
    /// [`bind`](Builder::bind) and [`unbound`](Builder::unbound) for Unix
    /// sockets, for `fd:N` and in the models that have no workers; by
    /// [`adopt`](Builder::adopt); and by serving, when the server was given
    /// such a model after it was bound.
    ///
    /// ```
    /// use greenserve::{TcpServer, net::TcpStream};
    ///
    /// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
    ///     .listener_per_worker(true)
    ///     .bind("127.0.0.1:0")?
    ///     .start()?;
    /// let _client = TcpStream::connect(server.address())?;
    /// server.stop(std::time::Duration::from_secs(1))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn listener_per_worker(mut self, each: bool) -> Self {
        self.config.listener_per_worker = each;
        self
    }

    /// Binds `address` and listens.
    ///
    /// # Errors
    /// A setting out of range; an address that cannot be read, resolved, bound
    /// or listened on. Nothing is left behind then.
    pub fn bind(self, address: impl IntoAddress) -> Result<Server<F, M>> {
        let mut server = self.unbound(address)?;
        server.server_bind()?;
        server.server_activate()?;
        Ok(server)
    }

    /// Makes the server without its socket: call
    /// [`server_bind`](Server::server_bind) and
    /// [`server_activate`](Server::server_activate) when it is time
    /// (`bind_and_activate=False` of Python).
    ///
    /// # Errors
    /// A setting out of range, or an address that cannot be read.
    pub fn unbound(self, address: impl IntoAddress) -> Result<Server<F, M>> {
        self.config.check()?;
        let address = address.into_address()?;
        self.config.check_listeners::<F, M>(Some(&address))?;
        Server::assemble(
            Some(address),
            None,
            self.handler,
            self.hooks,
            Arc::new(self.config),
            self.model,
        )
    }

    /// Serves a socket that is bound and listens already.
    ///
    /// # Errors
    /// A setting out of range, or options for the socket: it has its own.
    pub fn adopt(self, listener: F::Listener) -> Result<Server<F, M>> {
        self.config.check()?;
        self.config.check_adopted()?;
        self.config.check_listeners::<F, M>(None)?;
        Server::assemble(
            None,
            Some(listener),
            self.handler,
            self.hooks,
            Arc::new(self.config),
            self.model,
        )
    }
}
