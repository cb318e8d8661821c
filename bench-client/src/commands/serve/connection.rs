//! A client's connection, plain or under TLS, as faults are put into it.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use greenserve::net::{Stream, SystemStream};
use greenserve::tls::TlsStream;
use socket2::SockRef;

/// What a service needs of a connection beside reading and writing.
pub(crate) trait Connection: Read + Write {
    /// The socket below.
    fn socket(&self) -> SockRef<'_>;

    /// Says that no more comes.
    ///
    /// # Errors
    /// When the connection is gone already.
    fn finish(&self) -> io::Result<()>;

    /// Limits how long one read may wait.
    ///
    /// # Errors
    /// When the limit is none.
    fn set_read_timeout(&self, limit: Duration) -> io::Result<()>;
}

impl<S: SystemStream> Connection for Stream<S> {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self)
    }

    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        Stream::set_read_timeout(self, Some(limit))
    }
}

impl<S: SystemStream> Connection for TlsStream<S> {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.connection())
    }

    fn finish(&self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }

    fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        self.connection().set_read_timeout(Some(limit))
    }
}
