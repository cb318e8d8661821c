//! A result that is set once and read by many.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::flag::State;
use super::lookout::Notice;
use super::once::Once;
use crate::error::WaitError;
use crate::runtime::{Awaited, NEVER, Task, after};

/// A value or an error that is set once and read by many:
/// `gevent.event.AsyncResult`.
///
/// It stays where it is and readers get references, so nothing needs to be
/// cloned. Unlike gevent's it cannot be set again: what one reader has seen is
/// what all see. If the coroutine that was to set it ends without, readers
/// wait until killed or until a deadline; the result of a coroutine itself is
/// read by several through [`JoinHandle::share`].
///
/// The error defaults to any error at all, which a text becomes by `into()`.
///
/// ```
/// use greenserve::{runtime, sync::AsyncResult};
/// use std::sync::Arc;
///
/// let port: Arc<AsyncResult<u16>> = Arc::new(AsyncResult::new());
/// let readers = [(); 3].map(|()| {
///     let port = Arc::clone(&port);
///     runtime::spawn(move || port.get().map(|port| *port.expect("it is set")))
/// });
/// port.set(8001).expect("nobody else sets it");
/// for reader in readers {
///     assert_eq!(reader?.join().expect("no panic")?, 8001);
/// }
/// assert_eq!(port.set(8002), Err(8002));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`JoinHandle::share`]: crate::runtime::JoinHandle::share
pub struct AsyncResult<T, E = Box<dyn Error + Send + Sync>> {
    once: Once<Arc<Task>, Result<T, E>>,
}

impl<T, E> AsyncResult<T, E> {
    /// One that is not set yet.
    pub const fn new() -> Self {
        AsyncResult {
            once: Once::new(std::sync::Mutex::new(State::new())),
        }
    }

    /// Sets the value and releases all who wait: `set(value)` in gevent. Never
    /// waits itself.
    ///
    /// # Errors
    /// The value comes back when a value or an error has been set already.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.once.set(Ok(value)).map_err(|refused| match refused {
            Ok(value) => value,
            Err(_) => unreachable!("what comes back is what was given"),
        })
    }

    /// Sets the error and releases all who wait: `set_exception(error)` in
    /// gevent. Never waits itself.
    ///
    /// ```
    /// use greenserve::sync::AsyncResult;
    ///
    /// let result: AsyncResult<u16> = AsyncResult::new();
    /// result.set_error("no port is free".into()).expect("it is not set");
    /// let err = result.get()?.expect_err("it is an error");
    /// assert_eq!(err.to_string(), "no port is free");
    /// # Ok::<(), greenserve::WaitError>(())
    /// ```
    ///
    /// # Errors
    /// The error comes back when a value or an error has been set already.
    #[doc(alias = "set_exception")]
    pub fn set_error(&self, error: E) -> Result<(), E> {
        self.once.set(Err(error)).map_err(|refused| match refused {
            Err(error) => error,
            Ok(_) => unreachable!("what comes back is what was given"),
        })
    }

    /// Waits until it is set, and returns a reference to what was: `get()` in
    /// gevent. The outer result says whether the wait ended well, the inner
    /// one is what was set.
    ///
    /// # Errors
    /// [`WaitError`], and only if nothing is set: the caller was killed, the
    /// deadline of a surrounding [`Timeout`](super::Timeout) passed, or a
    /// panic is unwinding the coroutine.
    pub fn get(&self) -> Result<Result<&T, &E>, WaitError> {
        self.get_until(NEVER)
    }

    /// As [`get`](AsyncResult::get), for at most `limit`: `get(timeout=...)`
    /// in gevent.
    ///
    /// # Errors
    /// As [`get`](AsyncResult::get), and [`WaitError::Deadline`] when the
    /// limit passes.
    pub fn get_timeout(&self, limit: Duration) -> Result<Result<&T, &E>, WaitError> {
        self.get_until(after(limit))
    }

    /// What was set, if anything was: `get_nowait()` in gevent.
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Option<Result<&T, &E>> {
        self.once.get().map(Result::as_ref)
    }

    /// True once a value or an error is set: `ready()` in gevent.
    #[doc(alias = "ready")]
    pub fn is_ready(&self) -> bool {
        self.once.get().is_some()
    }

    /// True once a value is set: `successful()` in gevent.
    #[doc(alias = "successful")]
    pub fn is_successful(&self) -> bool {
        matches!(self.once.get(), Some(Ok(_)))
    }

    /// Takes it apart: what was set, if anything was.
    pub fn into_inner(self) -> Option<Result<T, E>> {
        self.once.into_inner()
    }

    pub(super) fn watch(&self, notice: Notice<Arc<Task>>) -> Option<u64> {
        self.once.watch(notice)
    }

    pub(super) fn unwatch(&self, ticket: u64) {
        self.once.unwatch(ticket);
    }

    fn get_until(&self, deadline: u64) -> Result<Result<&T, &E>, WaitError> {
        let set = self.once.wait(deadline, || Task::awaiting(Awaited::Result, self))?;
        Ok(set.as_ref())
    }
}

impl<T, E> Default for AsyncResult<T, E> {
    fn default() -> Self {
        AsyncResult::new()
    }
}

impl<T: fmt::Debug, E: fmt::Debug> fmt::Debug for AsyncResult<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_get() {
            Some(set) => f.debug_tuple("AsyncResult").field(&set).finish(),
            None => f.write_str("AsyncResult(not set)"),
        }
    }
}
