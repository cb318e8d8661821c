//! A lock that many may read under, or one write.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::shares::{Access, Shares, State};
use crate::error::WaitError;
use crate::runtime::{Awaited, Exclusive, NEVER, Share, SharedCell, Task, after};

/// A lock that many may read under at once, or one write, held across waits:
/// `std::sync::RwLock` for coroutines and threads. gevent and Python have
/// none.
///
/// - **Fair.** There is one queue. Who comes while anybody waits waits behind
///   them, so a stream of readers does not starve a writer, nor one of writers
///   a reader. Readers that stand together in the queue enter together.
/// - **Cheap when free**, granted to a killed task that need not wait, **not
///   poisoned** by a panic: as [`Mutex`](super::Mutex).
/// - **Not reentrant.** Who reads and reads again may wait for a writer that
///   waits for the first read to end; who writes and asks again waits for
///   itself. Both until killed or until a deadline.
///
/// ```
/// use greenserve::{runtime, sync::RwLock};
/// use std::sync::Arc;
///
/// let routes = Arc::new(RwLock::new(vec!["/"]));
/// let theirs = Arc::clone(&routes);
/// let reader = runtime::spawn(move || std::io::Result::Ok(theirs.read()?.contains(&"/")))?;
/// assert!(reader.join().expect("no panic")?);
/// routes.write()?.push("/status");
/// assert_eq!(routes.read()?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RwLock<T: ?Sized> {
    shares: Shares<Arc<Task>>,
    cell: SharedCell<T>,
}

/// The right to read what a [`RwLock`] holds, together with others; dropping
/// it gives it up, which never waits and never panics.
///
/// It may be moved to another coroutine or thread and dropped there.
#[must_use = "the lock is released when its guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    // Dropped before the turn, so that the next writer finds the cell free.
    share: Share<'a, T>,
    _turn: Turn<'a>,
}

/// The right to change what a [`RwLock`] holds; dropping it gives it up, which
/// never waits and never panics.
///
/// It may be moved to another coroutine or thread and dropped there.
#[must_use = "the lock is released when its guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    // Dropped before the turn, so that the next one finds the cell free.
    exclusive: Exclusive<'a, T>,
    turn: Turn<'a>,
}

struct Turn<'a>(&'a Shares<Arc<Task>>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<T> RwLock<T> {
    /// A free lock around `value`.
    pub const fn new(value: T) -> Self {
        RwLock {
            shares: Shares::new(std::sync::Mutex::new(State::new())),
            cell: SharedCell::new(value),
        }
    }

    /// Takes the lock apart; nobody else can hold or want it any more.
    pub fn into_inner(self) -> T {
        self.cell.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading, and waits while somebody writes or waits.
    ///
    /// # Errors
    /// An [`io::Error`] that carries a [`WaitError`], and only if the lock
    /// could not be had at once: the caller was killed, the deadline of a
    /// surrounding [`Timeout`](super::Timeout) passed, or a panic is unwinding
    /// the coroutine.
    pub fn read(&self) -> io::Result<RwLockReadGuard<'_, T>> {
        Ok(self.read_until(NEVER)?)
    }

    /// As [`read`](RwLock::read), for at most `limit`.
    ///
    /// # Errors
    /// As [`read`](RwLock::read), and [`WaitError::Deadline`] when the limit
    /// passes.
    pub fn read_timeout(&self, limit: Duration) -> io::Result<RwLockReadGuard<'_, T>> {
        Ok(self.read_until(after(limit))?)
    }

    /// Locks for reading if nobody writes and nobody waits.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        self.shares.try_acquire(Access::Read).then(|| self.reader())
    }

    /// Locks for writing, and waits while anybody reads, writes or waits.
    ///
    /// # Errors
    /// As [`read`](RwLock::read).
    pub fn write(&self) -> io::Result<RwLockWriteGuard<'_, T>> {
        Ok(self.write_until(NEVER)?)
    }

    /// As [`write`](RwLock::write), for at most `limit`.
    ///
    /// # Errors
    /// As [`write`](RwLock::write), and [`WaitError::Deadline`] when the limit
    /// passes.
    pub fn write_timeout(&self, limit: Duration) -> io::Result<RwLockWriteGuard<'_, T>> {
        Ok(self.write_until(after(limit))?)
    }

    /// Locks for writing if nobody reads or writes.
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.shares.try_acquire(Access::Write).then(|| self.writer())
    }

    /// The value, without locking: nobody else can hold the lock now.
    pub fn get_mut(&mut self) -> &mut T {
        self.cell.as_mut()
    }

    fn read_until(&self, deadline: u64) -> Result<RwLockReadGuard<'_, T>, WaitError> {
        self.shares
            .acquire(Access::Read, deadline, || Task::awaiting(Awaited::Lock, self))?;
        Ok(self.reader())
    }

    fn write_until(&self, deadline: u64) -> Result<RwLockWriteGuard<'_, T>, WaitError> {
        self.shares
            .acquire(Access::Write, deadline, || Task::awaiting(Awaited::Lock, self))?;
        Ok(self.writer())
    }

    /// For who has just been let in to read.
    fn reader(&self) -> RwLockReadGuard<'_, T> {
        let turn = Turn(&self.shares);
        match self.cell.share() {
            Some(share) => RwLockReadGuard { share, _turn: turn },
            None => unreachable!("a writer gives its claim up before it lets readers in"),
        }
    }

    /// For who has just been let in to write.
    fn writer(&self) -> RwLockWriteGuard<'_, T> {
        let turn = Turn(&self.shares);
        match self.cell.exclude() {
            Some(exclusive) => RwLockWriteGuard { exclusive, turn },
            None => unreachable!("a writer is alone, and who goes gives its claim up first"),
        }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Goes on reading what was written: no other writer comes between, and
    /// readers who wait next enter at once. Never waits.
    ///
    /// ```
    /// use greenserve::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writing = lock.write()?;
    /// *writing += 1;
    /// let reading = RwLockWriteGuard::downgrade(writing);
    /// assert_eq!(*reading + *lock.read()?, 4);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let RwLockWriteGuard { exclusive, turn } = guard;
        let share = exclusive.downgrade();
        turn.0.downgrade();
        RwLockReadGuard { share, _turn: turn }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.share
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.exclusive
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.exclusive
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Some(guard) => f.debug_tuple("RwLock").field(&&*guard).finish(),
            None => f.debug_tuple("RwLock").field(&format_args!("locked")).finish(),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Ended, assert_send, assert_sync, reason, spawn, spawn_thread, until};
    use super::super::{Event, with_timeout};
    use super::*;
    use crate::runtime::{JoinHandle, yield_now};
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    type Lock = Arc<RwLock<Vec<&'static str>>>;

    fn free() -> Lock {
        Arc::default()
    }

    /// Somebody who waits to write `word`, the `place`th in the queue.
    fn writer(lock: &Lock, word: &'static str, place: usize) -> JoinHandle<io::Result<()>> {
        let theirs = Arc::clone(lock);
        let writer = spawn(move || {
            theirs.write()?.push(word);
            Ok(())
        });
        until(|| lock.shares.waiting() == place);
        writer
    }

    /// Somebody who waits to read, the `place`th in the queue, and tells what
    /// was there.
    fn reader(lock: &Lock, place: usize) -> JoinHandle<io::Result<Vec<&'static str>>> {
        let theirs = Arc::clone(lock);
        let reader = spawn(move || theirs.read().map(|guard| guard.clone()));
        until(|| lock.shares.waiting() == place);
        reader
    }

    #[test]
    fn the_lock_and_its_guards_go_where_the_value_may_be_shared() {
        assert_send::<RwLock<Cell<u8>>>();
        assert_sync::<RwLock<u8>>();
        assert_send::<RwLockReadGuard<'_, u8>>();
        assert_sync::<RwLockReadGuard<'_, u8>>();
        assert_send::<RwLockWriteGuard<'_, u8>>();
        assert_sync::<RwLockWriteGuard<'_, u8>>();
        // Two readers would share a Cell.
        trait AmbiguousIfSync<A> {
            fn some_item() {}
        }
        impl<T: ?Sized> AmbiguousIfSync<()> for T {}
        impl<T: ?Sized + Sync> AmbiguousIfSync<u8> for T {}
        <RwLock<Cell<u8>> as AmbiguousIfSync<_>>::some_item();
        <RwLockReadGuard<'_, Cell<u8>> as AmbiguousIfSync<_>>::some_item();
    }

    #[test]
    fn many_read_or_one_writes() {
        let lock = RwLock::new(1);
        let (one, other) = (lock.read().unwrap(), lock.try_read().unwrap());
        assert!(lock.try_write().is_none());
        drop(one);
        assert!(lock.try_write().is_none());
        drop(other);
        let mut writing = lock.write().unwrap();
        *writing += 1;
        assert!(lock.try_read().is_none());
        assert!(lock.try_write().is_none());
        drop(writing);
        assert_eq!(*lock.read_timeout(Duration::from_secs(60)).unwrap(), 2);
        assert_eq!(*lock.write_timeout(Duration::from_secs(60)).unwrap(), 2);
    }

    #[test]
    fn who_comes_while_a_writer_waits_reads_what_it_wrote() {
        let lock = free();
        let reading = lock.read().unwrap();
        let first = writer(&lock, "first", 1);
        assert!(lock.try_read().is_none());
        let later = reader(&lock, 2);
        let second = writer(&lock, "second", 3);
        let last = reader(&lock, 4);
        drop(reading);
        assert_eq!(later.ended().unwrap(), ["first"]);
        assert_eq!(last.ended().unwrap(), ["first", "second"]);
        first.ended().unwrap();
        second.ended().unwrap();
    }

    /// Readers that overlap, so that somebody always reads.
    #[test]
    fn a_stream_of_readers_does_not_starve_a_writer() {
        let lock = free();
        let stop = Arc::new(AtomicBool::new(false));
        let passed = Arc::new(AtomicUsize::new(0));
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let (lock, stop, passed) = (Arc::clone(&lock), Arc::clone(&stop), Arc::clone(&passed));
                spawn(move || -> io::Result<()> {
                    let mut reading = lock.read()?;
                    while !stop.load(Ordering::SeqCst) {
                        passed.fetch_add(1, Ordering::SeqCst);
                        yield_now();
                        // The other seven read while this one goes and comes back.
                        drop(reading);
                        reading = lock.read()?;
                    }
                    Ok(())
                })
            })
            .collect();
        until(|| passed.load(Ordering::SeqCst) > 100);
        let theirs = Arc::clone(&lock);
        let write = move || {
            theirs
                .write_timeout(Duration::from_secs(20))
                .map(|mut guard| guard.push("x"))
        };
        spawn(write.clone()).ended().unwrap();
        spawn_thread(write).1.ended().unwrap();
        stop.store(true, Ordering::SeqCst);
        readers.into_iter().for_each(|it| it.ended().unwrap());
        assert_eq!(*lock.try_read().unwrap(), ["x", "x"]);
    }

    #[test]
    fn readers_that_stand_together_enter_together_and_no_further() {
        let lock = free();
        let writing = lock.write().unwrap();
        let (go, inside) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
        let linger = |place| {
            let (lock_, go, inside) = (Arc::clone(&lock), Arc::clone(&go), Arc::clone(&inside));
            let reader = move || {
                let _guard = lock_.read()?;
                inside.fetch_add(1, Ordering::SeqCst);
                go.wait()
            };
            let reader = spawn(reader);
            until(|| lock.shares.waiting() == place);
            reader
        };
        let together: Vec<_> = (1..=3).map(linger).collect();
        let between = writer(&lock, "between", 4);
        let behind = reader(&lock, 5);
        drop(writing);
        until(|| inside.load(Ordering::SeqCst) == 3);
        assert_eq!(lock.shares.waiting(), 2);
        go.set();
        assert_eq!(behind.ended().unwrap(), ["between"]);
        between.ended().unwrap();
        together.into_iter().for_each(|it| it.ended().unwrap());
    }

    #[test]
    fn a_writer_that_gives_up_lets_in_the_readers_behind_it() {
        let lock = free();
        let reading = lock.read().unwrap();
        let killed = writer(&lock, "never", 1);
        let behind = reader(&lock, 2);
        killed.kill();
        assert_eq!(reason(killed.ended()), Some(WaitError::Killed));
        assert!(behind.ended().unwrap().is_empty());

        let theirs = Arc::clone(&lock);
        let late = spawn(move || reason(theirs.write_timeout(Duration::from_secs(1))));
        until(|| lock.shares.waiting() == 1);
        let behind = Arc::clone(&lock);
        let (_, behind) = spawn_thread(move || behind.read().map(|guard| guard.len()));
        until(|| lock.shares.waiting() == 2);
        assert_eq!(late.ended(), Some(WaitError::Deadline));
        assert_eq!(behind.ended().unwrap(), 0);
        drop(reading);
        assert!(lock.try_write().is_some());
    }

    #[test]
    fn a_kill_a_limit_and_a_timeout_end_every_wait() {
        let lock = free();
        let guard = lock.write().unwrap();
        let theirs = Arc::clone(&lock);
        let read = move || reason(theirs.read());
        let theirs = Arc::clone(&lock);
        let write = move || reason(theirs.write());
        let coroutines = [spawn(read.clone()), spawn(write.clone())];
        let threads = [spawn_thread(read), spawn_thread(write)];
        until(|| lock.shares.waiting() == 4);
        for coroutine in coroutines {
            coroutine.kill();
            assert_eq!(coroutine.ended(), Some(WaitError::Killed));
        }
        for (task, thread) in threads {
            task.kill();
            assert_eq!(thread.ended(), Some(WaitError::Killed));
        }
        let theirs = Arc::clone(&lock);
        let short = Duration::from_millis(5);
        let limited = move || {
            assert_eq!(reason(theirs.read_timeout(short)), Some(WaitError::Deadline));
            assert_eq!(reason(theirs.write_timeout(short)), Some(WaitError::Deadline));
            let read = with_timeout(short, || theirs.read().map(drop));
            let write = with_timeout(short, || theirs.write().map(drop));
            assert_eq!([reason(read), reason(write)], [Some(WaitError::Timeout); 2]);
        };
        spawn(limited.clone()).ended();
        spawn_thread(limited).1.ended();
        assert_eq!(lock.shares.waiting(), 0);
        drop(guard);
        assert!(lock.try_write().is_some());
    }

    #[test]
    fn a_killed_task_still_gets_a_free_lock() {
        let (_, thread) = spawn_thread(|| {
            Task::current().kill();
            let lock = RwLock::new(3);
            *lock.write().unwrap() += 1;
            *lock.read().unwrap()
        });
        assert_eq!(thread.ended(), 4);
    }

    #[test]
    fn a_writer_that_goes_on_reading_lets_readers_in_and_no_writer() {
        let lock = free();
        let mut writing = lock.write().unwrap();
        let behind = reader(&lock, 1);
        let next = writer(&lock, "next", 2);
        writing.push("mine");
        let reading = RwLockWriteGuard::downgrade(writing);
        assert_eq!(behind.ended().unwrap(), ["mine"]);
        assert_eq!(lock.shares.waiting(), 1);
        assert_eq!(*reading, ["mine"]);
        drop(reading);
        next.ended().unwrap();
        assert_eq!(*lock.read().unwrap(), ["mine", "next"]);
    }

    #[test]
    fn a_panic_releases_the_lock_and_leaves_the_value() {
        let lock = free();
        let theirs = Arc::clone(&lock);
        let doomed = spawn(move || {
            theirs.write().unwrap().push("before");
            let _reading = theirs.read();
            panic!("on purpose");
        });
        assert!(doomed.join().is_err());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _writing = lock.try_write().unwrap();
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(*lock.try_write().unwrap(), ["before"]);
    }

    #[test]
    fn guards_may_be_dropped_elsewhere() {
        let lock = RwLock::new(0);
        let mut writing = lock.write().unwrap();
        std::thread::scope(|scope| scope.spawn(move || *writing += 1).join().unwrap());
        let reading = lock.try_read().unwrap();
        std::thread::scope(|scope| scope.spawn(move || drop(reading)).join().unwrap());
        assert_eq!(*lock.try_write().unwrap(), 1);
    }

    #[test]
    fn the_value_can_be_reached_without_locking_and_be_unsized() {
        static LATER: RwLock<u8> = RwLock::new(7);
        assert_eq!(*LATER.read().unwrap(), 7);
        let mut lock = RwLock::from([1, 2, 3]);
        lock.get_mut()[0] = 9;
        let slice: &RwLock<[i32]> = &lock;
        slice.write().unwrap()[1] = 8;
        assert_eq!(
            format!("{slice:?} {:?}", slice.read().unwrap()),
            "RwLock([9, 8, 3]) [9, 8, 3]"
        );
        let guard = slice.write().unwrap();
        assert_eq!(format!("{slice:?} {guard:?}"), "RwLock(locked) [9, 8, 3]");
        drop(guard);
        assert_eq!(lock.into_inner(), [9, 8, 3]);
    }
}
