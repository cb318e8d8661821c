//! What ends a poll(2) from outside: a handle's call, or a signal.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// A pipe to oneself.
#[derive(Debug)]
pub(crate) struct Bell {
    reader: UnixStream,
    writer: UnixStream,
}

impl Bell {
    pub(super) fn new() -> io::Result<Bell> {
        let (reader, writer) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        Ok(Bell { reader, writer })
    }

    /// Wakes whoever polls the bell. A full pipe has rung enough already.
    pub(super) fn ring(&self) {
        let _ = (&self.writer).write(b".");
    }

    /// The end for a signal handler to write to.
    pub(super) fn writer(&self) -> io::Result<UnixStream> {
        self.writer.try_clone()
    }

    /// Takes in everything rung so far.
    pub(crate) fn hear(&self) {
        let mut bytes = [0; 64];
        while let Ok(1..) = (&self.reader).read(&mut bytes) {}
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}
