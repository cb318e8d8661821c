//! What every socket of this crate shares: one way to perform an operation.
//!
//! In a coroutine the descriptor is registered on first use and an operation
//! that cannot proceed suspends; in a thread it is an ordinary blocking
//! descriptor and the kernel blocks, until it first has a deadline to keep.
//! Which of the two it is, is decided at each call, so a socket may move from
//! one to the other.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use once_cell::sync::OnceCell;
use socket2::SockRef;

use super::polling::Polling;
use crate::error::WaitError;
use crate::runtime::{self, Direction, NEVER, Outcome, Readiness, Task, poll_thread};

/// Operations that may succeed in a row before the coroutine lets others run:
/// a peer that always has more to say must not keep the worker to itself.
const OPERATIONS_BEFORE_YIELD: u8 = 128;

/// Reads of the end of a stream in a row before they become an error.
///
/// A loop that forgets to test for the end would otherwise never end.
pub(super) const ENDS_BEFORE_ERROR: u8 = 100;

/// A descriptor with its waits, timeouts and kill switch.
///
/// In this order, what each message touches fills one cache line: with
/// thousands of clients every line is fetched from memory anew.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Socket<S: AsFd> {
    // Dropped before the descriptor it is registered for.
    readiness: OnceCell<Readiness>,
    system: S,
    uninterrupted: AtomicU8,
    ends_read: AtomicU8,
    /// Made non-blocking for a thread's deadline.
    nonblocking: AtomicBool,
    killed: AtomicBool,
    /// In nanoseconds; [`NEVER`] for none.
    read_timeout: AtomicU64,
    write_timeout: AtomicU64,
}

impl<S: AsFd> Socket<S> {
    pub(super) fn new(system: S) -> Self {
        Socket {
            readiness: OnceCell::new(),
            system,
            read_timeout: AtomicU64::new(NEVER),
            write_timeout: AtomicU64::new(NEVER),
            uninterrupted: AtomicU8::new(0),
            ends_read: AtomicU8::new(0),
            nonblocking: AtomicBool::new(false),
            killed: AtomicBool::new(false),
        }
    }

    pub(super) fn system(&self) -> &S {
        &self.system
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.system.as_fd().as_raw_fd()
    }

    /// A socket on a duplicate of the descriptor, with the same timeouts.
    pub(super) fn with_duplicate(&self, system: S) -> Self {
        let duplicate = Socket::new(system);
        for (theirs, ours) in [
            (&duplicate.read_timeout, &self.read_timeout),
            (&duplicate.write_timeout, &self.write_timeout),
        ] {
            theirs.store(ours.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        duplicate
    }

    /// Makes every operation on this socket fail from now on. What is blocked
    /// in it must be woken by whoever kills it: `shutdown(2)` does.
    pub(super) fn mark_killed(&self) {
        self.killed.store(true, Ordering::SeqCst);
    }

    pub(super) fn check_killed(&self) -> io::Result<()> {
        if self.killed.load(Ordering::Relaxed) {
            return Err(WaitError::Killed.into());
        }
        Ok(())
    }

    fn timeout_cell(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Read => &self.read_timeout,
            Direction::Write => &self.write_timeout,
        }
    }

    pub(super) fn timeout(&self, direction: Direction) -> Option<Duration> {
        match self.timeout_cell(direction).load(Ordering::Relaxed) {
            NEVER => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// Sets how long an operation may wait; zero is refused, as std does.
    pub(super) fn set_timeout(&self, direction: Direction, timeout: Option<Duration>) -> io::Result<()> {
        let nanos = match timeout {
            None => NEVER,
            Some(Duration::ZERO) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a timeout of zero would never let anything happen; use None for no timeout",
                ));
            }
            Some(timeout) => u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
        };
        self.timeout_cell(direction).store(nanos, Ordering::Relaxed);
        Ok(())
    }

    fn deadline(&self, direction: Direction) -> u64 {
        self.timeout(direction).map_or(NEVER, runtime::after)
    }

    /// Performs `operation`, waiting as long as it would block.
    pub(super) fn perform<R>(&self, direction: Direction, operation: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.perform_judged(direction, operation, |_| false)
    }

    /// As [`perform`](Socket::perform); `took_all` says of a result that the
    /// kernel has no more, so that the next operation waits first.
    pub(super) fn perform_judged<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
        took_all: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        self.check_killed()?;
        let result = match self.registration()? {
            Some(readiness) => self.perform_registered(readiness, direction, operation, took_all),
            None => self.perform_blocking(direction, &mut operation),
        };
        // Who kills shuts the socket down, and then a write fails with EPIPE.
        result.or_else(|err| self.check_killed().and(Err(err)))
    }

    /// Performs `operation`, waiting as long as it would block, where the
    /// kernel does not report when it no longer does.
    pub(super) fn perform_polling<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let deadline = self.deadline(direction);
        let scope = Task::with_current(|task| task.scope());
        if self.registration()?.is_none() && runtime::earlier(deadline, scope) != NEVER {
            self.never_block()?;
        }
        let mut polling = Polling::new();
        loop {
            self.check_killed()?;
            match operation(&self.system) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => polling.pause(deadline)?,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    self.count_operation();
                    return result;
                }
            }
        }
    }

    /// The registration; made on the first use in a coroutine.
    fn registration(&self) -> io::Result<Option<&Readiness>> {
        if let Some(readiness) = self.readiness.get() {
            return Ok(Some(readiness));
        }
        if !runtime::in_coroutine() {
            return Ok(None);
        }
        self.readiness
            .get_or_try_init(|| Readiness::register(self.system.as_fd()))
            .map(Some)
    }

    fn perform_registered<R>(
        &self,
        readiness: &Readiness,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
        took_all: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let mut deadline = None;
        loop {
            if readiness.worth_trying(direction) {
                let mark = readiness.mark(direction);
                match operation(&self.system) {
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => readiness.would_block(direction, mark),
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                    result => {
                        if result.as_ref().is_ok_and(&took_all) {
                            readiness.exhausted(direction, mark);
                        }
                        self.count_operation();
                        return result;
                    }
                }
            }
            let deadline = *deadline.get_or_insert_with(|| self.deadline(direction));
            self.uninterrupted.store(0, Ordering::Relaxed);
            if runtime::in_coroutine() {
                readiness.wait(direction, deadline)?;
            } else {
                poll_thread(self.system.as_fd(), direction, deadline)?;
                readiness.assume(direction);
            }
            self.check_killed()?;
        }
    }

    /// In a thread: the kernel blocks, unless there is a deadline to keep or
    /// a duplicate of the descriptor was made non-blocking.
    ///
    /// poll(2) alone keeps no deadline: a blocking write that may begin blocks
    /// until the last byte has found room, and what was ready may be gone.
    fn perform_blocking<R>(
        &self,
        direction: Direction,
        operation: &mut impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let deadline = self.deadline(direction);
        let scope = Task::with_current(|task| task.may_wait(deadline).map(|()| task.scope()))?;
        let mut poll_first = runtime::earlier(deadline, scope) != NEVER;
        if poll_first {
            self.never_block()?;
        }
        loop {
            if poll_first {
                poll_thread(self.system.as_fd(), direction, deadline)?;
            }
            match operation(&self.system) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => poll_first = true,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
            self.check_killed()?;
        }
    }

    fn never_block(&self) -> io::Result<()> {
        if !self.nonblocking.load(Ordering::Relaxed) {
            SockRef::from(&self.system).set_nonblocking(true)?;
            self.nonblocking.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits until `direction` is worth a try without trying it; a coroutine
    /// may also be roused.
    pub(super) fn wait_or_roused(&self, direction: Direction, deadline: u64) -> io::Result<Outcome> {
        match self.registration()? {
            Some(readiness) if runtime::in_coroutine() => Ok(readiness.wait_or_roused(direction, deadline)?),
            _ => poll_thread(self.system.as_fd(), direction, deadline).map(|()| Outcome::Ready),
        }
    }

    /// The next wait for `direction` must wait for the kernel's word.
    pub(super) fn assume_busy(&self, direction: Direction) -> io::Result<()> {
        if let Some(readiness) = self.registration()? {
            readiness.exhausted(direction, readiness.mark(direction));
        }
        Ok(())
    }

    /// One try without waiting; `WouldBlock` when it would.
    pub(super) fn attempt<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let readiness = self.readiness.get();
        let mark = readiness.map(|readiness| readiness.mark(direction));
        let result = operation(&self.system);
        if let (Err(err), Some(readiness), Some(mark)) = (&result, readiness, mark)
            && err.kind() == io::ErrorKind::WouldBlock
        {
            readiness.would_block(direction, mark);
        }
        result
    }

    fn count_operation(&self) {
        let count = self.uninterrupted.load(Ordering::Relaxed) + 1;
        if count < OPERATIONS_BEFORE_YIELD {
            self.uninterrupted.store(count, Ordering::Relaxed);
        } else {
            self.uninterrupted.store(0, Ordering::Relaxed);
            if runtime::in_coroutine() {
                runtime::yield_now();
            }
        }
    }

    /// Counts reads of the end of the stream, which never wait; a coroutine
    /// lets others run at each.
    pub(super) fn count_end(&self) -> io::Result<()> {
        self.check_killed()?;
        let ends = self.ends_read.load(Ordering::Relaxed).saturating_add(1);
        self.ends_read.store(ends, Ordering::Relaxed);
        if ends > ENDS_BEFORE_ERROR {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the end of the stream was read {ends} times in a row: when a read returns 0, stop reading"),
            ));
        }
        if runtime::in_coroutine() {
            runtime::yield_now();
        }
        Ok(())
    }

    pub(super) fn count_data(&self) {
        if self.ends_read.load(Ordering::Relaxed) != 0 {
            self.ends_read.store(0, Ordering::Relaxed);
        }
    }
}

impl<S: AsFd> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.system.as_fd()
    }
}
