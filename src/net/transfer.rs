//! Reading and writing a stream, and operations of many parts.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};

#[cfg(feature = "tls")]
use super::at_once::AtOnce;
use super::calls::{Wait, receive, send};
use super::stream::{Stream, SystemStream};
use super::time_limits::Due;
use super::unfinished::Unfinished;
use crate::runtime::Direction;

/// One operation on a stream, in as many parts as it takes: all of them share
/// what [`Stream::set_timeout`] gives to one.
///
/// Only single reads and writes are its own. What std makes of them
/// (`read_exact`, `write_all`, `read_line`) is thereby one operation.
#[derive(Debug)]
pub(crate) struct Transfer<'a, S: SystemStream> {
    stream: &'a Stream<S>,
    due: Due,
    moved: usize,
}

impl<'a, S: SystemStream> Transfer<'a, S> {
    pub(crate) fn reading(stream: &'a Stream<S>) -> Self {
        Transfer::new(stream, Direction::Read)
    }

    pub(crate) fn writing(stream: &'a Stream<S>) -> Self {
        Transfer::new(stream, Direction::Write)
    }

    fn new(stream: &'a Stream<S>, direction: Direction) -> Self {
        Transfer {
            stream,
            due: Due::new(direction),
            moved: 0,
        }
    }

    /// How many bytes its parts have read or written.
    pub(crate) fn moved(&self) -> usize {
        self.moved
    }

    /// `err` with how far this came, if it is the end of a wait.
    pub(crate) fn unfinished(&self, err: io::Error) -> io::Error {
        Unfinished::tell(err, self.moved)
    }

    /// Has `step` read what is there, at the earliest when something is, as a
    /// part of this operation; returns how many bytes it took from the socket,
    /// 0 at its end.
    #[cfg(feature = "tls")]
    pub(crate) fn read_step(&mut self, step: impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>) -> io::Result<usize> {
        self.part(|stream, due| stream.read_step(due, step))
    }

    /// As [`read_step`](Transfer::read_step), for writing.
    #[cfg(feature = "tls")]
    pub(crate) fn write_step(&mut self, step: impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>) -> io::Result<usize> {
        self.part(|stream, due| stream.write_step(due, step))
    }

    fn part(&mut self, part: impl FnOnce(&Stream<S>, &mut Due) -> io::Result<usize>) -> io::Result<usize> {
        if self.moved > 0 {
            self.stream.socket().limits.check_part(&mut self.due)?;
        }
        self.due.progress.begin_part();
        let count = part(self.stream, &mut self.due)?;
        self.moved += count;
        self.due.progress.count(count);
        Ok(count)
    }
}

impl<S: SystemStream> Read for Transfer<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.part(|stream, due| stream.read_part(buffer, due))
    }
}

impl<S: SystemStream> Write for Transfer<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.part(|stream, due| stream.write_part(bytes, due))
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.part(|stream, due| stream.write_slices(bytes, due))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: SystemStream> Stream<S> {
    fn read_part(&self, buffer: &mut [u8], due: &mut Due) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let room = buffer.len();
        let count = match self.read_unregistered(buffer)? {
            Some(count) => count,
            None => self.socket().perform_judged(
                due,
                |system| receive(system, buffer, Wait::AsTheDescriptor),
                |count| S::SHORT_READ_MEANS_EMPTY && *count > 0 && *count < room,
            )?,
        };
        if count == 0 {
            self.socket().check_killed()?;
            self.socket().turns.count_end()?;
        } else {
            self.socket().turns.count_data();
            self.socket().pace.received(count);
        }
        Ok(count)
    }

    fn write_part(&self, bytes: &[u8], due: &mut Due) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let slices = [IoSlice::new(bytes)];
        let count = match self.write_unregistered(&slices)? {
            Some(count) => count,
            None => self.socket().perform_judged(
                due,
                |system| send(system, &slices, Wait::AsTheDescriptor),
                |count| *count < bytes.len(),
            )?,
        };
        self.socket().sent(count, bytes.len(), &due.progress);
        Ok(count)
    }

    fn write_slices(&self, bytes: &[IoSlice<'_>], due: &mut Due) -> io::Result<usize> {
        let count = match self.write_unregistered(bytes)? {
            Some(count) => count,
            None => {
                self.socket()
                    .perform_judged(due, |system| send(system, bytes, Wait::AsTheDescriptor), |_| false)?
            }
        };
        let all = bytes.iter().map(|slice| slice.len()).sum();
        self.socket().sent(count, all, &due.progress);
        Ok(count)
    }
}

/// Each call is one operation: see [`Stream::set_timeout`].
impl<S: SystemStream> Read for &Stream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Transfer::reading(self).read(buffer)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let mut transfer = Transfer::reading(self);
        transfer.read_exact(buffer).map_err(|err| transfer.unfinished(err))
    }

    fn read_to_end(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        Transfer::reading(self).read_to_end(into)
    }

    fn read_to_string(&mut self, into: &mut String) -> io::Result<usize> {
        Transfer::reading(self).read_to_string(into)
    }
}

/// Each call is one operation: see [`Stream::set_timeout`].
impl<S: SystemStream> Write for &Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Transfer::writing(self).write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        Transfer::writing(self).write_vectored(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut transfer = Transfer::writing(self);
        transfer.write_all(bytes).map_err(|err| transfer.unfinished(err))
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        let mut transfer = Transfer::writing(self);
        transfer.write_fmt(text).map_err(|err| transfer.unfinished(err))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: SystemStream> Read for Stream<S> {
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

impl<S: SystemStream> Write for Stream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self).write_all(bytes)
    }

    fn write_fmt(&mut self, text: fmt::Arguments<'_>) -> io::Result<()> {
        (&*self).write_fmt(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
