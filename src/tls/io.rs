//! Reading and writing a TLS stream: each call is one operation, as on the
//! stream below.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};

use super::stream::TlsStream;
use crate::net::{SystemStream, Transfer, Unfinished};

/// One operation, in as many parts as it takes.
pub(super) struct Operation<'a, S: SystemStream> {
    stream: &'a TlsStream<S>,
    transfer: Transfer<'a, S>,
    /// How many bytes of plaintext its parts have moved.
    moved: usize,
}

impl<'a, S: SystemStream> Operation<'a, S> {
    pub(super) fn reading(stream: &'a TlsStream<S>) -> Self {
        Operation {
            stream,
            transfer: Transfer::reading(&stream.stream),
            moved: 0,
        }
    }

    pub(super) fn writing(stream: &'a TlsStream<S>) -> Self {
        Operation {
            stream,
            transfer: Transfer::writing(&stream.stream),
            moved: 0,
        }
    }

    /// How many bytes of plaintext its parts have read, or encrypted.
    pub(super) fn moved(&self) -> usize {
        self.moved
    }

    /// The error with how far this came.
    pub(super) fn unfinished(&self, err: io::Error) -> io::Error {
        Unfinished::tell(err, self.moved)
    }
}

impl<S: SystemStream> Read for Operation<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read_part(&mut self.transfer, buffer)?;
        self.moved += count;
        Ok(count)
    }
}

impl<S: SystemStream> Write for Operation<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let (count, sent) = self.stream.write_part(&mut self.transfer, slices);
        self.moved += count;
        sent.map(|()| count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.send(&mut self.transfer)
    }
}

impl<S: SystemStream> Read for &TlsStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Operation::reading(self).read(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut operation = Operation::reading(self);
        operation.read_exact(buffer).map_err(|err| operation.unfinished(err))
    }

    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        Operation::reading(self).read_to_end(into)
    }

    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        Operation::reading(self).read_to_string(into)
    }
}

impl<S: SystemStream> Write for &TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut operation = Operation::writing(self);
        operation
            .write_vectored(slices)
            .map_err(|err| operation.unfinished(err))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut operation = Operation::writing(self);
        operation.write_all(bytes).map_err(|err| operation.unfinished(err))
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        let mut operation = Operation::writing(self);
        operation.write_fmt(text).map_err(|err| operation.unfinished(err))
    }

    /// Sends what a write that failed has left.
    fn flush(&mut self) -> io::Result<()> {
        Operation::writing(self).flush()
    }
}

impl<S: SystemStream> Read for TlsStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(buffer)
    }

    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(into)
    }

    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(into)
    }
}

impl<S: SystemStream> Write for TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(slices)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self).write_all(bytes)
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        (&*self).write_fmt(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}
