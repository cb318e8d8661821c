//! `wfile`: buffered or not.

use std::fmt;
use std::io::{self, BufWriter, Write};

use crate::net::{Stream, SystemStream};

/// Where a [`StreamHandler`](super::StreamHandler) writes: every write at once
/// (`wbufsize` 0, the default), or collected in a buffer.
pub struct Writer<S: SystemStream>(Inner<S>);

enum Inner<S: SystemStream> {
    AtOnce(Stream<S>),
    Buffered(BufWriter<Stream<S>>),
    /// Closed by `finish`.
    Closed,
}

impl<S: SystemStream> Writer<S> {
    pub(super) fn new(stream: Stream<S>, buffer: usize) -> Self {
        Writer(match buffer {
            0 => Inner::AtOnce(stream),
            size => Inner::Buffered(BufWriter::with_capacity(size, stream)),
        })
    }

    /// Flushes and closes; what could not be flushed is dropped rather than
    /// tried again by a destructor.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let flushed = self.flush();
        if let Inner::Buffered(buffered) = std::mem::replace(&mut self.0, Inner::Closed) {
            let _ = buffered.into_parts();
        }
        flushed
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "wfile is closed; finish has run")
}

impl<S: SystemStream> Write for Writer<S> {
    /// Unbuffered, writes everything, as `_SocketWriter.write` does, and
    /// returns the number of bytes given.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::AtOnce(stream) => stream.write_all(bytes).map(|()| bytes.len()),
            Inner::Buffered(buffered) => buffered.write(bytes),
            Inner::Closed => Err(closed()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::AtOnce(_) | Inner::Closed => Ok(()),
            Inner::Buffered(buffered) => buffered.flush(),
        }
    }
}

impl<S: SystemStream> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Inner::AtOnce(_) => "Writer(unbuffered)",
            Inner::Buffered(_) => "Writer(buffered)",
            Inner::Closed => "Writer(closed)",
        })
    }
}
