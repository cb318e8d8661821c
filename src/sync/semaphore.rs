//! A number of permits that coroutines and threads share.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::permits::{Permits, State};
use crate::runtime::{Awaited, NEVER, Task, after};

/// A number of permits: `threading.Semaphore`, `gevent.lock.Semaphore`.
///
/// First come, first served: a permit that is released while somebody waits
/// goes to whoever waits longest and never looks free to anybody else. A
/// permit handed to somebody who is killed in the same moment is not lost: it
/// is either taken, and released as usual, or passed on.
///
/// ```
/// use greenserve::sync::Semaphore;
///
/// let tickets = Semaphore::new(2);
/// let first = tickets.acquire()?;
/// let second = tickets.acquire()?;
/// assert!(tickets.try_acquire().is_none());
/// drop(first);
/// assert_eq!(tickets.available(), 1);
/// # drop(second);
/// # std::io::Result::Ok(())
/// ```
pub struct Semaphore {
    permits: Permits<Arc<Task>>,
}

/// One permit of a [`Semaphore`]; goes back when dropped, which never waits
/// and never panics.
///
/// ```
/// use greenserve::sync::Semaphore;
///
/// let tickets = Semaphore::new(1);
/// tickets.acquire()?.forget();
/// assert_eq!(tickets.available(), 0);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
#[must_use = "the permit goes back when it is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
}

/// As [`Permit`], but keeps the semaphore alive itself: it can be moved into a
/// coroutine that outlives the caller.
///
/// ```
/// use greenserve::{runtime, sync::Semaphore};
/// use std::sync::Arc;
///
/// let tickets = Arc::new(Semaphore::new(1));
/// let permit = tickets.acquire_owned()?;
/// runtime::spawn(move || drop(permit))?.join().expect("no panic");
/// assert_eq!(tickets.available(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the permit goes back when it is dropped"]
pub struct OwnedPermit {
    /// `None` once forgotten.
    semaphore: Option<Arc<Semaphore>>,
}

impl Semaphore {
    /// A semaphore with `permits` free ones: `Semaphore(value)` in Python,
    /// where the default is 1. None at all is allowed: then the first permits
    /// are those of [`add_permits`](Semaphore::add_permits).
    pub const fn new(permits: usize) -> Self {
        Semaphore {
            permits: Permits::new(std::sync::Mutex::new(State::new(permits))),
        }
    }

    /// Takes a permit, and waits for one if need be.
    ///
    /// # Errors
    /// An [`io::Error`] that carries a [`WaitError`](crate::WaitError), and
    /// only if no permit is free: the caller was killed, the deadline of a
    /// surrounding [`Timeout`](super::Timeout) passed, or a panic is unwinding
    /// the coroutine.
    pub fn acquire(&self) -> io::Result<Permit<'_>> {
        self.take(NEVER)?;
        Ok(Permit { semaphore: self })
    }

    /// As [`acquire`](Semaphore::acquire), for at most `limit`:
    /// `acquire(timeout=...)` in Python.
    ///
    /// # Errors
    /// As [`acquire`](Semaphore::acquire), and
    /// [`WaitError::Deadline`](crate::WaitError::Deadline) when the limit
    /// passes.
    pub fn acquire_timeout(&self, limit: Duration) -> io::Result<Permit<'_>> {
        self.take(after(limit))?;
        Ok(Permit { semaphore: self })
    }

    /// Takes a permit if one is free: `acquire(blocking=False)` in Python.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.permits.try_acquire().then(|| Permit { semaphore: self })
    }

    /// As [`acquire`](Semaphore::acquire), for a permit that borrows nothing.
    ///
    /// # Errors
    /// As [`acquire`](Semaphore::acquire).
    pub fn acquire_owned(self: &Arc<Self>) -> io::Result<OwnedPermit> {
        self.take(NEVER)?;
        Ok(OwnedPermit::of(self))
    }

    /// As [`acquire_timeout`](Semaphore::acquire_timeout), for a permit that
    /// borrows nothing.
    ///
    /// # Errors
    /// As [`acquire_timeout`](Semaphore::acquire_timeout).
    pub fn acquire_owned_timeout(self: &Arc<Self>, limit: Duration) -> io::Result<OwnedPermit> {
        self.take(after(limit))?;
        Ok(OwnedPermit::of(self))
    }

    /// As [`try_acquire`](Semaphore::try_acquire), for a permit that borrows
    /// nothing.
    pub fn try_acquire_owned(self: &Arc<Self>) -> Option<OwnedPermit> {
        self.permits.try_acquire().then(|| OwnedPermit::of(self))
    }

    /// Adds `permits`, to those who wait first: `release(n)` in Python. Never
    /// waits; beyond `usize::MAX` the count stays there.
    #[doc(alias = "release")]
    pub fn add_permits(&self, permits: usize) {
        self.permits.release(permits);
    }

    /// How many permits are free now: `counter` in gevent. While anybody
    /// waits it is 0.
    pub fn available(&self) -> usize {
        self.permits.free()
    }

    fn take(&self, deadline: u64) -> io::Result<()> {
        Ok(self
            .permits
            .acquire(deadline, || Task::awaiting(Awaited::Semaphore, self))?)
    }
}

impl Permit<'_> {
    /// Takes the permit out of circulation for good.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl OwnedPermit {
    fn of(semaphore: &Arc<Semaphore>) -> OwnedPermit {
        OwnedPermit {
            semaphore: Some(Arc::clone(semaphore)),
        }
    }

    /// Takes the permit out of circulation for good.
    pub fn forget(mut self) {
        self.semaphore = None;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.permits.release(1);
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        if let Some(semaphore) = &self.semaphore {
            semaphore.permits.release(1);
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available", &self.available())
            .field("waiting", &self.permits.waiting())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, reason, spawn, spawn_thread, until};
    use super::*;
    use crate::error::WaitError;
    use std::time::Instant;

    #[test]
    fn permits_go_anywhere() {
        assert_send::<Semaphore>();
        assert_sync::<Semaphore>();
        assert_send::<Permit<'_>>();
        assert_sync::<Permit<'_>>();
        assert_send::<OwnedPermit>();
        assert_sync::<OwnedPermit>();
    }

    #[test]
    fn a_permit_goes_to_the_first_in_the_queue() {
        let semaphore = Arc::new(Semaphore::new(0));
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let waiters: Vec<_> = (0..10)
            .map(|number| {
                let (theirs, order) = (Arc::clone(&semaphore), Arc::clone(&order));
                let waiter = spawn(move || {
                    let _permit = theirs.acquire().unwrap();
                    order.lock().unwrap().push(number);
                });
                until(|| semaphore.permits.waiting() == number + 1);
                waiter
            })
            .collect();
        semaphore.add_permits(1);
        waiters.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*order.lock().unwrap(), (0..10).collect::<Vec<_>>());
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn added_permits_reach_all_who_wait_and_the_rest_is_free() {
        let semaphore = Arc::new(Semaphore::new(0));
        let one = Arc::clone(&semaphore);
        let other = Arc::clone(&semaphore);
        let coroutine = spawn(move || one.acquire().map(Permit::forget));
        let (_, thread) = spawn_thread(move || other.acquire().map(Permit::forget));
        until(|| semaphore.permits.waiting() == 2);
        semaphore.add_permits(5);
        coroutine.join().unwrap().unwrap();
        thread.join().unwrap().unwrap();
        assert_eq!(semaphore.available(), 3);
        semaphore.add_permits(usize::MAX);
        assert_eq!(semaphore.available(), usize::MAX);
    }

    #[test]
    fn a_killed_waiter_takes_no_permit_along() {
        let semaphore = Arc::new(Semaphore::new(0));
        let theirs = Arc::clone(&semaphore);
        let waiter = spawn(move || reason(theirs.acquire()));
        until(|| semaphore.permits.waiting() == 1);
        waiter.kill();
        assert_eq!(waiter.join().unwrap(), Some(WaitError::Killed));
        semaphore.add_permits(1);
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn a_limit_ends_the_wait_in_time() {
        let semaphore = Arc::new(Semaphore::new(0));
        let limit = Duration::from_millis(30);
        let waits: [&dyn Fn() -> io::Result<()>; 2] = [&|| semaphore.acquire_timeout(limit).map(drop), &|| {
            semaphore.acquire_owned_timeout(limit).map(drop)
        }];
        for wait in waits {
            let begin = Instant::now();
            assert_eq!(reason(wait()), Some(WaitError::Deadline));
            let took = begin.elapsed();
            assert!(took >= limit, "{took:?}");
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
        assert_eq!(semaphore.permits.waiting(), 0);
        semaphore.add_permits(1);
        drop(semaphore.acquire_owned_timeout(limit).unwrap());
        assert_eq!(semaphore.available(), 1);
    }

    #[test]
    fn a_forgotten_permit_never_comes_back_but_its_semaphore_is_freed() {
        let semaphore = Arc::new(Semaphore::new(4));
        semaphore.acquire().unwrap().forget();
        semaphore.acquire_owned().unwrap().forget();
        drop(semaphore.acquire_owned().unwrap());
        drop(semaphore.try_acquire_owned().unwrap());
        drop(semaphore.try_acquire().unwrap());
        assert_eq!(semaphore.available(), 2);
        assert_eq!(Arc::strong_count(&semaphore), 1);
    }
}
