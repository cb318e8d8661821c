//! Joining several coroutines at once.

use std::sync::Arc;
use std::time::Duration;
use std::{error, fmt, io};

use super::ready::{ready, wait_all, wait_all_timeout};
use super::waitable::Waitable;
use crate::error::WaitError;
use crate::runtime::{JoinError, JoinHandle, Task};

/// Waits for all coroutines and returns their results, in the order of the
/// handles: `gevent.joinall(greenlets)`. One that panics holds no other up.
///
/// Of a caller whose wait is ended by a kill or a surrounding
/// [`Timeout`](super::Timeout), what has ended by then has its result, and the
/// rest is [`JoinError::Interrupted`] and runs on.
///
/// ```
/// use greenserve::{runtime::spawn, sync::join_all};
///
/// let squares = (0..3).map(|n| spawn(move || n * n)).collect::<Result<Vec<_>, _>>()?;
/// let squares: Result<Vec<i32>, _> = join_all(squares).into_iter().collect();
/// assert_eq!(squares.expect("no panic"), [0, 1, 4]);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<Result<T, JoinError>> {
    join_all_by(handles.into_iter().collect(), wait_all)
}

/// As [`join_all`], for at most `limit`: `gevent.joinall(greenlets, timeout)`.
///
/// What has not ended by then is [`JoinError::Interrupted`] with
/// [`WaitError::Deadline`] and runs on. To end it too, start the coroutines in
/// a [`Group`](super::Group), or wait with
/// [`wait_all_timeout`](super::wait_all_timeout), which leaves the handles.
pub fn join_all_timeout<T>(
    handles: impl IntoIterator<Item = JoinHandle<T>>,
    limit: Duration,
) -> Vec<Result<T, JoinError>> {
    join_all_by(handles.into_iter().collect(), |objects| {
        wait_all_timeout(objects, limit)
    })
}

fn join_all_by<T>(
    handles: Vec<JoinHandle<T>>,
    wait: impl FnOnce(&[&dyn Waitable]) -> Result<(), WaitError>,
) -> Vec<Result<T, JoinError>> {
    let waited = wait(&as_waitables(&handles));
    let why = waited.err().unwrap_or(WaitError::Disconnected);
    let result = |handle: JoinHandle<T>| handle.take_finished().unwrap_or(Err(JoinError::Interrupted(why)));
    handles.into_iter().map(result).collect()
}

/// Waits for all coroutines and returns the values in the order of the
/// handles, or the first failure as soon as it comes:
/// `gevent.joinall(greenlets, raise_error=True)`.
///
/// A failure is an error that a coroutine returned, a panic, and a kill before
/// it began. The others run on, as in gevent; to end them too, start them in a
/// [`Group`](super::Group) and kill that. What returns no `Result` can be
/// joined by [`join_all`].
///
/// ```
/// use greenserve::{runtime::{sleep, spawn}, sync::{Failed, try_join_all}};
/// use std::{io, time::Duration};
///
/// let slow = spawn(|| sleep(Duration::from_secs(600)))?;
/// let broken = spawn(|| Err(io::Error::other("no route")))?;
/// let slow_task = slow.task().clone();
///
/// let failure = try_join_all([slow, broken]).expect_err("one fails");
/// assert_eq!(failure.index, 1);
/// assert!(matches!(failure.how, Failed::Returned(err) if err.to_string() == "no route"));
/// slow_task.kill();
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// # Errors
/// [`FirstFailure`] tells which one failed and how. If this wait itself was
/// ended, it names the first that has not ended, with
/// [`JoinError::Interrupted`].
pub fn try_join_all<T, E>(
    handles: impl IntoIterator<Item = JoinHandle<Result<T, E>>>,
) -> Result<Vec<T>, FirstFailure<E>> {
    try_join_within(&handles.into_iter().collect::<Vec<_>>(), Duration::MAX)
}

/// As [`try_join_all`], for at most `limit`: `gevent.joinall(greenlets,
/// timeout, raise_error=True)`.
///
/// # Errors
/// As [`try_join_all`]; a limit that passes is [`WaitError::Deadline`], at the
/// first coroutine that has not ended.
pub fn try_join_all_timeout<T, E>(
    handles: impl IntoIterator<Item = JoinHandle<Result<T, E>>>,
    limit: Duration,
) -> Result<Vec<T>, FirstFailure<E>> {
    try_join_within(&handles.into_iter().collect::<Vec<_>>(), limit)
}

fn try_join_within<T, E>(handles: &[JoinHandle<Result<T, E>>], limit: Duration) -> Result<Vec<T>, FirstFailure<E>> {
    let mut values: Vec<Option<T>> = handles.iter().map(|_| None).collect();
    let mut why = WaitError::Deadline;
    for ended in ready(&as_waitables(handles)).timeout(limit) {
        match ended {
            Ok(index) => values[index] = value_of(&handles[index], index)?,
            Err(err) => why = err,
        }
    }
    if let Some(index) = values.iter().position(Option::is_none) {
        let how = Failed::Ended(JoinError::Interrupted(why));
        return Err(FirstFailure::new(&handles[index], index, how));
    }
    Ok(values.into_iter().flatten().collect())
}

/// What a coroutine that has ended returned.
fn value_of<T, E>(handle: &JoinHandle<Result<T, E>>, index: usize) -> Result<Option<T>, FirstFailure<E>> {
    let how = match handle.take_finished() {
        None => return Ok(None),
        Some(Ok(Ok(value))) => return Ok(Some(value)),
        Some(Ok(Err(err))) => Failed::Returned(err),
        Some(Err(err)) => Failed::Ended(err),
    };
    Err(FirstFailure::new(handle, index, how))
}

fn as_waitables<T>(handles: &[JoinHandle<T>]) -> Vec<&dyn Waitable> {
    handles.iter().map(|handle| handle as &dyn Waitable).collect()
}

/// Which of several coroutines failed first, and how; of [`try_join_all`].
#[derive(Debug)]
#[non_exhaustive]
pub struct FirstFailure<E> {
    /// Its place among the handles.
    pub index: usize,
    /// The coroutine.
    pub task: Arc<Task>,
    /// How it failed.
    pub how: Failed<E>,
}

/// How a coroutine failed that was to return a value.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failed<E> {
    /// It returned this error.
    Returned(E),
    /// It has no result, or was not waited for any longer.
    Ended(JoinError),
}

impl<E> FirstFailure<E> {
    fn new<T>(handle: &JoinHandle<T>, index: usize, how: Failed<E>) -> Self {
        FirstFailure {
            index,
            task: Arc::clone(handle.task()),
            how,
        }
    }
}

impl<E: fmt::Display> fmt::Display for FirstFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, name) = (self.index, self.task.name());
        match &self.how {
            Failed::Returned(err) => write!(f, "number {index} ({name}) failed: {err}"),
            Failed::Ended(err) => write!(f, "number {index} ({name}): {err}"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> error::Error for FirstFailure<E> {}

/// The error itself, or a failed wait as every other one; which coroutine it
/// was is lost.
impl<E: Into<io::Error>> From<FirstFailure<E>> for io::Error {
    fn from(failure: FirstFailure<E>) -> io::Error {
        match failure.how {
            Failed::Returned(err) => err.into(),
            Failed::Ended(err) => err.into(),
        }
    }
}
