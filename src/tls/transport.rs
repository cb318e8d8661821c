//! TLS as what protocols stand on.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::time::Instant;

use super::stream::TlsStream;
use crate::handler::{Context, Transport};
use crate::net::{Deadlines, Peer, SystemStream};

impl<S: SystemStream> Transport for TlsStream<S> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        TlsStream::try_read(self, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, bytes)
    }

    fn write_vectored(&self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(&mut &*self, bytes)
    }

    fn flush(&self) -> io::Result<()> {
        Write::flush(&mut &*self)
    }

    fn wait_for_request(&self, context: &Context) -> io::Result<bool> {
        let listening = self.connection().listening();
        // The end may be known already, or that the session is broken. Bytes may
        // be there and no request: a part of a record, a ticket.
        while matches!(self.session().peek(), Ok(None)) {
            self.push();
            listening.goes_on();
            self.before_a_wait();
            if !context.wait_until_readable(self.connection())? {
                return Ok(false);
            }
            match self.receive_at_once() {
                Err(err) if err.kind() != io::ErrorKind::WouldBlock => return Err(err),
                _ => {}
            }
        }
        Ok(true)
    }

    fn has_read_ahead(&self) -> bool {
        TlsStream::has_read_ahead(self)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TlsStream::shutdown(self, how)
    }

    fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.connection().set_read_deadline(deadline);
    }

    fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.connection().set_write_deadline(deadline);
    }

    fn set_deadlines(&self, deadlines: Deadlines) {
        self.connection().set_deadlines(deadlines);
    }

    fn be_counted(&self, context: &Context) {
        self.connection().be_counted(context);
    }

    fn deadlines(&self) -> Deadlines {
        self.connection().deadlines()
    }

    fn stays_silent(&self, never: bool) {
        Transport::stays_silent(self.connection(), never);
    }

    fn speaks(&self) {
        Transport::speaks(self.connection());
    }

    fn peer(&self) -> io::Result<Peer> {
        TlsStream::peer(self)
    }

    fn local(&self) -> io::Result<Peer> {
        TlsStream::local(self)
    }

    fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        Transport::set_nodelay(self.connection(), at_once)
    }

    fn reset_at_close(&self) -> io::Result<()> {
        Transport::reset_at_close(self.connection())
    }

    fn second_handle(&self) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(self.try_clone()?))
    }

    fn is_encrypted(&self) -> bool {
        true
    }
}
