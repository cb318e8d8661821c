//! `wfile`: buffered or not.

use std::fmt;
use std::io::{self, BufWriter, Write};

use crate::net::{Stream, SystemStream};

/// Where a [`StreamHandler`](super::StreamHandler) writes: every write at once
/// (`wbufsize` 0, the default), or collected in a buffer, which is taken with
/// the first write.
pub struct Writer<S: SystemStream>(Inner<S>);

enum Inner<S: SystemStream> {
    AtOnce(Stream<S>),
    /// To be buffered in so many bytes.
    Unwritten(Stream<S>, usize),
    Buffered(BufWriter<Stream<S>>),
    /// Closed by `finish`.
    Closed,
}

impl<S: SystemStream> Writer<S> {
    pub(super) fn new(stream: Stream<S>, buffer: usize) -> Self {
        Writer(match buffer {
            0 => Inner::AtOnce(stream),
            size => Inner::Unwritten(stream, size),
        })
    }

    fn take_buffer(&mut self) {
        if let Inner::Unwritten(stream, size) = &self.0 {
            self.0 = Inner::Buffered(BufWriter::with_capacity(*size, stream.share()));
        }
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
        self.take_buffer();
        match &mut self.0 {
            Inner::AtOnce(stream) | Inner::Unwritten(stream, _) => stream.write_all(bytes).map(|()| bytes.len()),
            Inner::Buffered(buffered) => buffered.write(bytes),
            Inner::Closed => Err(closed()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Buffered(buffered) => buffered.flush(),
            Inner::AtOnce(_) | Inner::Unwritten(..) | Inner::Closed => Ok(()),
        }
    }
}

impl<S: SystemStream> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Inner::AtOnce(_) => "Writer(unbuffered)",
            Inner::Unwritten(..) => "Writer(buffered, nothing written)",
            Inner::Buffered(_) => "Writer(buffered)",
            Inner::Closed => "Writer(closed)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_taken_with_the_first_write() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut writer = Writer::new(Stream::from(ours), 4096);
        assert!(matches!(writer.0, Inner::Unwritten(..)));
        writer.write_all(b"hello").unwrap();
        assert!(matches!(&writer.0, Inner::Buffered(buffered) if buffered.capacity() == 4096));
        writer.close().unwrap();
        drop(writer);
        let mut heard = String::new();
        io::Read::read_to_string(&mut theirs, &mut heard).unwrap();
        assert_eq!(heard, "hello");
    }
}
