//! What a thread, or a forked child, sees of the beginning of a drain.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::error::WaitError;
use crate::runtime::{self, Task, earlier};

/// A descriptor that is readable while the server drains.
///
/// Everybody who polls it wakes, since nobody takes in what was written. A
/// forked child has the same one, so it sees the drain of its parent.
#[derive(Debug)]
pub(super) struct DrainSign(EventFd);

impl DrainSign {
    pub(super) fn new() -> io::Result<DrainSign> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        Ok(DrainSign(EventFd::from_flags(flags)?))
    }

    pub(super) fn raise(&self) {
        // It fails only when it is raised as high as can be.
        let _ = self.0.write(1);
    }

    pub(super) fn lower(&self) {
        // It fails only when it was not raised.
        let _ = self.0.read();
    }

    pub(super) fn is_raised(&self) -> bool {
        is_readable(self.0.as_fd())
    }

    /// Blocks the calling thread until `fd` can be read, the sign is raised or
    /// `deadline` passes. What can be read is told first.
    pub(super) fn wait_unless_raised(&self, fd: BorrowedFd<'_>, deadline: u64) -> io::Result<()> {
        let task = Task::current();
        loop {
            task.may_wait(deadline)?;
            let mut polled = [
                PollFd::new(fd, PollFlags::POLLIN),
                PollFd::new(self.0.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut polled, runtime::poll_timeout(earlier(deadline, task.scope()))) {
                Ok(0) | Err(Errno::EINTR) => {}
                Err(err) => return Err(err.into()),
                Ok(_) if polled[0].any().unwrap_or(true) => return Ok(()),
                Ok(_) => return Err(WaitError::Draining.into()),
            }
        }
    }
}

/// Whether a read would find something now: bytes, the end or an error.
pub(crate) fn is_readable(fd: BorrowedFd<'_>) -> bool {
    loop {
        let mut polled = [PollFd::new(fd, PollFlags::POLLIN)];
        match poll(&mut polled, PollTimeout::ZERO) {
            Err(Errno::EINTR) => {}
            polled => return polled.is_ok_and(|count| count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn all_see_a_raised_sign_until_it_is_lowered() {
        let sign = DrainSign::new().unwrap();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        sign.raise();
        for _ in 0..2 {
            let err = sign.wait_unless_raised(ours.as_fd(), runtime::NEVER).unwrap_err();
            assert_eq!(WaitError::of(&err), Some(WaitError::Draining));
        }
        sign.raise();
        sign.lower();
        assert!(!sign.is_raised());
    }

    #[test]
    fn what_has_arrived_is_told_before_the_sign() {
        let sign = DrainSign::new().unwrap();
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        sign.raise();
        sign.wait_unless_raised(ours.as_fd(), runtime::NEVER).unwrap();
    }
}
