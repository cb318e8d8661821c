//! How bytes from the socket become what a reader gets.

use std::io;

use super::stream::TlsStream;
use crate::net::{SystemStream, Transfer};
use crate::runtime;

impl<S: SystemStream> TlsStream<S> {
    /// Reads what there is, at least a byte; 0 at the end.
    pub(super) fn read_part(&self, transfer: &mut Transfer<'_, S>, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut listening = None;
        loop {
            let read = self.session().read(buffer);
            match read {
                Ok(0) => return self.stream.count_end().map(|()| 0),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => self.push(),
                read => return read,
            }
            listening.get_or_insert_with(|| self.stream.listening()).goes_on();
            self.receive(transfer)?;
        }
    }

    /// Reads what has been decrypted or can be at once.
    pub(super) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let awaits_first_byte = self.stream.awaits_first_byte();
        for is_last in [false, true] {
            let read = self.session().read(buffer);
            match read {
                Ok(0) if !buffer.is_empty() => return self.stream.count_end().map(|()| 0),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock && !is_last => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock && awaits_first_byte => {
                    // A part of a record has come, and is nothing.
                    self.stream.client_begins_here();
                    return Err(err);
                }
                read => return read,
            }
            self.push();
            self.receive_at_once()?;
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Decrypts what has come.
    ///
    /// # Errors
    /// `WouldBlock` if nothing has, and as [`receive`](TlsStream::receive).
    pub(super) fn receive_at_once(&self) -> io::Result<()> {
        let received = self.stream.read_at_once(|socket| self.session().take_in(socket));
        received.map(drop).map_err(|err| self.told(err))
    }

    /// Waits for bytes and decrypts them.
    pub(super) fn receive(&self, transfer: &mut Transfer<'_, S>) -> io::Result<()> {
        self.before_a_wait();
        let received = transfer.read_step(|socket| self.session().take_in(socket));
        received.map(drop).map_err(|err| self.told(err))
    }

    /// Gives back what the handshake has touched of the stack. A client that is
    /// served and gone without a wait costs no system call for it, and leaves the
    /// pages to the next handshake.
    pub(super) fn before_a_wait(&self) {
        if self.session().may_shrink() {
            runtime::release_unused_stack();
        }
    }

    /// An error of a read, after the other side was told if it is to blame.
    fn told(&self, err: io::Error) -> io::Error {
        self.push();
        self.named(err)
    }
}
