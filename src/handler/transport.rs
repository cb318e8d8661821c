//! What protocols stand on: a connection of whatever kind.

use std::any::Any;
use std::fmt::Debug;
use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use super::Context;
use crate::net::{Deadlines, Peer, Stream, SystemStream, TcpStream};

/// A connection that a protocol is spoken over: a [`Stream`], or what encrypts
/// one.
///
/// Everything goes through a shared reference: one coroutine at a time may
/// read and another one write. Limits of time mean what they mean for a
/// [`Stream`]. `&dyn Transport` is [`Read`] and [`Write`], for libraries that
/// want those.
///
/// ```
/// use greenserve::{TcpServer, Transport, net::TcpStream};
/// use std::io::{self, Write};
///
/// fn greet(mut client: &dyn Transport) -> io::Result<()> {
///     let peer = client.peer()?;
///     writeln!(client, "hello, {peer}")
/// }
///
/// let server = TcpServer::bind("127.0.0.1:0", |client: &mut TcpStream| greet(client))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait Transport: Debug + Send + Sync + 'static {
    /// Reads as [`Read::read`]: waits until there is something; 0 is the end.
    ///
    /// # Errors
    /// As a read of the [`Stream`].
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Reads what is there, without waiting for more; 0 is the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when nothing is there, else as
    /// [`read`](Transport::read).
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as [`Write::write`], perhaps less than all.
    ///
    /// # Errors
    /// As a write of the [`Stream`].
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes as [`Write::write_vectored`], perhaps less than all.
    ///
    /// # Errors
    /// As a write of the [`Stream`].
    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Sends what is kept back for a later write; a [`Stream`] keeps nothing.
    ///
    /// # Errors
    /// As a write.
    fn flush(&self) -> io::Result<()>;

    /// Waits until [`try_read`](Transport::try_read) is worth a call: true when
    /// it is, false when the server drains and nothing is there. At once true
    /// when something [has been read ahead](Transport::has_read_ahead).
    ///
    /// It reads nothing, so whoever waits needs no buffer meanwhile, and in a
    /// drain it ends as [`Context::wait_for_request`] does. True is no promise:
    /// what is there may be the end, or no bytes for the reader after all.
    ///
    /// # Errors
    /// As a read.
    fn wait_for_request(&self, context: &Context) -> io::Result<bool>;

    /// Whether bytes have been taken off the socket that no read has returned
    /// yet.
    fn has_read_ahead(&self) -> bool;

    /// Ends one direction or both; see shutdown(2). What encrypts says so to
    /// its peer first.
    ///
    /// # Errors
    /// When the connection is gone already.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// As [`Stream::set_read_deadline`].
    fn set_read_deadline(&self, deadline: Option<Instant>);

    /// As [`Stream::set_write_deadline`].
    fn set_write_deadline(&self, deadline: Option<Instant>);

    /// As [`Stream::set_deadlines`].
    fn set_deadlines(&self, deadlines: Deadlines);

    /// Has the server count the deadlines that the client misses, though it has
    /// set none itself.
    #[doc(hidden)]
    fn be_counted(&self, _context: &Context) {}

    /// As [`Stream::deadlines`].
    fn deadlines(&self) -> Deadlines;

    /// As [`Stream::peer`]. Behind a proxy
    /// [`Context::client_address`] is the client.
    ///
    /// # Errors
    /// When the connection is gone already.
    fn peer(&self) -> io::Result<Peer>;

    /// As [`Stream::local`].
    ///
    /// # Errors
    /// When the system cannot tell.
    fn local(&self) -> io::Result<Peer>;

    /// Has small writes sent at once, or not: `TCP_NODELAY` of tcp(7). Does
    /// nothing where there is no such thing.
    ///
    /// # Errors
    /// When the connection is gone already.
    fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        let _ = at_once;
        Ok(())
    }

    /// Has the connection end with a reset when it closes (`SO_LINGER` of zero,
    /// see socket(7)), and not with the end of what was sent: for a message that
    /// is cut and that nothing else would show as cut. What has not reached the
    /// peer is thrown away. Does nothing where there is no such thing, as in
    /// Unix sockets.
    ///
    /// # Errors
    /// When the connection is gone already.
    fn reset_at_close(&self) -> io::Result<()> {
        Ok(())
    }

    /// Says that what was read was no message, nor the begin of one (an empty
    /// line before a request): it begins neither the time anew that the client
    /// may be [idle](crate::Deadlines::idle), until it
    /// [speaks](Transport::speaks), nor with `never` is it the client's first
    /// byte. Does nothing where no such time is kept.
    fn stays_silent(&self, never: bool) {
        let _ = never;
    }

    /// Says that a message begins after such bytes.
    fn speaks(&self) {}

    /// A second handle with a descriptor of its own: what one coroutine needs to
    /// write while another one reads, with the engine `may`.
    ///
    /// # Errors
    /// When the process has no descriptor left; [`io::ErrorKind::Unsupported`]
    /// from a transport that has no second handle.
    fn second_handle(&self) -> io::Result<Box<dyn Transport>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether nobody between the two ends can read along. False unless a
    /// transport says otherwise.
    fn is_encrypted(&self) -> bool {
        false
    }
}

impl<S: SystemStream> Transport for Stream<S> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Stream::try_read(self, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, bytes)
    }

    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(&mut &*self, bytes)
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }

    fn wait_for_request(&self, context: &Context) -> io::Result<bool> {
        context.wait_until_readable(self)
    }

    fn has_read_ahead(&self) -> bool {
        false
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Stream::shutdown(self, how)
    }

    fn set_read_deadline(&self, deadline: Option<Instant>) {
        Stream::set_read_deadline(self, deadline);
    }

    fn set_write_deadline(&self, deadline: Option<Instant>) {
        Stream::set_write_deadline(self, deadline);
    }

    fn set_deadlines(&self, deadlines: Deadlines) {
        Stream::set_deadlines(self, deadlines);
    }

    fn be_counted(&self, context: &Context) {
        self.count_missed_in(context.lifecycle().overdue());
    }

    fn deadlines(&self) -> Deadlines {
        Stream::deadlines(self)
    }

    #[cfg(feature = "http")]
    fn stays_silent(&self, never: bool) {
        Stream::stays_silent(self, never);
    }

    #[cfg(feature = "http")]
    fn speaks(&self) {
        Stream::speaks(self);
    }

    fn peer(&self) -> io::Result<Peer> {
        Stream::peer(self)
    }

    fn local(&self) -> io::Result<Peer> {
        Stream::local(self)
    }

    fn reset_at_close(&self) -> io::Result<()> {
        Stream::reset_at_close(self)
    }

    fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        match (self as &dyn Any).downcast_ref::<TcpStream>() {
            Some(tcp) => tcp.set_nodelay(at_once),
            None => Ok(()),
        }
    }

    fn second_handle(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(self.try_clone()?))
    }
}

impl Read for &(dyn Transport + '_) {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Transport::read(*self, buffer)
    }
}

impl Write for &(dyn Transport + '_) {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Transport::write(*self, bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Transport::write_vectored(*self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Transport::flush(*self)
    }
}
