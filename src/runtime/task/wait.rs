//! How a task waits and what ends its wait.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

use super::note::Wait;
use super::{DISMISSED, Parker, Task, Token};
use crate::error::WaitError;
use crate::runtime::clock::{self, NEVER};
use crate::runtime::lock::lock;

impl Task {
    /// What forbids waiting now: the task was killed or dismissed, a deadline
    /// lies behind us, or a panic is unwinding (its count belongs to the thread, and others
    /// would run meanwhile).
    pub(crate) fn may_wait(&self, deadline: u64) -> Result<(), WaitError> {
        if self.is_killed() {
            return Err(WaitError::Killed);
        }
        if self.has(DISMISSED) {
            return Err(WaitError::Draining);
        }
        if clock::passed(self.scope()) {
            return Err(WaitError::Timeout);
        }
        if clock::passed(deadline) {
            return Err(WaitError::Deadline);
        }
        if std::thread::panicking() && self.is_coroutine() {
            return Err(WaitError::Unwinding);
        }
        Ok(())
    }

    /// Suspends until [`wake`](Task::wake); may also return early, so the
    /// caller looks again at what it waits for.
    ///
    /// Must be called by the task itself.
    ///
    /// # Errors
    /// [`WaitError`] when the task is killed, when `deadline` passes, or when
    /// the deadline of a surrounding timeout does.
    pub(crate) fn park(self: &Arc<Task>, deadline: u64) -> Result<(), WaitError> {
        self.may_wait(deadline)?;
        let until = clock::earlier(deadline, self.scope());
        match &self.parker {
            Parker::Coroutine(seat) => self.suspended(|| seat.park(until)),
            Parker::Thread(token) => token.wait(until),
        }
        self.may_wait(deadline)
    }

    /// As [`park`](Task::park), also for who was killed, is late or is unwound
    /// by a panic. For what must not go on before others have ended.
    pub(in crate::runtime) fn park_regardless(&self) {
        match &self.parker {
            Parker::Coroutine(seat) => self.suspended(|| seat.park(NEVER)),
            Parker::Thread(token) => token.wait(NEVER),
        }
    }

    /// Goes to the end of the line, behind the sockets that are ready.
    pub(in crate::runtime) fn step_aside(&self) {
        if let Parker::Coroutine(seat) = &self.parker {
            self.note(Wait::Turn, 0);
            self.suspended(|| seat.step_aside());
        }
    }

    /// Ends the present or the next [`park`](Task::park).
    pub(crate) fn wake(&self) {
        match &self.parker {
            Parker::Coroutine(seat) => seat.wake(),
            Parker::Thread(token) => token.give(),
        }
    }

    /// Ends whatever wait the task is in, of any kind; it finds out why itself.
    pub(crate) fn rouse(&self) {
        match &self.parker {
            Parker::Coroutine(seat) => seat.rouse(),
            Parker::Thread(token) => token.give(),
        }
    }

    /// The coroutine's end: what still points at it lets go.
    pub(in crate::runtime) fn finish(&self) {
        if let Parker::Coroutine(seat) = &self.parker {
            seat.finish();
        }
    }
}

/// Threads that wait for another task and for nothing else.
static THREADS_WAITING: AtomicUsize = AtomicUsize::new(0);

/// How many threads wait for somebody to wake them, without a limit of time.
pub(in crate::runtime) fn threads_waiting() -> usize {
    THREADS_WAITING.load(Ordering::SeqCst)
}

impl Token {
    fn give(&self) {
        *lock(&self.given) = true;
        self.changed.notify_one();
    }

    fn wait(&self, until: u64) {
        if until != NEVER {
            return self.wait_until(until);
        }
        THREADS_WAITING.fetch_add(1, Ordering::SeqCst);
        self.wait_until(NEVER);
        THREADS_WAITING.fetch_sub(1, Ordering::SeqCst);
    }

    fn wait_until(&self, until: u64) {
        let mut given = lock(&self.given);
        while !*given {
            given = match clock::remaining(until) {
                None => self.changed.wait(given).unwrap_or_else(PoisonError::into_inner),
                Some(left) if left.is_zero() => return,
                Some(left) => {
                    let waited = self.changed.wait_timeout(given, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        *given = false;
    }
}

/// A task that was killed with a reason has it in its errors:
/// [`WaitError::reason`].
impl From<WaitError> for io::Error {
    fn from(err: WaitError) -> io::Error {
        let reason = match err {
            WaitError::Killed => Task::with_current(|task| task.kill_reason()),
            _ => None,
        };
        match reason {
            Some(reason) => reason.into_io(err.kind()),
            None => io::Error::new(err.kind(), err),
        }
    }
}
