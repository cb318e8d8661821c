//! What the files of a handler lie over: the system's stream, or what encrypts
//! one.

use std::io::{self, Read, Write};

use super::{Context, Transport};
use crate::net::{Stream, SystemStream, Transfer};

/// What a [`StreamHandler`](super::StreamHandler) is served over: one of the
/// system's streams, or with the feature `tls` a `TlsStream` over one.
///
/// A handler for both is written for any `W: Wire`. One that is written for
/// `S: SystemStream` is served unencrypted alone, and one for
/// `TlsStream<std::net::TcpStream>` encrypted alone, where it can ask for the
/// client's certificate.
///
/// Sealed: implemented for std's two stream types and for `TlsStream`.
///
/// ```
/// use greenserve::{Failure, StreamHandler, StreamRequest, Wire};
/// use std::io::{BufRead, Write};
///
/// struct Lines;
///
/// impl<W: Wire> StreamHandler<W> for Lines {
///     fn handle(&mut self, client: &mut StreamRequest<W>) -> Result<(), Failure> {
///         let mut line = String::new();
///         while client.wait_for_request()? {
///             client.rfile.read_line(&mut line)?;
///             client.wfile.write_all(line.to_uppercase().as_bytes())?;
///             line.clear();
///         }
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
pub trait Wire: sealed::Sealed + Sized + 'static {
    /// The connection, as its handler sees it: a [`Stream`] or a `TlsStream`.
    type Connection: Transport;

    /// The system's stream at the bottom.
    #[doc(hidden)]
    type System: SystemStream;

    /// What everything comes over in the end, with its limits.
    #[doc(hidden)]
    fn stream(connection: &Self::Connection) -> &Stream<Self::System>;

    /// The same handle again: see [`Stream::share`].
    #[doc(hidden)]
    fn share(connection: &Self::Connection) -> Self::Connection;

    /// One operation that reads, in as many parts as it takes.
    #[doc(hidden)]
    fn reading(connection: &Self::Connection) -> impl Read;

    /// One operation that writes, in as many parts as it takes.
    #[doc(hidden)]
    fn writing(connection: &Self::Connection) -> impl Sending;

    /// Waits as [`Context::wait_for_request`]; `look` reads, and is true when
    /// bytes were there.
    #[doc(hidden)]
    fn wait_for_bytes(
        connection: &Self::Connection,
        context: &Context,
        look: impl FnMut() -> io::Result<bool>,
    ) -> io::Result<bool>;
}

/// A write that tells how far it came.
#[doc(hidden)]
pub trait Sending: Write {
    /// How many of the bytes it was given have gone and will not come back.
    fn moved(&self) -> usize;

    /// `err` with that number, if it is the end of a wait.
    fn unfinished(&self, err: io::Error) -> io::Error;
}

pub(crate) mod sealed {
    pub trait Sealed {}
}

impl<S: SystemStream> sealed::Sealed for S {}

impl<S: SystemStream> Wire for S {
    type Connection = Stream<S>;
    type System = S;

    fn stream(connection: &Stream<S>) -> &Stream<S> {
        connection
    }

    fn share(connection: &Stream<S>) -> Stream<S> {
        connection.share()
    }

    fn reading(connection: &Stream<S>) -> impl Read {
        Transfer::reading(connection)
    }

    fn writing(connection: &Stream<S>) -> impl Sending {
        Transfer::writing(connection)
    }

    fn wait_for_bytes(
        connection: &Stream<S>,
        context: &Context,
        look: impl FnMut() -> io::Result<bool>,
    ) -> io::Result<bool> {
        context.wait_for_bytes(connection, look)
    }
}

impl<S: SystemStream> Sending for Transfer<'_, S> {
    fn moved(&self) -> usize {
        Transfer::moved(self)
    }

    fn unfinished(&self, err: io::Error) -> io::Error {
        Transfer::unfinished(self, err)
    }
}
