//! Reads and writes that never wait, and waits that read nothing.

use std::io::{self, IoSlice};

use super::calls::{Wait, receive, send};
use super::stream::{Stream, SystemStream};
use crate::runtime::Direction;

impl<S: SystemStream> Stream<S> {
    /// Reads what has come already over a connection that never had to wait:
    /// see `Socket::perform_unregistered`.
    pub(super) fn read_unregistered(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.socket()
            .perform_unregistered(Direction::Read, |system| receive(system, buffer, Wait::Never))
    }

    /// As [`read_unregistered`](Stream::read_unregistered), for writing.
    pub(super) fn write_unregistered(&self, bytes: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        self.socket()
            .perform_unregistered(Direction::Write, |system| send(system, bytes, Wait::Never))
    }

    /// Reads what has arrived, without waiting for more; see `MSG_DONTWAIT` in
    /// recv(2).
    ///
    /// # Errors
    /// As [`Read::read`](io::Read::read), and [`io::ErrorKind::WouldBlock`]
    /// when nothing is there.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (socket, room) = (self.socket(), buffer.len());
        let count = socket.attempt_judged(
            Direction::Read,
            |system| receive(system, buffer, Wait::Never),
            |count| S::SHORT_READ_MEANS_EMPTY && *count > 0 && *count < room,
        );
        let count = count.or_else(|err| socket.check_killed().and(Err(err)))?;
        if count == 0 {
            socket.check_killed()?;
            socket.turns.count_end()?;
        } else {
            socket.turns.count_data();
            socket.turns.count_operation();
            socket.pace.received(count);
        }
        Ok(count)
    }

    /// Waits until a read is worth a try, and reads nothing. Timeouts and
    /// deadlines bound it as they bound a read.
    ///
    /// # Errors
    /// As a read's wait.
    pub(crate) fn wait_readable(&self) -> io::Result<()> {
        self.socket().wait_for(Direction::Read)
    }

    /// Has `wait` wait for bytes, with the instant by which a read would have
    /// to have got some, in the runtime's nanoseconds.
    ///
    /// # Errors
    /// Those of `wait`; the name of the deadline that ended it.
    pub(crate) fn wait_readable_by(&self, wait: impl FnOnce(u64) -> io::Result<()>) -> io::Result<()> {
        self.socket().wait_bounded(Direction::Read, wait)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;
    use crate::net::{Deadlines, Overdue};

    #[test]
    fn an_attempt_takes_what_is_there_and_waits_for_nothing() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = Stream::from(near);
        let err = near.try_read(&mut [0; 8]).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::WouldBlock);
        far.write_all(b"abc").unwrap();
        near.wait_readable().unwrap();
        assert_eq!(near.try_read(&mut [0; 8]).unwrap(), 3);
        drop(far);
        assert_eq!(near.try_read(&mut [0; 8]).unwrap(), 0);
    }

    #[test]
    fn a_wait_for_bytes_ends_by_the_deadline_of_a_read() {
        let (near, _says_nothing) = UnixStream::pair().unwrap();
        let near = Stream::from(near);
        near.set_deadlines(Deadlines::none().first_byte(Duration::from_millis(10)));
        let err = near.wait_readable().unwrap_err();
        assert_eq!(Overdue::of(&err), Some(Overdue::FirstByte));
    }
}
