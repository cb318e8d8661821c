//! A descriptor that coroutines wait for.
//!
//! The registration is edge-triggered: the kernel tells once that a socket
//! became readable, so what it told is remembered here until a read comes back
//! short or empty. After a short read the next one waits first, which saves
//! the read that would only return EAGAIN.

use std::cell::UnsafeCell;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::engine::{self, Interest, Readout, Waker};
use super::task::Task;
use super::{clock, worker};
use crate::error::WaitError;

/// What a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// How a wait that may be interrupted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The kernel says the operation is worth trying.
    Ready,
    /// Somebody roused the task, for a reason of theirs.
    Roused,
}

const READABLE: u8 = 1;
const WRITABLE: u8 = 2;
/// The peer sends no more: reads return at once for ever, so a short read must
/// not make the next one wait for an edge that never comes.
const READ_CLOSED: u8 = 4;

/// The state of one registered descriptor.
///
/// Must be dropped before the descriptor is closed.
#[derive(Debug)]
pub(crate) struct Readiness {
    interest: Interest,
    /// Where its waits end.
    worker: u32,
    waker: Arc<Waker>,
    hints: AtomicU8,
    /// One coroutine at a time can be woken by one registration.
    taken: AtomicBool,
    /// Who waited last, which is nearly always who waits next: a shorter way
    /// to the current task than asking the engine. Touched by the holder of
    /// the turn alone.
    last: UnsafeCell<Option<Arc<Task>>>,
}

// SAFETY: `last` is the only field that is not `Sync` by itself, and it is
// reached through a `Turn` alone, of which `taken` lets one exist at a time.
unsafe impl Sync for Readiness {}

/// A turn at waiting; ends the turn when dropped.
struct Turn<'a>(&'a Readiness);

impl Turn<'_> {
    /// The task that runs the caller, which is a coroutine.
    fn task(&mut self) -> &Arc<Task> {
        // SAFETY: this is the one turn, borrowed exclusively.
        let last = unsafe { &mut *self.0.last.get() };
        if !last.as_ref().is_some_and(|task| task.runs_here()) {
            *last = None;
        }
        last.get_or_insert_with(|| engine::with_task(Arc::clone))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.taken.store(false, Ordering::Release);
    }
}

impl Readiness {
    /// Registers the descriptor and makes it non-blocking. A write is worth a
    /// try at once, a read only after the kernel has reported.
    pub(crate) fn register(fd: BorrowedFd<'_>) -> io::Result<Readiness> {
        let interest = Interest::register(fd.as_raw_fd())?;
        Ok(Readiness {
            waker: Arc::new(interest.waker()),
            worker: Interest::worker_of(fd.as_raw_fd(), worker::count()) as u32,
            interest,
            hints: AtomicU8::new(WRITABLE),
            taken: AtomicBool::new(false),
            last: UnsafeCell::new(None),
        })
    }

    /// False when an operation would only return EAGAIN.
    pub(crate) fn worth_trying(&self, direction: Direction) -> bool {
        self.hints.load(Ordering::Relaxed) & direction.hint() != 0
    }

    /// A thread's poll(2) said so.
    pub(crate) fn assume(&self, direction: Direction) {
        self.hints.fetch_or(direction.hint(), Ordering::Relaxed);
    }

    /// The kernel had nothing more: the next operation waits first.
    pub(crate) fn exhausted(&self, direction: Direction) {
        let hints = self.hints.load(Ordering::Relaxed);
        if direction == Direction::Read && hints & READ_CLOSED != 0 {
            return;
        }
        self.hints.fetch_and(!direction.hint(), Ordering::Relaxed);
    }

    /// EAGAIN after all, whatever was concluded before.
    pub(crate) fn would_block(&self, direction: Direction) {
        self.hints
            .fetch_and(!(direction.hint() | READ_CLOSED), Ordering::Relaxed);
    }

    /// Suspends the running coroutine until the operation is worth a try.
    pub(crate) fn wait(&self, direction: Direction, deadline: u64) -> Result<(), WaitError> {
        while self.wait_or_roused(direction, deadline)? == Outcome::Roused {}
        Ok(())
    }

    /// As [`wait`](Readiness::wait), but also returns when the task is roused.
    pub(crate) fn wait_or_roused(&self, direction: Direction, deadline: u64) -> Result<Outcome, WaitError> {
        let mut turn = self.take_turn()?;
        let task = turn.task();
        // Before the flags are looked at: who kills sets its flag first and
        // then wakes what it finds noted here.
        task.note_interest(&self.waker);
        let until = clock::earlier(deadline, task.scope());
        loop {
            task.may_wait(deadline)?;
            if self.worth_trying(direction) {
                return Ok(Outcome::Ready);
            }
            let by_kernel_alone = self.suspend(task, until);
            if !by_kernel_alone && !self.worth_trying(direction) {
                task.may_wait(deadline)?;
                return Ok(Outcome::Roused);
            }
        }
    }

    /// Switches away once. True when the kernel ended it, false when we did,
    /// be it in the same moment.
    ///
    /// On the descriptor's own worker: on another one the coroutine could be
    /// running again there, and have closed the descriptor, before the
    /// scheduler here has finished looking at it. And reports would come in
    /// beside it, so that a wait in a loop might never let others run.
    fn suspend(&self, task: &Arc<Task>, until: u64) -> bool {
        task.move_to(self.worker as usize);
        task.arm(until);
        let readout = self.interest.wait();
        task.disarm();
        let here = task.settle();
        if readout.is_kernels() {
            worker::polled(here);
        }
        self.absorb(readout);
        readout.is_kernels_alone()
    }

    fn absorb(&self, readout: Readout) {
        let mut hints = 0;
        if readout.readable() {
            hints |= READABLE;
        }
        if readout.writable() {
            hints |= WRITABLE;
        }
        if readout.read_closed() {
            hints |= READ_CLOSED;
        }
        self.hints.fetch_or(hints, Ordering::Relaxed);
    }

    fn take_turn(&self) -> Result<Turn<'_>, WaitError> {
        if self.taken.swap(true, Ordering::Acquire) {
            return Err(WaitError::Busy);
        }
        Ok(Turn(self))
    }
}

impl Direction {
    fn hint(self) -> u8 {
        match self {
            Direction::Read => READABLE,
            Direction::Write => WRITABLE,
        }
    }

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
