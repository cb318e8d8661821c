//! Handlers that read and write files: `StreamRequestHandler`.

use std::time::Duration;

use super::phases::handle_then_finish;
use super::{Context, Failure, Handler, Reader, Transport, Wire, Writer};
use crate::net::{Stream, SystemStream};

/// How `rfile`, `wfile` and the connection are set up.
///
/// ```
/// use greenserve::StreamOptions;
///
/// let options = StreamOptions { wbufsize: 4096, ..StreamOptions::default() };
/// assert_eq!(options.rbufsize, 8192);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The most that the buffer of `rfile` may hold, in bytes. Defaults to
    /// 8192, Python's default buffer. It begins without any and grows with
    /// what arrives: see [`Reader`]. With 0 nothing is read ahead, as in
    /// Python; reading lines then asks the system for each byte.
    pub rbufsize: usize,
    /// The buffer of `wfile` in bytes, taken with the first write. Defaults to
    /// 0: every write is sent at once and in full.
    pub wbufsize: usize,
    /// How long each operation on `rfile`, `wfile` and the connection may take
    /// as a whole: a line, an exact number of bytes, a write, a flush. Defaults
    /// to `None`: as long as it takes. This is [`Stream::set_timeout`]; for a
    /// limit on each wait, or an instant by which all must be done, call
    /// [`set_read_timeout`](Stream::set_read_timeout) or
    /// [`set_deadline`](Stream::set_deadline) of the connection in `setup`.
    pub timeout: Option<Duration>,
    /// Sets `TCP_NODELAY`. Defaults to false; means nothing for Unix sockets.
    pub disable_nagle_algorithm: bool,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions {
            rbufsize: 8192,
            wbufsize: 0,
            timeout: None,
            disable_nagle_algorithm: false,
        }
    }
}

/// A connection as a [`StreamHandler`] sees it.
#[derive(Debug)]
pub struct StreamRequest<S: Wire> {
    /// The connection itself: a [`Stream`], over TLS a `TlsStream`.
    pub connection: S::Connection,
    /// Reads the connection through a buffer: use
    /// [`BufRead`](std::io::BufRead) on it.
    pub rfile: Reader<S>,
    /// Writes to the connection, through a buffer when `wbufsize` is not 0.
    pub wfile: Writer<S>,
    /// Who is served, and by which server.
    pub context: Context,
}

/// A handler that treats its connection as two files: `StreamRequestHandler`
/// of Python.
///
/// After `finish` has run, `wfile` is flushed and both files are closed;
/// errors of that last flush are ignored, since the peer may be gone.
///
/// ```
/// use greenserve::net::SystemStream;
/// use greenserve::{Failure, StreamHandler, StreamRequest, TcpServer, each_stream};
/// use std::io::{BufRead, Write};
///
/// struct Lines;
///
/// impl<S: SystemStream> StreamHandler<S> for Lines {
///     fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
///         let mut line = String::new();
///         while client.rfile.read_line(&mut line)? > 0 {
///             client.wfile.write_all(line.to_uppercase().as_bytes())?;
///             line.clear();
///         }
///         Ok(())
///     }
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0", each_stream(|| Lines))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// Over TLS it is `tls::serve(certificates, each_stream(|| Lines))`, with
/// [`Wire`] in place of `SystemStream`: that handler is served either way.
pub trait StreamHandler<S: Wire> {
    /// How the files are set up; asked once, before `setup`.
    fn options(&self) -> StreamOptions {
        StreamOptions::default()
    }

    /// Prepares; does nothing by default.
    ///
    /// # Errors
    /// Whatever makes the request a failed one; neither `handle` nor `finish`
    /// is called then.
    fn setup(&mut self, request: &mut StreamRequest<S>) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }

    /// Serves the connection.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn handle(&mut self, request: &mut StreamRequest<S>) -> Result<(), Failure>;

    /// Cleans up; does nothing by default. `wfile` is flushed afterwards.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn finish(&mut self, request: &mut StreamRequest<S>) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }
}

/// A handler that makes a new `H` for each connection with `make`.
pub fn each_stream<M>(make: M) -> EachStream<M> {
    EachStream(make)
}

/// A handler made by [`each_stream`].
#[derive(Clone, Copy, Debug)]
pub struct EachStream<M>(M);

impl<S, M, H> Handler<Stream<S>> for EachStream<M>
where
    S: SystemStream,
    M: Fn() -> H + Send + Sync + 'static,
    H: StreamHandler<S>,
{
    fn handle(&self, connection: &mut Stream<S>, context: &Context) -> Result<(), Failure> {
        self.serve::<S, H>(connection, context)
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}

impl<M> EachStream<M> {
    /// Serves one connection, of whatever kind.
    pub(crate) fn serve<W, H>(&self, connection: &W::Connection, context: &Context) -> Result<(), Failure>
    where
        W: Wire,
        M: Fn() -> H,
        H: StreamHandler<W>,
    {
        let mut handler = (self.0)();
        let mut request = open::<W>(connection, handler.options(), context)?;
        if let Err(failure) = handler.setup(&mut request) {
            let _ = request.wfile.close();
            return Err(failure);
        }
        handle_then_finish(
            &mut (handler, &mut request),
            |(handler, request)| handler.handle(request),
            |(handler, request)| {
                let finished = handler.finish(request);
                // The peer may have gone, and then there is nobody to tell.
                let _ = request.wfile.close();
                finished
            },
        )
    }
}

fn open<W: Wire>(
    connection: &W::Connection,
    options: StreamOptions,
    context: &Context,
) -> Result<StreamRequest<W>, Failure> {
    if options.timeout.is_some() {
        W::stream(connection).set_timeout(options.timeout)?;
    }
    if options.disable_nagle_algorithm {
        connection.set_nodelay(true)?;
    }
    Ok(StreamRequest {
        rfile: Reader::new(W::share(connection), options.rbufsize),
        wfile: Writer::new(W::share(connection), options.wbufsize),
        connection: W::share(connection),
        context: context.clone(),
    })
}
