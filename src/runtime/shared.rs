//! A coroutine's result that several look at.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::clock::{self, NEVER};
use super::ended::{Ended, Link};
use super::join::{JoinError, JoinHandle};
use super::task::Task;
use crate::error::WaitError;

/// A [`JoinHandle`] for several: it can be cloned, and joining leaves the
/// result where it is for the next one. Made by [`JoinHandle::share`].
///
/// In gevent every greenlet is one: `get()`, `ready()`, `successful()`, `value`.
/// The result is dropped with the last handle.
///
/// ```
/// use greenserve::runtime::spawn;
///
/// let table = spawn(|| vec![1, 2, 3])?.share();
/// let theirs = table.clone();
/// let sum = spawn(move || -> Result<i32, greenserve::WaitError> {
///     Ok(theirs.join()?.expect("no panic").iter().sum())
/// })?;
/// assert_eq!(table.join()?.expect("no panic").len(), 3);
/// assert_eq!(sum.join().expect("no panic")?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SharedJoinHandle<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    handle: JoinHandle<T>,
    /// Taken out of the handle by who first looks at it, so that a panic that
    /// nobody looks at is logged.
    result: OnceLock<Result<T, JoinError>>,
}

impl<T> JoinHandle<T> {
    /// Makes a handle that can be cloned, for several to look at the result.
    ///
    /// Dropping all of them detaches the coroutine.
    pub fn share(self) -> SharedJoinHandle<T> {
        SharedJoinHandle {
            shared: Arc::new(Shared {
                handle: self,
                result: OnceLock::new(),
            }),
        }
    }
}

impl<T> SharedJoinHandle<T> {
    /// Waits for the coroutine to end and returns a reference to its result.
    /// The outer result says whether the wait ended well, the inner one how
    /// the coroutine did.
    ///
    /// # Errors
    /// Outside, [`WaitError`]: the caller was killed, the deadline of a
    /// surrounding [`Timeout`](crate::sync::Timeout) passed, or a panic is
    /// unwinding the coroutine that calls. Inside, [`JoinError`]: the
    /// coroutine has no result. A result that is there is returned whatever
    /// became of the caller.
    pub fn join(&self) -> Result<Result<&T, &JoinError>, WaitError> {
        self.join_until(NEVER)
    }

    /// As [`join`](SharedJoinHandle::join), for at most `limit`.
    ///
    /// # Errors
    /// As [`join`](SharedJoinHandle::join), and [`WaitError::Deadline`] when
    /// the limit passes.
    pub fn join_timeout(&self, limit: Duration) -> Result<Result<&T, &JoinError>, WaitError> {
        self.join_until(clock::after(limit))
    }

    /// The result if the coroutine has ended, without waiting: `value` and
    /// `exception` in gevent.
    pub fn try_join(&self) -> Option<Result<&T, &JoinError>> {
        self.is_finished().then(|| self.result())
    }

    /// True once the result is there: `ready()` in gevent.
    #[doc(alias = "ready")]
    pub fn is_finished(&self) -> bool {
        self.shared.handle.is_finished()
    }

    /// As [`JoinHandle::is_successful`].
    #[doc(alias = "successful")]
    pub fn is_successful(&self) -> bool {
        self.try_join().is_some_and(|result| result.is_ok())
    }

    /// As [`JoinHandle::link`].
    pub fn link(&self, told: impl FnOnce(Ended) + Send + 'static) {
        self.watch_end(Link::new(told));
    }

    /// As [`link`](SharedJoinHandle::link); returns a ticket for
    /// [`unlink`](SharedJoinHandle::unlink) unless the coroutine has ended.
    pub(crate) fn watch_end(&self, link: Link) -> Option<u64> {
        match self.shared.handle.keep(link) {
            Ok(ticket) => Some(ticket),
            Err(link) => {
                link.call(Ended::new(
                    Arc::clone(self.task()),
                    JoinError::end_of(self.result().map(|_| ())),
                ));
                None
            }
        }
    }

    pub(crate) fn unlink(&self, ticket: u64) {
        self.shared.handle.unlink(ticket);
    }

    /// As [`JoinHandle::kill`].
    pub fn kill(&self) {
        self.shared.handle.kill();
    }

    /// The coroutine itself.
    pub fn task(&self) -> &Arc<Task> {
        self.shared.handle.task()
    }

    fn join_until(&self, deadline: u64) -> Result<Result<&T, &JoinError>, WaitError> {
        self.shared.handle.wait(deadline)?;
        Ok(self.result())
    }

    /// For who knows that it is there.
    fn result(&self) -> Result<&T, &JoinError> {
        let take = || match self.shared.handle.take_finished() {
            Some(result) => result,
            None => unreachable!("a result is taken here alone, and after the end"),
        };
        self.shared.result.get_or_init(take).as_ref()
    }
}

impl<T> Clone for SharedJoinHandle<T> {
    fn clone(&self) -> Self {
        SharedJoinHandle {
            shared: Arc::clone(&self.shared),
        }
    }
}
