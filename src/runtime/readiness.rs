//! A descriptor that coroutines and threads wait for.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::clock::{self, NEVER};
use super::engine::{Direction, Interest, Mark};
use super::task::{Task, Wait};
use crate::error::WaitError;

/// How a wait that may be interrupted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The kernel says the operation is worth trying.
    Ready,
    /// Somebody roused the task, for a reason of theirs.
    Roused,
}

/// A registered descriptor.
///
/// After a short read the next one waits first, which saves the read that
/// would only return EAGAIN. Must be dropped before the descriptor is closed.
#[derive(Debug)]
pub(crate) struct Readiness {
    interest: Interest,
}

impl Readiness {
    /// Registers the descriptor and makes it non-blocking. A write is worth a
    /// try at once, a read only after the kernel has reported.
    pub(crate) fn register(fd: BorrowedFd<'_>) -> io::Result<Readiness> {
        Interest::register(fd.as_raw_fd()).map(|interest| Readiness { interest })
    }

    /// To be taken before an operation, whose outcome is noted with it.
    pub(crate) fn mark(&self, direction: Direction) -> Mark {
        self.interest.mark(direction)
    }

    /// False when an operation would only return EAGAIN.
    pub(crate) fn worth_trying(&self, direction: Direction) -> bool {
        self.interest.worth_trying(direction)
    }

    /// A thread's poll(2) said so.
    pub(crate) fn assume(&self, direction: Direction) {
        self.interest.assume(direction);
    }

    /// The kernel had nothing more: the next operation waits first.
    pub(crate) fn exhausted(&self, direction: Direction, mark: Mark) {
        self.interest.exhausted(direction, mark);
    }

    /// EAGAIN after all, whatever was concluded before.
    pub(crate) fn would_block(&self, direction: Direction, mark: Mark) {
        self.interest.would_block(direction, mark);
    }

    /// Suspends the running coroutine until the operation is worth a try.
    pub(crate) fn wait(&self, direction: Direction, deadline: u64) -> Result<(), WaitError> {
        while self.wait_or_roused(direction, deadline)? == Outcome::Roused {}
        Ok(())
    }

    /// As [`wait`](Readiness::wait), but also returns when the task is roused.
    pub(crate) fn wait_or_roused(&self, direction: Direction, deadline: u64) -> Result<Outcome, WaitError> {
        Task::with_current(|task| self.wait_as(task, direction, deadline))
    }

    fn wait_as(&self, task: &Task, direction: Direction, deadline: u64) -> Result<Outcome, WaitError> {
        let Some(seat) = task.seat() else {
            return Err(WaitError::Busy);
        };
        let until = clock::earlier(deadline, task.scope());
        // Before the flags are looked at: who kills or reports sets its flag
        // first and then wakes whom it finds here.
        let mut waiting = self.interest.begin(direction, seat)?;
        loop {
            // Without the deadline: what came before it was noticed is there
            // all the same, and one that has passed already ends the wait at
            // once. So nobody who gets what he waits for pays for the time.
            task.may_wait(NEVER)?;
            if self.worth_trying(direction) {
                return Ok(Outcome::Ready);
            }
            task.note(direction.into(), self.interest.descriptor().cast_unsigned());
            let by_kernel_alone = task.suspended(|| waiting.suspend(until));
            if !by_kernel_alone && !self.worth_trying(direction) {
                task.may_wait(deadline)?;
                return Ok(Outcome::Roused);
            }
        }
    }
}

impl From<Direction> for Wait {
    fn from(direction: Direction) -> Wait {
        match direction {
            Direction::Read => Wait::Reading,
            Direction::Write => Wait::Writing,
        }
    }
}

impl Direction {
    fn poll_flags(self) -> PollFlags {
        match self {
            Direction::Read => PollFlags::POLLIN,
            Direction::Write => PollFlags::POLLOUT,
        }
    }
}

/// The wait of a thread: blocks it until the operation is worth a try, or
/// until `deadline` or the deadline of a surrounding timeout.
pub(crate) fn poll_thread(fd: BorrowedFd<'_>, direction: Direction, deadline: u64) -> io::Result<()> {
    let task = Task::current();
    loop {
        task.may_wait(deadline)?;
        let mut polled = [PollFd::new(fd, direction.poll_flags())];
        match poll(&mut polled, poll_timeout(clock::earlier(deadline, task.scope()))) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(err) => return Err(err.into()),
        }
    }
}

/// `deadline` as poll(2) takes it, rounded up so that it is not early.
pub(crate) fn poll_timeout(deadline: u64) -> PollTimeout {
    match clock::remaining(deadline) {
        None => PollTimeout::NONE,
        Some(left) => {
            let millis = left.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        }
    }
}
