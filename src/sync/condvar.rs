//! A condition that what is locked must meet.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::mutex::MutexGuard;
use super::notifications::{Ended, Notifications};
use super::queue::WaitQueue;
use crate::runtime::{Awaited, NEVER, Task, after, passed};

/// Waits until what a [`Mutex`](super::Mutex) holds has changed:
/// `threading.Condition`, with the lock beside it rather than inside.
///
/// A wait takes the guard, releases the lock, and returns a guard when it was
/// notified and has the lock again.
///
/// - **An error means that the lock is not held.** A wait that is ended by a
///   kill or by a surrounding [`Timeout`](super::Timeout) does not come back
///   for the lock, because it would have to wait for it: a killed task ends,
///   whoever holds the lock. Clean-up that needs the lock calls
///   [`Mutex::lock`](super::Mutex::lock), which gives a free one to a killed
///   task too. That a limit given to the call passed is no error: the guard
///   comes back.
/// - **Fair.** Who waits longest is notified first, and then stands in line for
///   the lock as everybody does.
/// - **A notification is not lost.** If it reaches a waiter in the very moment
///   of its kill or time-out, the waiter returns with the lock, or the next
///   one is notified in its place.
/// - **Look again.** Another task may have had the lock between the
///   notification and the return, and a notification that was passed on may
///   reach who came after it. So wait in a loop, or with
///   [`wait_while`](Condvar::wait_while), which is one.
///
/// ```
/// use greenserve::{runtime, sync::{Condvar, Mutex}};
/// use std::sync::Arc;
///
/// let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
/// let theirs = Arc::clone(&shared);
/// let consumer = runtime::spawn(move || {
///     let (items, not_empty) = &*theirs;
///     let mut items = not_empty.wait_while(items.lock()?, |items| items.is_empty())?;
///     std::io::Result::Ok(items.pop())
/// })?;
/// let (items, not_empty) = &*shared;
/// items.lock()?.push("one");
/// not_empty.notify_one();
/// assert_eq!(consumer.join().expect("no panic")?, Some("one"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Condvar {
    notifications: Notifications<Arc<Task>>,
}

/// How a wait with a limit ended: see [`Condvar::wait_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(Ended);

impl WaitTimeoutResult {
    /// True when the limit passed before a notification came; what `wait`
    /// returns in Python, turned round.
    pub fn timed_out(&self) -> bool {
        self.0 == Ended::TimedOut
    }
}

impl Condvar {
    /// A condition that nobody waits for.
    pub const fn new() -> Self {
        Condvar {
            notifications: Notifications::new(std::sync::Mutex::new(WaitQueue::new())),
        }
    }

    /// Releases the lock, waits to be notified and locks again: `wait()` in
    /// Python. Nobody can notify between the release and the wait.
    ///
    /// # Errors
    /// An [`io::Error`] that carries a [`WaitError`](crate::WaitError): the
    /// caller was killed, the deadline of a surrounding
    /// [`Timeout`](super::Timeout) passed, or a panic is unwinding the
    /// coroutine. The lock is not held then.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> io::Result<MutexGuard<'a, T>> {
        Ok(self.wait_until(guard, NEVER)?.0)
    }

    /// Waits as long as `condition` holds: `wait_for(predicate)` in Python,
    /// with the predicate turned round. Returns at once if it does not.
    ///
    /// # Errors
    /// As [`wait`](Condvar::wait).
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> io::Result<MutexGuard<'a, T>> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`wait`](Condvar::wait), but waits for a notification for at most
    /// `limit`: `wait(timeout)` in Python.
    ///
    /// The guard comes back in any case, so this may take longer, while others
    /// hold the lock. A [`Timeout`](super::Timeout) around it bounds the whole.
    ///
    /// # Errors
    /// As [`wait`](Condvar::wait). That `limit` passed is no error.
    ///
    /// ```
    /// use greenserve::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (lock, changed) = (Mutex::new(0), Condvar::new());
    /// let (guard, result) = changed.wait_timeout(lock.lock()?, Duration::from_millis(1))?;
    /// assert!(result.timed_out());
    /// assert_eq!(*guard, 0);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> io::Result<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_until(guard, after(limit))
    }

    /// As [`wait_while`](Condvar::wait_while), for at most `limit`:
    /// `wait_for(predicate, timeout)` in Python. The result says
    /// [`timed_out`](WaitTimeoutResult::timed_out) if the condition held still
    /// when the limit had passed.
    ///
    /// The guard comes back in any case; see
    /// [`wait_timeout`](Condvar::wait_timeout).
    ///
    /// # Errors
    /// As [`wait`](Condvar::wait). That `limit` passed is no error.
    pub fn wait_timeout_while<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> io::Result<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let deadline = after(limit);
        while condition(&mut guard) {
            if passed(deadline) {
                return Ok((guard, WaitTimeoutResult(Ended::TimedOut)));
            }
            guard = self.wait_until(guard, deadline)?.0;
        }
        Ok((guard, WaitTimeoutResult(Ended::Notified)))
    }

    /// Notifies whoever waits longest: `notify()` in Python. Without effect
    /// when nobody waits. Never waits itself.
    ///
    /// The lock need not be held, unlike in Python; what the waiter waits for
    /// must have been changed under it.
    #[doc(alias = "notify")]
    pub fn notify_one(&self) {
        self.notifications.notify_one();
    }

    /// Notifies all who wait: `notify_all()` in Python. Never waits itself.
    pub fn notify_all(&self) {
        self.notifications.notify_all();
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: u64,
    ) -> io::Result<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let mutex = guard.mutex();
        let unlock = || drop(guard);
        let relock = || mutex.lock_until(NEVER);
        let (guard, ended) =
            self.notifications
                .wait(deadline, || Task::awaiting(Awaited::Condvar, self), unlock, relock)?;
        Ok((guard, WaitTimeoutResult(ended)))
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar")
            .field("waiting", &self.notifications.waiting())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Ended, assert_send, assert_sync, reason, spawn, spawn_thread, until};
    use super::super::{Mutex, with_timeout};
    use super::*;
    use crate::error::WaitError;
    use crate::runtime::JoinHandle;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    /// A list and its condition.
    #[derive(Default)]
    struct Shared {
        list: Mutex<Vec<usize>>,
        changed: Condvar,
    }

    impl Shared {
        fn waiting(&self) -> usize {
            self.changed.notifications.waiting()
        }

        /// How many wait for the lock.
        fn in_line(&self) -> usize {
            self.list.waiting()
        }
    }

    /// Somebody who waits, the `place`th in the queue, and then adds that
    /// number to the list.
    fn waiter(shared: &Arc<Shared>, place: usize) -> JoinHandle<io::Result<()>> {
        let theirs = Arc::clone(shared);
        let waiter = spawn(move || {
            let mut list = theirs.changed.wait(theirs.list.lock()?)?;
            list.push(place);
            Ok(())
        });
        until(|| shared.waiting() == place);
        waiter
    }

    #[test]
    fn a_condition_goes_anywhere() {
        assert_send::<Condvar>();
        assert_sync::<Condvar>();
    }

    #[test]
    fn who_waits_longest_is_notified_first() {
        let shared = Arc::new(Shared::default());
        let waiters: Vec<_> = (1..=10).map(|place| waiter(&shared, place)).collect();
        for served in 1..=10 {
            shared.changed.notify_one();
            until(|| shared.list.lock().unwrap().len() == served);
            assert_eq!(shared.waiting(), 10 - served);
        }
        waiters.into_iter().for_each(|it| it.ended().unwrap());
        assert_eq!(*shared.list.lock().unwrap(), (1..=10).collect::<Vec<_>>());
    }

    #[test]
    fn all_who_wait_are_notified_and_nobody_who_comes_later() {
        let shared = Arc::new(Shared::default());
        shared.changed.notify_one();
        shared.changed.notify_all();
        let mut waiters: Vec<_> = (1..=5).map(|place| waiter(&shared, place)).collect();
        let theirs = Arc::clone(&shared);
        let (_, thread) = spawn_thread(move || {
            let guard = theirs.changed.wait(theirs.list.lock()?)?;
            drop(guard);
            io::Result::Ok(())
        });
        until(|| shared.waiting() == 6);
        let guard = shared.list.lock().unwrap();
        shared.changed.notify_all();
        until(|| shared.in_line() == 6); // each wants the lock
        drop(guard);
        thread.ended().unwrap();
        waiters.drain(..).for_each(|it| it.ended().unwrap());
        let late = waiter(&shared, 1);
        shared.changed.notify_one();
        late.ended().unwrap();
    }

    #[test]
    fn it_waits_while_the_condition_holds() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let wait = move || {
            let list = theirs.changed.wait_while(theirs.list.lock()?, |list| list.len() < 3)?;
            io::Result::Ok(list.clone())
        };
        let (coroutine, (_, thread)) = (spawn(wait.clone()), spawn_thread(wait.clone()));
        until(|| shared.waiting() == 2);
        for number in 1..=3 {
            shared.list.lock().unwrap().push(number);
            shared.changed.notify_all();
            until(|| number == 3 || shared.waiting() == 2);
        }
        assert_eq!(coroutine.ended().unwrap(), [1, 2, 3]);
        assert_eq!(thread.ended().unwrap(), [1, 2, 3]);
        assert_eq!(wait().unwrap(), [1, 2, 3]); // need not wait
    }

    #[test]
    fn a_killed_waiter_ends_without_the_lock_whoever_holds_it() {
        let shared = Arc::new(Shared::default());
        let coroutine = waiter(&shared, 1);
        let theirs = Arc::clone(&shared);
        let (task, thread) = spawn_thread(move || reason(theirs.changed.wait(theirs.list.lock().unwrap())));
        until(|| shared.waiting() == 2);
        let guard = shared.list.lock().unwrap();
        coroutine.kill();
        task.kill();
        assert_eq!(reason(coroutine.ended()), Some(WaitError::Killed));
        assert_eq!(thread.ended(), Some(WaitError::Killed));
        assert_eq!((shared.waiting(), shared.in_line()), (0, 0));
        drop(guard);
        assert!(shared.list.try_lock().is_some());
    }

    /// The notified one is killed while it stands in line for the lock.
    #[test]
    fn a_notification_for_a_killed_waiter_goes_to_the_next() {
        let shared = Arc::new(Shared::default());
        let killed = waiter(&shared, 1);
        let next = waiter(&shared, 2);
        let guard = shared.list.lock().unwrap();
        shared.changed.notify_one();
        until(|| shared.in_line() == 1);
        killed.kill();
        assert_eq!(reason(killed.ended()), Some(WaitError::Killed));
        until(|| shared.in_line() == 1);
        assert_eq!(shared.waiting(), 0);
        drop(guard);
        next.ended().unwrap();
        assert_eq!(*shared.list.lock().unwrap(), [2]);
    }

    #[test]
    fn a_notification_for_who_timed_out_in_line_goes_to_the_next() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let late = spawn(move || {
            let list = theirs.list.lock().unwrap();
            reason(with_timeout(SHORT * 50, || theirs.changed.wait(list).map(drop)))
        });
        until(|| shared.waiting() == 1);
        let guard = shared.list.lock().unwrap();
        shared.changed.notify_one();
        until(|| shared.in_line() == 1);
        let next = with_another_lock(&shared);
        until(|| shared.waiting() == 1);
        assert_eq!(late.ended(), Some(WaitError::Timeout));
        next.ended().unwrap();
        drop(guard);
        assert!(shared.list.try_lock().is_some());
    }

    /// Somebody who is not held up by who holds the list.
    fn with_another_lock(shared: &Arc<Shared>) -> JoinHandle<io::Result<()>> {
        let theirs = Arc::clone(shared);
        let other = Mutex::new(());
        spawn(move || theirs.changed.wait(other.lock()?).map(drop))
    }

    /// Everybody had one, so who is killed leaves none over.
    #[test]
    fn a_notification_to_all_is_not_passed_on() {
        let shared = Arc::new(Shared::default());
        let killed = waiter(&shared, 1);
        let guard = shared.list.lock().unwrap();
        shared.changed.notify_all();
        until(|| shared.in_line() == 1);
        let late = with_another_lock(&shared);
        until(|| shared.waiting() == 1);
        killed.kill();
        assert_eq!(reason(killed.ended()), Some(WaitError::Killed));
        assert_eq!(shared.waiting(), 1);
        shared.changed.notify_one();
        late.ended().unwrap();
        drop(guard);
    }

    #[test]
    fn a_killed_waiter_that_was_notified_takes_a_free_lock() {
        let (_, thread) = spawn_thread(|| {
            let shared = Arc::new(Shared::default());
            let (task, theirs) = (Task::current(), Arc::clone(&shared));
            let both = std::thread::spawn(move || {
                until(|| theirs.waiting() == 1);
                theirs.changed.notify_one();
                task.kill();
            });
            let list = shared.list.lock().unwrap();
            let ended = shared.changed.wait(list).map(|mut list| list.push(1));
            both.ended();
            assert_eq!(
                reason(shared.changed.wait(shared.list.lock().unwrap())),
                Some(WaitError::Killed)
            );
            ended
        });
        thread.ended().unwrap();
    }

    #[test]
    fn a_limit_that_passes_gives_the_guard_back() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let wait = move || {
            let begin = Instant::now();
            let (mut list, result) = theirs.changed.wait_timeout(theirs.list.lock()?, SHORT)?;
            list.push(1);
            io::Result::Ok((result.timed_out(), begin.elapsed()))
        };
        let measured = [spawn(wait.clone()).ended().unwrap(), wait().unwrap()];
        for (timed_out, took) in measured {
            assert!(timed_out);
            assert!(took >= SHORT, "{took:?}");
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        assert_eq!(shared.waiting(), 0);
        assert_eq!(*shared.list.try_lock().unwrap(), [1, 1]);
    }

    #[test]
    fn who_was_notified_in_time_has_not_timed_out() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let notified = spawn(move || {
            let (_, result) = theirs.changed.wait_timeout(theirs.list.lock()?, LONG)?;
            io::Result::Ok(result.timed_out())
        });
        until(|| shared.waiting() == 1);
        shared.changed.notify_one();
        assert!(!notified.ended().unwrap());
    }

    /// After its limit a waiter stands in line for the lock, and a kill or a
    /// timeout still ends that.
    #[test]
    fn the_way_back_to_the_lock_ends_by_kill_and_by_timeout() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let wait = move || {
            let list = theirs.list.lock()?;
            // Who stands in line is handed the lock before this one is back.
            until(|| theirs.in_line() == 1);
            theirs.changed.wait_timeout(list, Duration::ZERO).map(drop)
        };
        let killed = spawn(wait.clone());
        until(|| shared.list.try_lock().is_none());
        let guard = shared.list.lock().unwrap();
        until(|| shared.in_line() == 1);
        killed.kill();
        assert_eq!(reason(killed.ended()), Some(WaitError::Killed));
        drop(guard);

        let late = spawn(move || with_timeout(SHORT * 5, wait));
        until(|| shared.list.try_lock().is_none());
        let guard = shared.list.lock().unwrap();
        assert_eq!(reason(late.ended()), Some(WaitError::Timeout));
        drop(guard);
        assert!(shared.list.try_lock().is_some());
    }

    #[test]
    fn a_limit_bounds_waiting_for_a_condition_over_many_notifications() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let waiter = spawn(move || {
            let list = theirs.list.lock()?;
            let begin = Instant::now();
            let (list, result) = theirs
                .changed
                .wait_timeout_while(list, SHORT * 5, |list| list.is_empty())?;
            assert!(list.is_empty());
            io::Result::Ok((result.timed_out(), begin.elapsed()))
        });
        while !waiter.is_finished() {
            shared.changed.notify_all();
            std::thread::yield_now();
        }
        let (timed_out, took) = waiter.ended().unwrap();
        assert!(timed_out);
        assert!(took >= SHORT * 5 && took < Duration::from_secs(2), "{took:?}");

        let theirs = Arc::clone(&shared);
        let waiter = spawn(move || {
            let list = theirs.list.lock()?;
            let (list, result) = theirs.changed.wait_timeout_while(list, LONG, |list| list.is_empty())?;
            io::Result::Ok((list.len(), result.timed_out()))
        });
        until(|| shared.waiting() == 1);
        shared.list.lock().unwrap().push(1);
        shared.changed.notify_one();
        assert_eq!(waiter.ended().unwrap(), (1, false));
    }

    #[test]
    fn a_surrounding_timeout_ends_the_wait_without_the_lock() {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let wait = move || {
            let list = theirs.list.lock()?;
            with_timeout(SHORT, || theirs.changed.wait(list).map(drop))
        };
        assert_eq!(reason(spawn(wait.clone()).ended()), Some(WaitError::Timeout));
        assert_eq!(reason(wait()), Some(WaitError::Timeout));
        assert!(shared.list.try_lock().is_some());
    }

    #[test]
    fn a_condition_that_panics_releases_the_lock() {
        let shared = Shared::default();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            shared
                .changed
                .wait_while(shared.list.lock().unwrap(), |_| panic!("on purpose"))
        }));
        assert!(panicked.is_err());
        assert!(shared.list.try_lock().is_some());
    }

    #[test]
    fn it_says_how_many_wait() {
        static LATER: Condvar = Condvar::new();
        assert_eq!(format!("{LATER:?}"), "Condvar { waiting: 0 }");
    }
}
