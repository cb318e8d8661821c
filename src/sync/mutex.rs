//! A lock that may be held across waits.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::permits::{Permits, State};
use crate::runtime::{Claim, Claimable, NEVER, Task, after};

/// A lock whose guard may be held across waits: `threading.Lock`,
/// `gevent.lock.RLock` without the recursion.
///
/// `std::sync::Mutex` blocks the whole worker while it is contended, and its
/// guard must not live across a wait. This one suspends only who waits for it.
/// Use std's for what is locked for a few instructions, this one around I/O.
///
/// - **Fair.** A released lock goes to whoever waits longest, before it looks
///   free to anybody else: a coroutine that locks in a loop starves nobody.
/// - **Cheap when free.** A free lock costs two short critical sections and
///   no switch, and is taken whatever the task's state is: one that was
///   killed still gets it, for its clean-up.
/// - **No poisoning.** A panic under the lock releases it, and the next one
///   finds the value as the panic left it.
/// - **Not reentrant.** Who locks twice waits for itself, until killed or
///   until a deadline.
///
/// ```
/// use greenserve::{runtime, sync::Mutex};
/// use std::{sync::Arc, time::Duration};
///
/// let log = Arc::new(Mutex::new(Vec::new()));
/// let theirs = Arc::clone(&log);
/// let writer = runtime::spawn(move || {
///     let mut lines = theirs.lock()?;
///     lines.push("begin");
///     runtime::sleep(Duration::from_millis(1))?;
///     lines.push("end");
///     std::io::Result::Ok(())
/// })?;
/// writer.join().expect("no panic")?;
/// assert_eq!(*log.lock()?, ["begin", "end"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mutex<T: ?Sized> {
    turns: Permits<Arc<Task>>,
    cell: Claimable<T>,
}

/// Access to what a [`Mutex`] holds; dropping it releases the lock, which
/// never waits and never panics.
///
/// It may be moved to another coroutine or thread and dropped there.
///
/// ```
/// let count = greenserve::sync::Mutex::new(1);
/// let mut guard = count.lock()?;
/// *guard += 1;
/// drop(guard);
/// assert_eq!(count.into_inner(), 2);
/// # std::io::Result::Ok(())
/// ```
#[must_use = "the lock is released when its guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    // Dropped before the turn, so that the next owner finds the cell free.
    claim: Claim<'a, T>,
    _turn: Turn<'a>,
}

struct Turn<'a>(&'a Permits<Arc<Task>>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.release(1);
    }
}

impl<T> Mutex<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        Mutex {
            turns: Permits::new(std::sync::Mutex::new(State::new(1))),
            cell: Claimable::new(value),
        }
    }

    /// Takes the lock apart; nobody else can hold or want it any more.
    pub fn into_inner(self) -> T {
        self.cell.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, and waits for it if need be: `acquire()` in Python.
    ///
    /// # Errors
    /// An [`io::Error`] that carries a [`WaitError`](crate::WaitError), and
    /// only if the lock is not free: the caller was killed, the deadline of a
    /// surrounding [`Timeout`](super::Timeout) passed, or a panic is unwinding
    /// the coroutine.
    pub fn lock(&self) -> io::Result<MutexGuard<'_, T>> {
        self.lock_until(NEVER)
    }

    /// As [`lock`](Mutex::lock), for at most `limit`: `acquire(timeout=...)`
    /// in Python.
    ///
    /// # Errors
    /// As [`lock`](Mutex::lock), and
    /// [`WaitError::Deadline`](crate::WaitError::Deadline) when the limit
    /// passes.
    pub fn lock_timeout(&self, limit: Duration) -> io::Result<MutexGuard<'_, T>> {
        self.lock_until(after(limit))
    }

    /// Locks if that needs no waiting: `acquire(blocking=False)` in Python.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.turns.try_acquire().then(|| self.guard())
    }

    /// The value, without locking: nobody else can hold the lock now.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.as_mut()
    }

    fn lock_until(&self, deadline: u64) -> io::Result<MutexGuard<'_, T>> {
        self.turns.acquire(deadline, Task::current)?;
        Ok(self.guard())
    }

    /// For who has just been given the turn.
    fn guard(&self) -> MutexGuard<'_, T> {
        let turn = Turn(&self.turns);
        match self.cell.claim() {
            Some(claim) => MutexGuard { claim, _turn: turn },
            None => unreachable!("there is one turn, and a guard gives its claim up before it"),
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.claim
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.claim
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_tuple("Mutex").field(&&*guard).finish(),
            None => f.debug_tuple("Mutex").field(&format_args!("locked")).finish(),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
