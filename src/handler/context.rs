//! What a handler may know beside its request.

use std::sync::Arc;

use log::Level;

use super::HandlerError;
use crate::lifecycle::{Connection, Idle, Lifecycle, ServerHandle};
use crate::net::{Overdue, Peer};

/// Who is served, and by which server: `self.client_address` and
/// `self.server` of Python.
#[derive(Clone, Debug)]
pub struct Context {
    connection: Arc<Connection>,
    lifecycle: Arc<Lifecycle>,
}

impl Context {
    pub(crate) fn new(connection: Arc<Connection>, lifecycle: Arc<Lifecycle>) -> Self {
        Context { connection, lifecycle }
    }

    /// Who is served: behind a proxy whose
    /// [PROXY header](crate::Builder::proxy_protocol) is believed, its client.
    pub fn client_address(&self) -> &Peer {
        self.connection.peer()
    }

    /// The request as the server knows it: its number, model and name.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// The server, to shut it down or to look at it.
    pub fn server(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(&self.lifecycle))
    }

    /// True once the server has been asked to end: finish what you are at,
    /// and do not wait for the client's next request. To be told of it while
    /// you wait, use [`wait_for_request`](Context::wait_for_request) or
    /// [`idle`](Context::idle).
    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }

    /// Runs `wait` as something that may be ended when the server drains: what
    /// it waits for then fails with [`WaitError::Draining`](crate::WaitError::Draining),
    /// at once if the server drains already. Whatever `wait` returns is
    /// returned.
    ///
    /// Put into it the waiting alone, and nothing that would be lost if it
    /// ended in the middle. Bytes that a read has taken are returned, also at
    /// the very moment of a drain. After `wait` the handler waits as before, so
    /// it can say goodbye.
    ///
    /// While it runs, the request counts as
    /// [idle](crate::ConnectionState::idle). It ends the waits of the task that
    /// calls it: in a coroutine all of them, in a thread those of
    /// [`sync`](crate::sync) and [`sleep`](crate::runtime::sleep). A thread that
    /// waits for its socket is reached by
    /// [`wait_for_request`](Context::wait_for_request) alone, and in a
    /// [forked](crate::Fork) child that is so for every wait.
    ///
    /// ```
    /// use greenserve::net::TcpStream;
    /// use greenserve::{Context, Tcp, WaitError, sync, testing::TestServer, with_context};
    /// use std::io::{self, Write};
    ///
    /// let (sender, news) = sync::channel::<String>(10);
    /// let listener = with_context(move |client: &mut TcpStream, context: &Context| -> io::Result<()> {
    ///     loop {
    ///         match context.idle(|| news.recv()) {
    ///             Ok(text) => writeln!(client, "{text}")?,
    ///             Err(WaitError::Draining) => return writeln!(client, "goodbye"),
    ///             Err(_) => return Ok(()),
    ///         }
    ///     }
    /// });
    /// let server = TestServer::<Tcp>::start(listener)?;
    /// let client = server.connect()?;
    /// sender.send("hello".to_owned())?;
    /// while !server.handle().connections().iter().any(|client| client.idle) {
    ///     std::thread::yield_now();
    /// }
    /// assert!(server.stop()?.is_clean());
    /// assert_eq!(io::read_to_string(client)?, "hello\ngoodbye\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idle<R>(&self, wait: impl FnOnce() -> R) -> R {
        let _idle = Idle::begin(&self.connection, &self.lifecycle);
        wait()
    }

    /// Writes a line about a failed request, as
    /// [`Hooks::handle_error`](crate::Hooks::handle_error) does by default: at
    /// level debug if the client went away, else as an error. Failures of one
    /// handler that read the same are one line a
    /// [period](crate::Builder::failure_log_period), with their number.
    pub fn log_failure(&self, error: &HandlerError) {
        let level = match error.is_disconnect() {
            true => Level::Debug,
            false => Level::Error,
        };
        self.lifecycle
            .folding()
            .log(level, &self.connection, &error.to_string());
    }

    /// Counts a deadline that a protocol looks at itself: those of the connection
    /// have been counted where they ended a wait.
    pub(crate) fn count_missed(&self, deadline: Overdue) {
        self.lifecycle.overdue().count(deadline);
    }

    /// Counts a failed request.
    pub(crate) fn count(&self, error: &HandlerError) {
        self.lifecycle.tally().count(error.ending());
    }
}
