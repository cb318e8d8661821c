//! Handlers that read a packet and write the reply: `DatagramRequestHandler`.

use std::io::Cursor;

use super::phases::handle_then_finish;
use super::{Context, Failure, Handler};
use crate::family::Datagram;
use crate::net::SystemDatagram;

/// What a [`DatagramHandler`] replies with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramOptions {
    /// Sends an empty datagram when nothing was written, as Python does.
    /// Defaults to false: nothing written, nothing sent.
    pub reply_if_empty: bool,
}

/// A datagram as a [`DatagramHandler`] sees it.
#[derive(Debug)]
pub struct DatagramRequest {
    /// The packet, to be read.
    pub rfile: Cursor<Vec<u8>>,
    /// What is written here is sent to the client as one datagram when
    /// `finish` has run.
    pub wfile: Vec<u8>,
    /// True when the packet was longer than the server takes.
    pub truncated: bool,
    /// Who is served, and by which server.
    pub context: Context,
}

/// A handler that treats a packet as a file to read and its reply as a file
/// to write: `DatagramRequestHandler` of Python.
///
/// ```
/// use greenserve::{DatagramHandler, DatagramRequest, Failure, UdpServer, each_datagram};
/// use std::io::{Read, Write};
///
/// struct Upper;
///
/// impl DatagramHandler for Upper {
///     fn handle(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
///         let mut text = Vec::new();
///         request.rfile.read_to_end(&mut text)?;
///         request.wfile.write_all(&text.to_ascii_uppercase())?;
///         Ok(())
///     }
/// }
///
/// let server = UdpServer::bind("127.0.0.1:0", each_datagram(|| Upper))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait DatagramHandler {
    /// How the reply is sent; asked once.
    fn options(&self) -> DatagramOptions {
        DatagramOptions::default()
    }

    /// Prepares; does nothing by default.
    ///
    /// # Errors
    /// Whatever makes the request a failed one; neither `handle` nor `finish`
    /// is called then, and nothing is sent.
    fn setup(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }

    /// Serves the datagram.
    ///
    /// # Errors
    /// Whatever makes the request a failed one. What was written before is
    /// sent all the same, as in Python.
    fn handle(&mut self, request: &mut DatagramRequest) -> Result<(), Failure>;

    /// Cleans up; does nothing by default. The reply is sent afterwards.
    ///
    /// # Errors
    /// Whatever makes the request a failed one.
    fn finish(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
        let _ = request;
        Ok(())
    }
}

/// A handler that makes a new `H` for each datagram with `make`.
pub fn each_datagram<M>(make: M) -> EachDatagram<M> {
    EachDatagram(make)
}

/// A handler made by [`each_datagram`].
#[derive(Clone, Copy, Debug)]
pub struct EachDatagram<M>(M);

impl<S, M, H> Handler<Datagram<S>> for EachDatagram<M>
where
    S: SystemDatagram,
    M: Fn() -> H + Send + Sync + 'static,
    H: DatagramHandler,
{
    fn handle(&self, datagram: &mut Datagram<S>, context: &Context) -> Result<(), Failure> {
        let mut handler = (self.0)();
        let reply_if_empty = handler.options().reply_if_empty;
        let mut request = DatagramRequest {
            rfile: Cursor::new(datagram.packet().to_vec()),
            wfile: Vec::new(),
            truncated: datagram.truncated(),
            context: context.clone(),
        };
        handler.setup(&mut request)?;
        handle_then_finish(
            &mut (handler, &mut request),
            |(handler, request)| handler.handle(request),
            |(handler, request)| {
                handler.finish(request)?;
                if reply_if_empty || !request.wfile.is_empty() {
                    datagram.reply(&request.wfile)?;
                }
                Ok(())
            },
        )
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}
