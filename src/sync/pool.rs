//! A group of a limited number of coroutines.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::group::Group;
use super::roster::Roster;
use crate::error::{Error, Result};
use crate::runtime::{Builder, JoinHandle};

/// A [`Group`] of a limited number of coroutines: `gevent.pool.Pool`.
///
/// A place that becomes free goes to whoever waits for one longest.
///
/// ```
/// use greenserve::{runtime, sync::Pool};
/// use std::time::Duration;
///
/// let pool = Pool::new(2)?;
/// for _ in 0..6 {
///     pool.spawn(|| runtime::sleep(Duration::from_millis(1)))?;
///     assert!(pool.len() <= 2);
/// }
/// pool.join()?;
/// assert_eq!(pool.free_count(), 2);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub struct Pool {
    group: Group,
}

/// What [`Pool::try_spawn`] did not start.
///
/// ```
/// use greenserve::{runtime, sync::{Pool, TrySpawnError}};
/// use std::time::Duration;
///
/// let pool = Pool::new(1)?.kill_on_drop(true);
/// pool.spawn(|| runtime::sleep(Duration::from_secs(600)))?;
/// assert!(matches!(pool.try_spawn(|| ()), Err(TrySpawnError::Full(_))));
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(thiserror::Error)]
pub enum TrySpawnError<F> {
    /// No place is free; here is what was to be run.
    #[error("the pool is full")]
    Full(F),
    /// The runtime refused the coroutine.
    #[error(transparent)]
    Refused(Error),
}

impl<F> fmt::Debug for TrySpawnError<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrySpawnError::Full(_) => f.write_str("Full(..)"),
            TrySpawnError::Refused(err) => f.debug_tuple("Refused").field(err).finish(),
        }
    }
}

impl Pool {
    /// A pool of at most `size` coroutines.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a size of 0: every spawn would wait for
    /// ever.
    pub fn new(size: usize) -> Result<Pool> {
        if size == 0 {
            return Err(Error::InvalidOption {
                option: "pool size",
                value: size.to_string(),
                reason: "a pool has room for at least one coroutine".to_owned(),
            });
        }
        Ok(Pool {
            group: Group::limited(size),
        })
    }

    /// As [`Group::kill_on_drop`].
    #[must_use = "this returns the pool"]
    pub fn kill_on_drop(self, kill: bool) -> Pool {
        Pool {
            group: self.group.kill_on_drop(kill),
        }
    }

    /// Runs `f` on a new coroutine of this pool, and waits for a free place
    /// first if need be.
    ///
    /// # Errors
    /// [`Error::System`] that carries a [`WaitError`](crate::WaitError) when
    /// there was no place and the caller was killed, the deadline of a
    /// surrounding [`Timeout`](super::Timeout) passed, or a panic is unwinding
    /// the coroutine; otherwise as [`runtime::spawn`](crate::runtime::spawn).
    pub fn spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_with(Builder::new(), f)
    }

    /// As [`spawn`](Pool::spawn), with a name or a worker of one's choice.
    ///
    /// # Errors
    /// As [`spawn`](Pool::spawn).
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.roster().wait_for_seat() {
            Ok(seat) => seat.start(builder, f),
            Err(err) => Err(Error::System {
                action: "wait for a free place in a pool",
                source: err.into(),
            }),
        }
    }

    /// As [`spawn`](Pool::spawn), but refuses rather than waits.
    ///
    /// # Errors
    /// [`TrySpawnError::Full`] hands `f` back when no place is free;
    /// [`TrySpawnError::Refused`] is the runtime's refusal.
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, TrySpawnError<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.roster().try_seat() {
            Some(seat) => seat.start(Builder::new(), f).map_err(TrySpawnError::Refused),
            None => Err(TrySpawnError::Full(f)),
        }
    }

    pub(super) fn roster(&self) -> &Arc<Roster> {
        self.group.roster()
    }

    /// The most coroutines it holds.
    pub fn size(&self) -> usize {
        self.roster().limit()
    }

    /// How many places are free: `free_count()` in gevent.
    pub fn free_count(&self) -> usize {
        self.size() - self.len()
    }

    /// True when no place is free: `full()` in gevent.
    pub fn is_full(&self) -> bool {
        self.free_count() == 0
    }

    /// As [`Group::len`].
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// As [`Group::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// As [`Group::panics`].
    pub fn panics(&self) -> u64 {
        self.group.panics()
    }

    /// As [`Group::join`]; a place handed to a waiting [`spawn`](Pool::spawn)
    /// counts as taken.
    ///
    /// # Errors
    /// As [`Group::join`].
    pub fn join(&self) -> Result<()> {
        self.group.join()
    }

    /// As [`Group::join_timeout`].
    ///
    /// # Errors
    /// As [`Group::join_timeout`].
    pub fn join_timeout(&self, limit: Duration) -> Result<()> {
        self.group.join_timeout(limit)
    }

    /// As [`Group::kill`]; who waits for a place is not a member yet.
    pub fn kill(&self) {
        self.group.kill();
    }

    /// As [`Group::kill_and_join`].
    ///
    /// # Errors
    /// As [`Group::kill_and_join`].
    pub fn kill_and_join(&self, limit: Duration) -> Result<()> {
        self.group.kill_and_join(limit)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("size", &self.size())
            .field("len", &self.len())
            .field("panics", &self.panics())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, reason, spawn, until, was_killed};
    use super::super::{Event, with_timeout};
    use super::*;
    use crate::error::WaitError;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn busy_pool() -> (Arc<Pool>, Arc<Event>) {
        let (pool, end) = (Arc::new(Pool::new(1).unwrap()), Arc::new(Event::new()));
        let until_end = Arc::clone(&end);
        pool.spawn(move || until_end.wait()).unwrap();
        (pool, end)
    }

    #[test]
    fn a_pool_goes_anywhere_and_has_room() {
        assert_send::<Pool>();
        assert_sync::<Pool>();
        let refused = Pool::new(0).unwrap_err();
        assert!(refused.is_usage());
    }

    #[test]
    fn never_more_run_than_there_are_places() {
        let pool = Pool::new(3).unwrap();
        let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        for _ in 0..300 {
            let theirs = Arc::clone(&counts);
            pool.spawn(move || {
                let running = theirs.0.fetch_add(1, Ordering::SeqCst) + 1;
                theirs.1.fetch_max(running, Ordering::SeqCst);
                until(|| theirs.1.load(Ordering::SeqCst) >= 3);
                theirs.0.fetch_sub(1, Ordering::SeqCst);
            })
            .unwrap();
            assert!(pool.len() <= 3);
        }
        pool.join().unwrap();
        assert_eq!(counts.1.load(Ordering::SeqCst), 3);
        assert_eq!((pool.free_count(), pool.size()), (3, 3));
    }

    #[test]
    fn a_full_pool_refuses_or_makes_wait() {
        let (pool, end) = busy_pool();
        assert!(pool.is_full() && !pool.is_empty());
        let Err(TrySpawnError::Full(body)) = pool.try_spawn(|| 7) else {
            panic!("there was a place");
        };
        let ended = with_timeout(Duration::from_millis(2), || Ok(pool.spawn(|| 8)?));
        assert_eq!(reason(ended), Some(WaitError::Timeout));
        end.set();
        let waited = pool.spawn(body).unwrap();
        assert_eq!(waited.join().unwrap(), 7);
        pool.join().unwrap();
        assert_eq!(pool.try_spawn(|| 9).unwrap().join().unwrap(), 9);
    }

    #[test]
    fn a_killed_spawner_takes_no_place_along() {
        let (pool, end) = busy_pool();
        let theirs = Arc::clone(&pool);
        let spawner = spawn(move || {
            crate::runtime::Task::current().kill();
            theirs.spawn(|| ()).err().map(std::io::Error::from)
        });
        let err = spawner.join().unwrap().unwrap();
        assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
        end.set();
        pool.join_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(pool.free_count(), 1);
    }

    #[test]
    fn panics_free_their_place() {
        let pool = Pool::new(1).unwrap();
        for _ in 0..3 {
            pool.spawn(|| panic!("on purpose")).unwrap();
        }
        pool.join().unwrap();
        assert_eq!((pool.panics(), pool.free_count()), (3, 1));
    }

    #[test]
    fn a_pool_is_killed_as_a_group_is() {
        let (pool, _end) = busy_pool();
        pool.kill_and_join(Duration::from_secs(30)).unwrap();
        let pool = Pool::new(1).unwrap().kill_on_drop(true);
        let member = pool.spawn(|| reason(Event::new().wait())).unwrap();
        drop(pool);
        assert!(was_killed(member));
    }
}
