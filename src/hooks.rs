//! The methods of socketserver's servers that a subclass would override.

use crate::error::Result;
use crate::family::{Family, Request};
use crate::handler::{Context, Failure, Handler, HandlerError};
use crate::net::Peer;

/// What happens around the handlers of a server: every method has the default
/// of Python's `BaseServer`, and an own implementation replaces it.
///
/// On the way to a handler they are called in this order: `get_request`,
/// `verify_request`, `process_request`, `finish_request` (which runs the
/// handler), then `handle_error` if something failed, `shutdown_request`,
/// `close_request`. The first three run in the accept loop and hold it up;
/// the others run where the handler does: in its coroutine, thread or child
/// process. A panic in one of them counts as an error of its request.
///
/// ```
/// use greenserve::{Failure, Hooks, Tcp, TcpServer, net::{Peer, TcpStream}};
///
/// struct LocalOnly;
///
/// impl Hooks<Tcp> for LocalOnly {
///     fn verify_request(&self, _: &TcpStream, peer: &Peer) -> Result<bool, Failure> {
///         Ok(peer.ip().is_some_and(|ip| ip.is_loopback()))
///     }
/// }
///
/// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
///     .hooks(LocalOnly)
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait Hooks<F: Family>: Send + Sync + 'static {
    /// The socket is bound and does not listen yet: the moment to set options
    /// of your own.
    ///
    /// # Errors
    /// An error closes the socket and is returned by `bind` or `server_bind`.
    fn server_bind(&self, listener: &F::Listener) -> Result<()> {
        let _ = listener;
        Ok(())
    }

    /// The socket listens.
    ///
    /// # Errors
    /// An error closes the socket and is returned by `bind` or
    /// `server_activate`.
    fn server_activate(&self, listener: &F::Listener) -> Result<()> {
        let _ = listener;
        Ok(())
    }

    /// Takes the next request, without waiting; `max_packet_size` is the
    /// longest datagram taken whole.
    ///
    /// # Errors
    /// [`std::io::ErrorKind::WouldBlock`] when there is none after all; any
    /// other error makes the accept loop pause or end, by its kind.
    fn get_request(&self, listener: &F::Listener, max_packet_size: usize) -> std::io::Result<(F::Request, Peer)> {
        F::next_request(listener, max_packet_size)
    }

    /// Decides whether the request is served. One that is not is counted:
    /// [`Refused::hooks`](crate::Refused::hooks).
    ///
    /// # Errors
    /// An error refuses the request and goes to
    /// [`handle_error`](Hooks::handle_error). (In Python it would end the
    /// server.)
    fn verify_request(&self, request: &F::Request, client_address: &Peer) -> Result<bool, Failure> {
        let _ = (request, client_address);
        Ok(true)
    }

    /// The request is about to be given to the concurrency model.
    ///
    /// # Errors
    /// As [`verify_request`](Hooks::verify_request).
    fn process_request(&self, request: &F::Request, client_address: &Peer) -> Result<(), Failure> {
        let _ = (request, client_address);
        Ok(())
    }

    /// Runs the handler: the place to put something around it.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn finish_request(
        &self,
        request: &mut F::Request,
        handler: &dyn Handler<F::Request>,
        context: &Context,
    ) -> Result<(), Failure> {
        handler.handle(request, context)
    }

    /// Tells the peer that no more will be sent; nothing for a datagram.
    fn shutdown_request(&self, request: &F::Request, client_address: &Peer) {
        let _ = client_address;
        request.shutdown();
    }

    /// Closes the request.
    fn close_request(&self, request: F::Request, client_address: &Peer) {
        let _ = client_address;
        drop(request);
    }

    /// A request failed. Logs it: a disconnection at debug level, anything
    /// else as an error, with the request's model, peer and handler, and equal
    /// ones as one line ([`Context::log_failure`]). It runs where the handler
    /// did, so a log that blocks blocks a worker: see
    /// [Logging](crate#logging).
    fn handle_error(&self, error: &HandlerError, context: &Context) {
        context.log_failure(error);
    }

    /// [`Server::handle_request`](crate::Server::handle_request) waited for
    /// its timeout and no request came.
    fn handle_timeout(&self) {}

    /// Called by `serve_forever` after each turn of its loop: after requests
    /// were taken, and at the latest every `poll_interval`.
    fn service_actions(&self) {}

    /// The listening socket has been closed.
    fn server_close(&self) {}
}

/// The hooks of a server that was given none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Defaults;

impl<F: Family> Hooks<F> for Defaults {}
