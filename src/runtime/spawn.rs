//! Starting coroutines.

use std::time::{Duration, Instant};

use super::builder::Builder;
use super::join::JoinHandle;
use crate::error::Result;

/// Runs `f` on a new coroutine: called by a coroutine, on the same worker, so
/// that helpers share its sockets; called by a thread, on the worker that has
/// the fewest coroutines.
///
/// Dropping the handle lets the coroutine run on unobserved; a panic in it is
/// then logged, with its name.
///
/// # Errors
/// [`Error::Capacity`](crate::Error::Capacity) when this process can hold no more coroutines,
/// [`Error::RuntimeStart`](crate::Error::RuntimeStart) when the runtime cannot start.
///
/// ```
/// let answer = greenserve::runtime::spawn(|| 42)?;
/// assert_eq!(answer.join().expect("no panic"), 42);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn spawn<F, T>(f: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f)
}

/// Runs `f` on a new coroutine `delay` from now: `gevent.spawn_later`.
///
/// It begins where [`spawn`] would put it, late by what its worker computes
/// then. Until it begins it has no stack and no turn, but a place: it counts
/// among the coroutines that this process can hold. One that is killed before
/// never runs; a join is told so at once and need not wait for the time.
///
/// # Errors
/// As [`spawn`], all of them now. Should the system have no memory for its
/// stack when the time comes, that is logged and its join says that it was
/// killed.
///
/// ```
/// use greenserve::runtime::{self, JoinError};
/// use std::time::Duration;
///
/// let soon = runtime::spawn_later(Duration::from_millis(2), || "done")?;
/// let never = runtime::spawn_later(Duration::from_secs(600), || unreachable!())?;
/// never.kill();
/// assert!(matches!(never.join(), Err(JoinError::Killed)));
/// assert_eq!(soon.join().expect("no panic"), "done");
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn spawn_later<F, T>(delay: Duration, f: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().after(delay).spawn(f)
}

/// As [`spawn_later`], at an instant; one that has passed means at once.
///
/// # Errors
/// As [`spawn_later`].
pub fn spawn_at<F, T>(instant: Instant, f: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().at(instant).spawn(f)
}

/// Runs `f` on a new coroutine of the caller's own worker; neither it nor its
/// result needs to be `Send`.
///
/// ```
/// use greenserve::runtime::{spawn, spawn_local};
/// use std::{cell::Cell, rc::Rc};
///
/// let counted = spawn(|| {
///     let count = Rc::new(Cell::new(0));
///     let theirs = Rc::clone(&count);
///     let helper = spawn_local(move || theirs.set(theirs.get() + 1))?;
///     helper.join().expect("no panic");
///     Ok::<_, greenserve::Error>(count.get())
/// })?;
/// assert_eq!(counted.join().expect("no panic")?, 1);
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// # Errors
/// [`Error::NotLocal`](crate::Error::NotLocal) when the caller is a thread, or a coroutine that may
/// change its thread; otherwise as [`spawn`].
pub fn spawn_local<F, T>(f: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    Builder::new().spawn_local(f)
}
