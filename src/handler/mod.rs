//! What a request does: a closure, or a type with `setup`, `handle`, `finish`.

mod context;
mod datagram;
mod failure;
mod function;
mod next_request;
mod phases;
mod reader;
mod request;
mod stream;
mod transport;
mod wire;
mod writer;

pub use context::Context;
pub use datagram::{DatagramHandler, DatagramOptions, DatagramRequest, EachDatagram, each_datagram};
pub use failure::{Failure, HandlerError};
pub use function::{WithContext, with_context};
pub use reader::Reader;
pub use request::{Each, RequestHandler, each};
pub use stream::{EachStream, StreamHandler, StreamOptions, StreamRequest, each_stream};
pub use transport::Transport;
pub use wire::Wire;
#[cfg(feature = "tls")]
pub(crate) use wire::{Sending, sealed};
pub use writer::Writer;

/// Serves the requests of a server, one call a request.
///
/// Implemented for every closure `Fn(&mut R) -> Result<(), E>`, and by what
/// these functions make of the other forms:
///
/// | written as | given to a server as | Python |
/// | --- | --- | --- |
/// | a function or closure over the request | itself | gevent's `handle(socket, address)` |
/// | a closure that also wants the context | [`with_context`] | the same |
/// | a type with [`RequestHandler`] | [`each`] | `BaseRequestHandler` |
/// | a type with [`StreamHandler`] | [`each_stream`] | `StreamRequestHandler` |
/// | a type with [`DatagramHandler`] | [`each_datagram`] | `DatagramRequestHandler` |
///
/// A handler fails by returning an error of its own type or by panicking.
/// Either is one failed request: the others and the server go on, and
/// [`Hooks::handle_error`](crate::Hooks::handle_error) is told.
///
/// ```
/// use greenserve::net::TcpStream;
/// use std::io::{self, Write};
///
/// fn greet(client: &mut TcpStream) -> io::Result<()> {
///     client.write_all(b"hello\n")
/// }
///
/// let server = greenserve::TcpServer::bind("127.0.0.1:0", greet)?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait Handler<R>: Send + Sync + 'static {
    /// Serves one request. When it returns, the connection is closed.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn handle(&self, request: &mut R, context: &Context) -> Result<(), Failure>;

    /// What the handler is called in logs; its type's name by default.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}
