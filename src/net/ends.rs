//! Which two ends a connection has.

use std::io;

use super::Peer;
use super::stream::{Stream, SystemStream};

impl<S: SystemStream> Stream<S> {
    /// Who is at the other end.
    ///
    /// # Errors
    /// When the connection is gone already (`ENOTCONN`).
    pub fn peer(&self) -> io::Result<Peer> {
        self.socket().system().peer()
    }

    /// This end of the connection, in the form that the other one has.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn local(&self) -> io::Result<Peer> {
        self.socket().system().local()
    }
}
