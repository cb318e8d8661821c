//! A lock that may be held across waits.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::permits::{Permits, State};
use crate::error::WaitError;
use crate::runtime::{Awaited, Claim, Claimable, NEVER, Task, after};

/// A lock whose guard may be held across waits: `threading.Lock`,
/// `gevent.lock.BoundedSemaphore(1)`.
///
/// `std::sync::Mutex` blocks the whole worker while it is contended; if its
/// guard is held across a wait by another coroutine of that worker, for ever.
/// This one suspends only who waits for it.
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
///   until a deadline. That is no error, because nobody can tell: a guard may
///   have gone to another task, which will release it. Use
///   [`ReentrantMutex`](super::ReentrantMutex) for what its owner takes again.
/// - **With a condition.** [`Condvar`](super::Condvar) waits until what is
///   locked has changed.
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
    turn: Turn<'a, T>,
}

struct Turn<'a, T: ?Sized>(&'a Mutex<T>);

impl<T: ?Sized> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.0.turns.release(1);
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
        Ok(self.lock_until(NEVER)?)
    }

    /// As [`lock`](Mutex::lock), for at most `limit`: `acquire(timeout=...)`
    /// in Python.
    ///
    /// # Errors
    /// As [`lock`](Mutex::lock), and
    /// [`WaitError::Deadline`](crate::WaitError::Deadline) when the limit
    /// passes.
    pub fn lock_timeout(&self, limit: Duration) -> io::Result<MutexGuard<'_, T>> {
        Ok(self.lock_until(after(limit))?)
    }

    /// Locks if that needs no waiting: `acquire(blocking=False)` in Python.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.turns.try_acquire().then(|| self.guard())
    }

    /// The value, without locking: nobody else can hold the lock now.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.as_mut()
    }

    /// How many wait for the lock.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.turns.waiting()
    }

    pub(super) fn lock_until(&self, deadline: u64) -> Result<MutexGuard<'_, T>, WaitError> {
        self.turns.acquire(deadline, || Task::awaiting(Awaited::Lock, self))?;
        Ok(self.guard())
    }

    /// For who has just been given the turn.
    fn guard(&self) -> MutexGuard<'_, T> {
        let turn = Turn(self);
        match self.cell.claim() {
            Some(claim) => MutexGuard { claim, turn },
            None => unreachable!("there is one turn, and a guard gives its claim up before it"),
        }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The lock that this guard holds.
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.turn.0
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

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, reason, spawn, spawn_thread, until};
    use super::*;
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Instant;

    #[test]
    fn the_lock_and_its_guard_go_where_the_value_may_go() {
        assert_send::<Mutex<Cell<u8>>>();
        assert_sync::<Mutex<Cell<u8>>>();
        assert_send::<MutexGuard<'_, Cell<u8>>>();
        assert_sync::<MutexGuard<'_, u8>>();
        // Cell is not Sync, so no reference to its guard may be shared.
        trait AmbiguousIfSync<A> {
            fn some_item() {}
        }
        impl<T: ?Sized> AmbiguousIfSync<()> for T {}
        impl<T: ?Sized + Sync> AmbiguousIfSync<u8> for T {}
        <MutexGuard<'_, Cell<u8>> as AmbiguousIfSync<_>>::some_item();
    }

    #[test]
    fn who_waits_longest_is_served_first() {
        let order = Arc::new(Mutex::new(Vec::new()));
        let guard = order.lock().unwrap();
        let mut coroutines = Vec::new();
        let mut threads = Vec::new();
        for number in 0..20 {
            let theirs = Arc::clone(&order);
            let enter = move || theirs.lock().unwrap().push(number);
            if number % 2 == 0 {
                coroutines.push(spawn(enter));
            } else {
                threads.push(spawn_thread(enter).1);
            }
            until(|| order.turns.waiting() == number + 1);
        }
        drop(guard);
        coroutines.into_iter().for_each(|it| it.join().unwrap());
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_lock_that_was_handed_over_cannot_be_snatched() {
        let lock = Arc::new(Mutex::new(()));
        let done = Arc::new(super::super::Event::new());
        let guard = lock.lock().unwrap();
        let (theirs, until_done) = (Arc::clone(&lock), Arc::clone(&done));
        let waiter = spawn(move || {
            let _guard = theirs.lock()?;
            until_done.wait()
        });
        until(|| lock.turns.waiting() == 1);
        drop(guard);
        assert!(lock.try_lock().is_none());
        done.set();
        waiter.join().unwrap().unwrap();
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn a_killed_waiter_leaves_the_queue() {
        let lock = Arc::new(Mutex::new(()));
        let guard = lock.lock().unwrap();
        let (one, other) = (Arc::clone(&lock), Arc::clone(&lock));
        let coroutine = spawn(move || reason(one.lock()));
        let (task, thread) = spawn_thread(move || reason(other.lock()));
        until(|| lock.turns.waiting() == 2);
        coroutine.kill();
        task.kill();
        assert_eq!(coroutine.join().unwrap(), Some(WaitError::Killed));
        assert_eq!(thread.join().unwrap(), Some(WaitError::Killed));
        assert_eq!(lock.turns.waiting(), 0);
        drop(guard);
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn a_killed_task_still_gets_a_free_lock() {
        let (_, thread) = spawn_thread(|| {
            Task::current().kill();
            Mutex::new(3).lock().map(|guard| *guard).unwrap()
        });
        assert_eq!(thread.join().unwrap(), 3);
    }

    #[test]
    fn a_panic_releases_the_lock_and_leaves_the_value() {
        let lock = Arc::new(Mutex::new(1));
        let theirs = Arc::clone(&lock);
        let doomed = spawn(move || {
            let mut guard = theirs.lock().unwrap();
            *guard = 2;
            panic!("on purpose");
        });
        assert!(doomed.join().is_err());
        assert_eq!(*lock.try_lock().unwrap(), 2);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.lock();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(*lock.try_lock().unwrap(), 2);
    }

    #[test]
    fn a_panic_hands_the_lock_to_who_waits() {
        let lock = Arc::new(Mutex::new(()));
        let go = Arc::new(super::super::Event::new());
        let (theirs, when) = (Arc::clone(&lock), Arc::clone(&go));
        let doomed = spawn(move || {
            let _guard = theirs.lock().unwrap();
            when.wait().unwrap();
            panic!("on purpose");
        });
        until(|| lock.try_lock().is_none());
        let theirs = Arc::clone(&lock);
        let waiter = spawn(move || theirs.lock().is_ok());
        until(|| lock.turns.waiting() == 1);
        go.set();
        assert!(doomed.join().is_err());
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn a_limit_ends_the_wait_in_time() {
        let lock = Arc::new(Mutex::new(()));
        let _guard = lock.lock().unwrap();
        let theirs = Arc::clone(&lock);
        let wait = move || {
            let begin = Instant::now();
            let ended = reason(theirs.lock_timeout(Duration::from_millis(30)));
            (ended, begin.elapsed())
        };
        let measured = [spawn(wait.clone()).join().unwrap(), wait()];
        for (ended, took) in measured {
            assert_eq!(ended, Some(WaitError::Deadline));
            assert!(took >= Duration::from_millis(30), "{took:?}");
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        assert_eq!(lock.turns.waiting(), 0);
    }

    #[test]
    fn a_guard_may_be_dropped_elsewhere() {
        let lock = Mutex::new(0);
        let mut guard = lock.lock().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || *guard += 1);
        });
        assert_eq!(*lock.try_lock().unwrap(), 1);
    }

    #[test]
    fn the_value_can_be_reached_without_locking_and_be_unsized() {
        static LATER: Mutex<u8> = Mutex::new(7);
        assert_eq!(*LATER.lock().unwrap(), 7);
        let mut lock = Mutex::from([1, 2, 3]);
        lock.get_mut()[0] = 9;
        let slice: &Mutex<[i32]> = &lock;
        slice.lock().unwrap()[1] = 8;
        assert_eq!(format!("{slice:?}"), "Mutex([9, 8, 3])");
        let guard = slice.lock().unwrap();
        assert_eq!(format!("{slice:?} {guard:?}"), "Mutex(locked) [9, 8, 3]");
        drop(guard);
        assert_eq!(lock.into_inner(), [9, 8, 3]);
    }
}
