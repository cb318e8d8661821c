//! `wfile`: buffered or not.

use std::fmt;
use std::io::{self, Write};

use super::Wire;
use super::wire::Sending;

/// Where a [`StreamHandler`](super::StreamHandler) writes: every write at once
/// (`wbufsize` 0, the default), or collected in a buffer, which is taken with
/// the first write.
///
/// Each call is one operation, however often it writes to the connection:
/// [`timeout`](super::StreamOptions::timeout), or
/// [`Stream::set_timeout`](crate::net::Stream::set_timeout), bounds a `write_all`, `write!` or `flush` as a
/// whole. What a flush could not send stays in the buffer, or over TLS
/// encrypted behind it, and the next flush goes on with it.
pub struct Writer<S: Wire> {
    stream: S::Connection,
    collected: Collected,
    /// True once `finish` has run.
    is_closed: bool,
}

/// What was written and not sent yet.
struct Collected {
    /// Without any memory before the first write.
    bytes: Vec<u8>,
    /// How many bytes it may hold; 0 for every write at once.
    most: usize,
}

impl<S: Wire> Writer<S> {
    pub(super) fn new(stream: S::Connection, buffer: usize) -> Self {
        Writer {
            stream,
            collected: Collected {
                bytes: Vec::new(),
                most: buffer,
            },
            is_closed: false,
        }
    }

    /// Flushes and closes; what could not be flushed is dropped.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let flushed = self.flush();
        self.is_closed = true;
        self.collected.bytes = Vec::new();
        flushed
    }

    /// What a call writes through, however often it writes.
    fn operation(&mut self) -> io::Result<Through<'_, impl Sending>> {
        if self.is_closed {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "wfile is closed; finish has run",
            ));
        }
        Ok(Through {
            stream: S::writing(&self.stream),
            collected: &mut self.collected,
        })
    }
}

impl<S: Wire> Write for Writer<S> {
    /// Unbuffered, writes everything, as `_SocketWriter.write` does, and
    /// returns the number of bytes given.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.operation()?.write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.operation()?.write_all(bytes)
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        self.operation()?.write_fmt(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.collected.bytes.is_empty() {
            // TLS may have encrypted what it could not send.
            return S::writing(&self.stream).flush();
        }
        self.operation()?.flush()
    }
}

/// One operation: the connection behind what was collected for it.
struct Through<'a, T> {
    stream: T,
    collected: &'a mut Collected,
}

impl<T: Sending> Through<'_, T> {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).map_err(|err| self.stream.unfinished(err))
    }
}

impl<T: Sending> Write for Through<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.collected.has_room(bytes.len()) {
            self.flush()?;
        }
        if bytes.len() >= self.collected.most {
            self.send(bytes)?;
        } else {
            self.collected.add(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()?;
        let before = self.stream.moved();
        let bytes = std::mem::take(&mut self.collected.bytes);
        let sent = self.send(&bytes);
        self.collected.put_back(bytes, self.stream.moved() - before);
        sent
    }
}

impl Collected {
    fn has_room(&self, count: usize) -> bool {
        self.bytes.is_empty() || self.bytes.len() + count <= self.most
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(self.most);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Keeps the buffer, and in it what comes after the `sent` bytes.
    fn put_back(&mut self, mut bytes: Vec<u8>, sent: usize) {
        bytes.drain(..sent);
        self.bytes = bytes;
    }
}

impl<S: Wire> fmt::Debug for Writer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            match (self.is_closed, self.collected.most, self.collected.bytes.capacity()) {
                (true, ..) => "Writer(closed)",
                (false, 0, _) => "Writer(unbuffered)",
                (false, _, 0) => "Writer(buffered, nothing written)",
                (false, ..) => "Writer(buffered)",
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use crate::net::Stream;

    #[test]
    fn the_buffer_is_taken_with_the_first_write() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut writer = Writer::<UnixStream>::new(Stream::from(ours), 4096);
        assert_eq!(writer.collected.bytes.capacity(), 0);
        writer.write_all(b"hello").unwrap();
        assert_eq!(writer.collected.bytes.capacity(), 4096);
        writer.close().unwrap();
        drop(writer);
        let mut heard = String::new();
        theirs.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
    }

    #[test]
    fn what_a_flush_could_not_send_is_sent_by_the_next() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let stream = Stream::from(ours);
        stream.set_timeout(Some(Duration::from_millis(10))).unwrap();
        let mut writer = Writer::<UnixStream>::new(stream, 8 << 20);
        let text: Vec<u8> = (0..4 << 20_u32).map(|at| (at % 251) as u8).collect();
        writer.write_all(&text).unwrap();
        let err = writer.flush().unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
        assert!(writer.collected.bytes.len() < text.len());
        let mut heard = vec![0; text.len()];
        let reader = std::thread::spawn(move || theirs.read_exact(&mut heard).map(|()| heard));
        while writer.flush().is_err() {}
        assert!(reader.join().unwrap().unwrap() == text, "lost or doubled");
    }
}
