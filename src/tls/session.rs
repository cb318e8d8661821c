//! The state of a TLS session. Nothing here waits: it is what lies behind the
//! lock of a stream.

use std::io::{self, BufRead, IoSlice, Read, Write};

use rustls::{Connection, Error as TlsError, ProtocolVersion};

use crate::net::{AtOnce, SystemStream};

/// What may be encrypted and not sent yet: a reply of 64 KiB with its head
/// goes out in one piece.
const MOST_UNSENT: usize = 72 * 1024;

/// A session, of either side.
#[derive(Debug)]
pub(super) struct Session {
    tls: Connection,
    /// We have said that nothing more comes.
    is_finished: bool,
    /// A write has failed that was encrypted already: its records are next.
    is_stuck: bool,
    /// The handshake went deeper than anything after it, and nothing has waited
    /// since.
    was_deep: bool,
}

impl Session {
    pub(super) fn new(tls: impl Into<Connection>) -> Session {
        let mut tls = tls.into();
        tls.set_buffer_limit(Some(MOST_UNSENT));
        Session {
            tls,
            is_finished: false,
            is_stuck: false,
            was_deep: true,
        }
    }

    /// True before the first wait after the handshake: the stack would keep what
    /// a signature has touched of it for as long as the other side is there.
    pub(super) fn may_shrink(&mut self) -> bool {
        std::mem::take(&mut self.was_deep)
    }

    /// What both sides have agreed on, and who the other one is.
    pub(super) fn agreed(&self) -> &Connection {
        &self.tls
    }

    /// The name that the client asked for; on a client's side nothing.
    pub(super) fn asked_name(&self) -> Option<&str> {
        match &self.tls {
            Connection::Server(tls) => tls.server_name(),
            Connection::Client(_) => None,
        }
    }

    pub(super) fn is_server(&self) -> bool {
        matches!(self.tls, Connection::Server(_))
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Whether the other side may wait for what we have not sent yet.
    pub(super) fn owes_the_handshake(&self) -> bool {
        let tickets_alone = self.is_server() && self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3);
        self.is_handshaking() || !tickets_alone
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    /// Decrypts what `socket` has: one record or several, and no more than it
    /// takes to have something for the reader.
    ///
    /// # Errors
    /// `WouldBlock` if it has nothing; [`TlsError`] within an error if what came
    /// breaks the session.
    pub(super) fn take_in<S: SystemStream>(&mut self, socket: &mut AtOnce<'_, S>) -> io::Result<()> {
        // Another reader may have been first, and the room is bounded.
        while !self.has_news() {
            if self.tls.read_tls(socket)? == 0 {
                return Ok(());
            }
            self.tls.process_new_packets().map_err(broken)?;
            if socket.is_short() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether a reader need not wait.
    fn has_news(&mut self) -> bool {
        !matches!(self.peek(), Ok(None))
    }

    /// Whether something can be read now; `None` if nobody knows yet. At the
    /// end nothing can.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the connection ended and the
    /// session did not.
    pub(super) fn peek(&mut self) -> io::Result<Option<bool>> {
        match self.tls.reader().fill_buf() {
            Ok(ahead) => Ok(Some(!ahead.is_empty())),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(err) => Err(cut_off(err)),
        }
    }

    /// Reads what has been decrypted.
    ///
    /// # Errors
    /// `WouldBlock` if that is nothing, and as [`peek`](Session::peek).
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tls.reader().read(buffer).map_err(cut_off)
    }

    /// Encrypts, to be sent; 0 when there is no room before something is sent.
    ///
    /// # Errors
    /// When we have finished, a write before this one failed, or the session is
    /// broken.
    pub(super) fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_finished {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the TLS session was shut down for writing",
            ));
        }
        if self.is_stuck {
            return Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "a write before this one was cut short, and its rest comes first: flush",
            ));
        }
        let written = match slices {
            [only] => self.tls.writer().write(only),
            several => self.tls.writer().write_vectored(several),
        };
        written.map_err(unwrapped)
    }

    /// A write has failed after it was encrypted.
    pub(super) fn cut_short(&mut self) {
        self.is_stuck = true;
    }

    /// Sends what `socket` takes of what is encrypted.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing.
    pub(super) fn give_out<S: SystemStream>(&mut self, socket: &mut AtOnce<'_, S>) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(socket)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            if socket.is_short() {
                return Ok(());
            }
        }
        self.is_stuck = false;
        Ok(())
    }

    /// Says that nothing more comes; what was written before comes first.
    pub(super) fn finish(&mut self) {
        self.is_finished = true;
        self.tls.send_close_notify();
    }
}

/// An error that the other side's bytes are to blame for.
fn broken(err: TlsError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, err)
}

/// rustls keeps what broke a session within errors of its own.
fn unwrapped(err: io::Error) -> io::Error {
    match err.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(tls) => broken(tls.clone()),
        None => err,
    }
}

fn cut_off(err: io::Error) -> io::Error {
    match err.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the connection ended and the TLS session did not (no close_notify): what came may be cut off",
        ),
        _ => err,
    }
}
