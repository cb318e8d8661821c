//! A socket for who must not wait: what it cannot do at once it refuses.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use super::calls::{Wait, receive, send};
use super::stream::{Stream, SystemStream};
use super::time_limits::Due;
use crate::runtime::Direction;

/// The most that is taken in for nobody, in bytes.
const MOST_UNREAD: usize = 64 * 1024;

/// A socket whose reads and writes never wait, whatever the descriptor says:
/// they fail with [`io::ErrorKind::WouldBlock`].
///
/// It is handed to a step of a [`Transfer`](super::Transfer), which may hold a
/// lock: between two steps, where the transfer waits, nothing of the step is
/// left.
#[derive(Debug)]
pub(crate) struct AtOnce<'a, S: SystemStream> {
    system: &'a S,
    moved: usize,
    asked: usize,
    /// The last operation did not move all it might have.
    is_short: bool,
}

impl<'a, S: SystemStream> AtOnce<'a, S> {
    fn new(system: &'a S) -> Self {
        AtOnce {
            system,
            moved: 0,
            asked: 0,
            is_short: false,
        }
    }

    /// Whether the kernel has no more for the next operation, as far as the
    /// last one told.
    pub(crate) fn is_short(&self) -> bool {
        self.is_short
    }

    fn count(&mut self, asked: usize, moved: io::Result<usize>) -> io::Result<usize> {
        self.asked += asked;
        let count = match moved {
            Ok(count) => count,
            Err(err) => {
                self.is_short = err.kind() == io::ErrorKind::WouldBlock;
                return Err(err);
            }
        };
        self.moved += count;
        self.is_short = count < asked;
        Ok(count)
    }
}

impl<S: SystemStream> Read for AtOnce<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let received = receive(self.system, buffer, Wait::Never);
        self.count(buffer.len(), received)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
        first.map_or(Ok(0), |buffer| self.read(buffer))
    }
}

impl<S: SystemStream> Write for AtOnce<'_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let sent = send(self.system, slices, Wait::Never);
        let all = slices.iter().map(|slice| slice.len()).sum();
        self.count(all, sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What steps moved, of what they might have.
pub(super) struct Moved {
    pub(super) count: usize,
    of: usize,
    is_short: bool,
}

/// Runs a step. One that moved something has not failed for want of more.
fn run<S: SystemStream>(system: &S, step: &mut impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>) -> io::Result<Moved> {
    let mut socket = AtOnce::new(system);
    match step(&mut socket) {
        Err(err) if err.kind() != io::ErrorKind::WouldBlock || socket.moved == 0 => Err(err),
        _ => Ok(Moved {
            count: socket.moved,
            of: socket.asked,
            is_short: socket.is_short,
        }),
    }
}

impl<S: SystemStream> Stream<S> {
    /// Has `step` read, as a part of an operation: again whenever there may be
    /// more, until it does not fail with `WouldBlock`.
    pub(super) fn read_step(
        &self,
        due: &mut Due,
        mut step: impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let moved = self.socket().perform_judged(
            due,
            |system| run(system, &mut step),
            |moved| S::SHORT_READ_MEANS_EMPTY && moved.count > 0 && moved.is_short,
        )?;
        self.count_received(moved.count)
    }

    /// Who kills shuts the socket down, and then a read finds the end.
    fn count_received(&self, count: usize) -> io::Result<usize> {
        match count {
            0 => self.socket().check_killed()?,
            count => {
                self.socket().turns.count_data();
                self.socket().pace.received(count);
            }
        }
        Ok(count)
    }

    /// Has `step` write, as a part of an operation; see
    /// [`read_step`](Stream::read_step).
    pub(super) fn write_step(
        &self,
        due: &mut Due,
        mut step: impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let socket = self.socket();
        let moved = socket.perform_judged(due, |system| run(system, &mut step), |moved| moved.is_short)?;
        socket.sent(moved.count, moved.of, &due.progress);
        Ok(moved.count)
    }

    /// Has `step` read what has arrived, and waits for nothing: `WouldBlock` if
    /// that is nothing.
    pub(crate) fn read_at_once(&self, mut step: impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>) -> io::Result<usize> {
        let socket = self.socket();
        socket.check_killed()?;
        let moved = socket.attempt_judged(
            Direction::Read,
            |system| run(system, &mut step),
            |moved| S::SHORT_READ_MEANS_EMPTY && moved.count > 0 && moved.is_short,
        )?;
        self.count_received(moved.count)
    }

    /// Has `step` write what the kernel takes now, and waits for nothing:
    /// `WouldBlock` if it takes nothing.
    pub(crate) fn write_at_once(
        &self,
        mut step: impl FnMut(&mut AtOnce<'_, S>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let socket = self.socket();
        socket.check_killed()?;
        let moved = socket.attempt(Direction::Write, |system| run(system, &mut step))?;
        socket.sent(moved.count, moved.count, &Due::new(Direction::Write).progress);
        Ok(moved.count)
    }

    /// Takes in what nobody will read, if it is there, and no more than so much.
    pub(crate) fn discard(&self) {
        let mut unread = [0; 4096];
        for _ in 0..MOST_UNREAD / unread.len() {
            match AtOnce::new(self.socket().system()).read(&mut unread) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Counts that the end was read, of what comes over this connection: see
    /// [`Stream`] on loops that never test for it.
    pub(crate) fn count_end(&self) -> io::Result<()> {
        self.socket().check_killed()?;
        self.socket().turns.count_end()
    }
}
