//! A group of a limited number of coroutines.

use std::fmt;
use std::time::Duration;

use super::group::Group;
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
        match self.group.roster().wait_for_seat() {
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
        match self.group.roster().try_seat() {
            Some(seat) => seat.start(Builder::new(), f).map_err(TrySpawnError::Refused),
            None => Err(TrySpawnError::Full(f)),
        }
    }

    /// The most coroutines it holds.
    pub fn size(&self) -> usize {
        self.group.roster().limit()
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
