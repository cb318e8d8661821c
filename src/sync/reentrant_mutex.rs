//! A lock that its owner may take again.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::permits::{Permits, State};
use crate::error::WaitError;
use crate::runtime::{Awaited, Entry, NEVER, Task, TaskCell, after};

/// A lock that its owner may take again: `threading.RLock`,
/// `gevent.lock.RLock`.
///
/// The owner is a task, a coroutine or a thread: what it calls under the lock
/// may lock too. It is released when the last of the owner's guards is
/// dropped, in whatever order.
///
/// - **A guard lends `&T`.** Several exist at once, so none can lend `&mut T`;
///   put a [`Cell`](std::cell::Cell) or a [`RefCell`](std::cell::RefCell)
///   inside. A `RefCell` that stays borrowed across a call that borrows it
///   again panics, as it does anywhere.
/// - **A guard stays on its thread.** It is not `Send`. A coroutine keeps its
///   guards across waits, and is the same owner after each.
/// - Otherwise as [`Mutex`](super::Mutex): fair among tasks, cheap when free
///   or owned, not poisoned by a panic, and granted to a killed task that need
///   not wait for it.
///
/// A [`Mutex`](super::Mutex) lends `&mut T` and says at compile time what is
/// locked: prefer it where one function can lock and pass the guard on.
///
/// ```
/// use greenserve::sync::ReentrantMutex;
/// use std::cell::RefCell;
/// use std::io;
///
/// #[derive(Default)]
/// struct Ledger {
///     lines: ReentrantMutex<RefCell<Vec<String>>>,
/// }
///
/// impl Ledger {
///     fn append(&self, line: &str) -> io::Result<()> {
///         self.lines.lock()?.borrow_mut().push(line.to_owned());
///         Ok(())
///     }
///
///     fn append_pair(&self, one: &str, other: &str) -> io::Result<()> {
///         let _together = self.lines.lock()?; // nobody's line comes between
///         self.append(one)?;
///         self.append(other)
///     }
/// }
///
/// let ledger = Ledger::default();
/// ledger.append_pair("debit", "credit")?;
/// assert_eq!(*ledger.lines.lock()?.borrow(), ["debit", "credit"]);
/// # io::Result::Ok(())
/// ```
pub struct ReentrantMutex<T: ?Sized> {
    /// One, which the owner has.
    turns: Permits<Arc<Task>>,
    cell: TaskCell<T>,
}

/// Access to what a [`ReentrantMutex`] holds. Dropping the owner's last one
/// releases the lock, which never waits and never panics.
///
/// It is not `Send`:
///
/// ```compile_fail
/// let lock = greenserve::sync::ReentrantMutex::new(1);
/// let guard = lock.lock().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
#[must_use = "the lock is released when its guards are dropped"]
pub struct ReentrantMutexGuard<'a, T: ?Sized> {
    // Dropped before the turn, which looks whether it was the last.
    entry: Entry<'a, T>,
    _turn: Turn<'a, T>,
}

/// What all guards of the owner have together.
struct Turn<'a, T: ?Sized>(&'a ReentrantMutex<T>);

impl<T: ?Sized> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        // Who finds the cell free here has left it last, since nobody enters
        // a free one before the turn is released.
        if self.0.cell.is_free() {
            self.0.turns.release(1);
        }
    }
}

impl<T> ReentrantMutex<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        ReentrantMutex {
            turns: Permits::new(std::sync::Mutex::new(State::new(1))),
            cell: TaskCell::new(value),
        }
    }

    /// Takes the lock apart; nobody else can hold or want it any more.
    pub fn into_inner(self) -> T {
        self.cell.into_inner()
    }
}

impl<T: ?Sized> ReentrantMutex<T> {
    /// Locks, and waits for it if another task owns it: `acquire()` in Python.
    ///
    /// # Errors
    /// An [`io::Error`] that carries a [`WaitError`], and only if another task
    /// owns the lock: the caller was killed, the deadline of a surrounding
    /// [`Timeout`](super::Timeout) passed, or a panic is unwinding the
    /// coroutine.
    pub fn lock(&self) -> io::Result<ReentrantMutexGuard<'_, T>> {
        Ok(self.lock_until(NEVER)?)
    }

    /// As [`lock`](ReentrantMutex::lock), for at most `limit`:
    /// `acquire(timeout=...)` in Python.
    ///
    /// # Errors
    /// As [`lock`](ReentrantMutex::lock), and [`WaitError::Deadline`] when the
    /// limit passes.
    pub fn lock_timeout(&self, limit: Duration) -> io::Result<ReentrantMutexGuard<'_, T>> {
        Ok(self.lock_until(after(limit))?)
    }

    /// Locks if that needs no waiting: `acquire(blocking=False)` in Python.
    pub fn try_lock(&self) -> Option<ReentrantMutexGuard<'_, T>> {
        (self.is_owned() || self.turns.try_acquire()).then(|| self.guard())
    }

    /// Whether the calling task owns the lock: `_is_owned()` in Python. What
    /// other tasks do does not change the answer.
    pub fn is_owned(&self) -> bool {
        self.cell.is_mine()
    }

    /// The value, without locking: nobody else can hold the lock now.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.as_mut()
    }

    fn lock_until(&self, deadline: u64) -> Result<ReentrantMutexGuard<'_, T>, WaitError> {
        if !self.is_owned() {
            self.turns.acquire(deadline, || Task::awaiting(Awaited::Lock, self))?;
        }
        Ok(self.guard())
    }

    /// For the owner, and for who has just been given the turn.
    fn guard(&self) -> ReentrantMutexGuard<'_, T> {
        let turn = Turn(self);
        match self.cell.enter() {
            Some(entry) => ReentrantMutexGuard { entry, _turn: turn },
            None => unreachable!("there is one turn, and it is released when the cell is free"),
        }
    }
}

impl<T: Default> Default for ReentrantMutex<T> {
    fn default() -> Self {
        ReentrantMutex::new(T::default())
    }
}

impl<T> From<T> for ReentrantMutex<T> {
    fn from(value: T) -> Self {
        ReentrantMutex::new(value)
    }
}

impl<T: ?Sized> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.entry
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_tuple("ReentrantMutex").field(&&*guard).finish(),
            None => f.debug_tuple("ReentrantMutex").field(&format_args!("locked")).finish(),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Ended, assert_send, assert_sync, reason, spawn, spawn_thread, until};
    use super::super::{Event, with_timeout};
    use super::*;
    use crate::runtime::yield_now;
    use std::cell::{Cell, RefCell};
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Compiles for what is not `Send` and not `Sync` only: otherwise two
    /// implementations fit.
    macro_rules! assert_not {
        ($marker:ident, $kind:ty) => {{
            trait Ambiguous<A> {
                fn call() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $marker> Ambiguous<u8> for T {}
            <$kind as Ambiguous<_>>::call();
        }};
    }

    fn elsewhere(lock: &Arc<ReentrantMutex<Cell<u32>>>) -> bool {
        let theirs = Arc::clone(lock);
        let coroutine = spawn(move || theirs.try_lock().is_some()).ended();
        let theirs = Arc::clone(lock);
        let thread = spawn_thread(move || theirs.try_lock().is_some()).1.ended();
        assert_eq!(coroutine, thread);
        thread
    }

    #[test]
    fn the_lock_goes_anywhere_and_its_guard_stays() {
        assert_send::<ReentrantMutex<Cell<u8>>>();
        assert_sync::<ReentrantMutex<Cell<u8>>>();
        assert_sync::<ReentrantMutexGuard<'_, u8>>();
        assert_not!(Send, ReentrantMutexGuard<'_, u8>);
        assert_not!(Sync, ReentrantMutexGuard<'_, Cell<u8>>);
        assert_not!(Sync, ReentrantMutex<std::rc::Rc<u8>>);
    }

    #[test]
    fn its_owner_takes_it_again_and_nobody_else_does_until_the_last_guard_goes() {
        let lock = Arc::new(ReentrantMutex::new(Cell::new(1)));
        let theirs = Arc::clone(&lock);
        let nest = move || {
            let first = theirs.lock().unwrap();
            let second = theirs.lock_timeout(Duration::from_secs(60)).unwrap();
            let third = theirs.try_lock().unwrap();
            third.set(first.get() + second.get());
            assert!(theirs.is_owned());
            for guard in [first, third] {
                assert!(!elsewhere(&theirs));
                drop(guard);
            }
            assert!(theirs.is_owned());
            assert!(!elsewhere(&theirs));
            drop(second);
            assert!(!theirs.is_owned());
            assert!(elsewhere(&theirs));
        };
        spawn(nest.clone()).ended();
        nest();
        assert_eq!(lock.lock().unwrap().get(), 4);
    }

    #[test]
    fn a_coroutine_owns_what_it_holds_across_waits_and_its_thread_does_not() {
        let lock = Arc::new(ReentrantMutex::new(0));
        let (begun, done) = (Arc::new(Event::new()), Arc::new(Event::new()));
        let (theirs, told, when) = (Arc::clone(&lock), Arc::clone(&begun), Arc::clone(&done));
        let owner = spawn(move || {
            let _guard = theirs.lock()?;
            told.set();
            when.wait()?;
            yield_now();
            theirs.lock().map(|_again| theirs.is_owned())
        });
        begun.wait().unwrap();
        // As many as to be on every worker, the owner's too.
        for _ in 0..crate::runtime::workers() * 4 {
            let theirs = Arc::clone(&lock);
            assert!(!spawn(move || theirs.is_owned() || theirs.try_lock().is_some()).ended());
        }
        done.set();
        assert!(owner.ended().unwrap());
        assert!(lock.try_lock().is_some());
    }

    #[test]
    fn who_waits_longest_is_served_first_and_an_owner_that_locks_in_a_loop_starves_nobody() {
        let order = Arc::new(ReentrantMutex::new(RefCell::new(Vec::new())));
        let guard = order.lock().unwrap();
        let mut coroutines = Vec::new();
        let mut threads = Vec::new();
        for number in 0..20 {
            let theirs = Arc::clone(&order);
            let enter = move || theirs.lock().unwrap().borrow_mut().push(number);
            if number % 2 == 0 {
                coroutines.push(spawn(enter));
            } else {
                threads.push(spawn_thread(enter).1);
            }
            until(|| order.turns.waiting() == number + 1);
        }
        drop(order.lock().unwrap()); // not the last: it is handed to nobody
        assert_eq!(order.turns.waiting(), 20);
        drop(guard);
        drop(order.lock().unwrap()); // behind all of them
        assert_eq!(order.lock().unwrap().borrow().len(), 20);
        coroutines.into_iter().for_each(Ended::ended);
        threads.into_iter().for_each(Ended::ended);
        assert_eq!(*order.lock().unwrap().borrow(), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn a_kill_a_limit_and_a_timeout_end_the_wait() {
        let lock = Arc::new(ReentrantMutex::new(()));
        let _guard = lock.lock().unwrap();
        let (one, other) = (Arc::clone(&lock), Arc::clone(&lock));
        let coroutine = spawn(move || reason(one.lock()));
        let (task, thread) = spawn_thread(move || reason(other.lock()));
        until(|| lock.turns.waiting() == 2);
        coroutine.kill();
        task.kill();
        assert_eq!(coroutine.ended(), Some(WaitError::Killed));
        assert_eq!(thread.ended(), Some(WaitError::Killed));
        let theirs = Arc::clone(&lock);
        let short = Duration::from_millis(5);
        let limited = move || {
            assert_eq!(reason(theirs.lock_timeout(short)), Some(WaitError::Deadline));
            let ended = with_timeout(short, || theirs.lock().map(drop));
            assert_eq!(reason(ended), Some(WaitError::Timeout));
        };
        spawn(limited.clone()).ended();
        spawn_thread(limited).1.ended();
        assert_eq!(lock.turns.waiting(), 0);
    }

    #[test]
    fn a_killed_owner_still_takes_it_again() {
        let (_, thread) = spawn_thread(|| {
            let lock = ReentrantMutex::new(3);
            let _guard = lock.lock().unwrap();
            Task::current().kill();
            lock.lock().map(|again| *again).unwrap()
        });
        assert_eq!(thread.ended(), 3);
    }

    #[test]
    fn a_panic_releases_every_level() {
        let lock = Arc::new(ReentrantMutex::new(Cell::new(1)));
        let theirs = Arc::clone(&lock);
        let doomed = spawn(move || {
            let _first = theirs.lock().unwrap();
            let second = theirs.lock().unwrap();
            second.set(2);
            panic!("on purpose");
        });
        assert!(doomed.join().is_err());
        assert_eq!(lock.try_lock().unwrap().get(), 2);
        let outer = lock.lock().unwrap();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _inner = lock.lock();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert!(!elsewhere(&lock));
        drop(outer);
        assert!(elsewhere(&lock));
    }

    #[test]
    fn a_guard_that_a_local_coroutine_drops_was_its_owners_all_the_same() {
        static LOCK: ReentrantMutex<Cell<u8>> = ReentrantMutex::new(Cell::new(0));
        let owner = spawn(|| {
            let kept = LOCK.lock().unwrap();
            let given = LOCK.lock().unwrap();
            let helper = crate::runtime::spawn_local(move || {
                given.set(1);
                assert!(!LOCK.is_owned());
                assert!(LOCK.try_lock().is_none());
                drop(given);
            });
            // The engine `may` with several workers refuses, and drops it.
            if let Ok(helper) = helper {
                helper.ended();
                assert_eq!(kept.get(), 1);
            }
            assert!(LOCK.is_owned());
        });
        owner.ended();
        assert!(LOCK.try_lock().is_some());
    }

    #[test]
    fn the_value_can_be_reached_without_locking_and_be_unsized() {
        static LATER: ReentrantMutex<u8> = ReentrantMutex::new(7);
        assert_eq!(*LATER.lock().unwrap(), 7);
        let mut lock = ReentrantMutex::from([1, 2, 3]);
        lock.get_mut()[0] = 9;
        let slice: &ReentrantMutex<[i32]> = &lock;
        assert_eq!(format!("{slice:?}"), "ReentrantMutex([9, 2, 3])");
        let guard = slice.lock().unwrap();
        assert_eq!(format!("{guard:?}"), "[9, 2, 3]");
        let seen = std::thread::scope(|scope| scope.spawn(|| format!("{slice:?}")).join());
        assert_eq!(seen.unwrap(), "ReentrantMutex(locked)");
        drop(guard);
        assert_eq!(lock.into_inner(), [9, 2, 3]);
    }
}
