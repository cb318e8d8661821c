//! What coroutines and threads share: locks, permits, events, results,
//! channels, groups and timeouts.
//!
//! Everything here is used the same way from a coroutine, where waiting
//! suspends, and from a plain thread, where it blocks; the two sides of one
//! lock or channel may be of different kinds.
//!
//! | gevent | threading, queue | here |
//! |---|---|---|
//! | `lock.BoundedSemaphore(1)` | `Lock` | [`Mutex`] |
//! | `lock.RLock` | `RLock` | [`ReentrantMutex`] |
//! | | `Condition` | [`Condvar`] |
//! | | | [`RwLock`], as std's |
//! | `lock.Semaphore` | `Semaphore` | [`Semaphore`] |
//! | `lock.BoundedSemaphore` | `BoundedSemaphore` | [`Semaphore`]: a [`Permit`] goes back once |
//! | `event.Event` | `Event` | [`Event`] |
//! | `queue.Queue(maxsize)`, `queue.Channel` | `queue.Queue(maxsize)` | [`channel`], [`unbounded`] |
//! | `queue.PriorityQueue`, `LifoQueue` | the same | [`priority`], [`lifo`] |
//! | `queue.JoinableQueue` | `task_done`, `join` of every queue | [`Receiver::task_done`], [`Sender::join`] |
//! | `peek` of a queue | | [`Receiver::peek`] |
//! | `shutdown` of a queue | `Queue.shutdown` | [`Sender::shutdown`], [`Receiver::shutdown_now`] |
//! | `pool.Group`, `add`, `discard`, `kill(exception)` | | [`Group`] |
//! | `pool.Pool(size)` | `futures.ThreadPoolExecutor` | [`Pool`] |
//! | `Timeout`, `with_timeout` | | [`Timeout`], [`with_timeout`] |
//! | `map`, `imap`, `imap_unordered` of a pool | `Executor.map` | [`Pool::map`], [`Pool::imap`], [`Pool::imap_unordered`] |
//! | `apply`, `apply_async` | `Executor.submit` | [`Pool::apply`], [`Pool::apply_async`] |
//! | `spawn(f).get()` | `Thread.join` | [`runtime::spawn`], [`JoinHandle`]; for several [`JoinHandle::share`] |
//! | `event.AsyncResult` | `futures.Future` | [`AsyncResult`] |
//! | `link(callback)` | `add_done_callback` | [`JoinHandle::link`] |
//! | `wait(objects, timeout, count)` | `futures.wait` | [`wait_any`], [`wait_all`] |
//! | `iwait(objects)` | `futures.as_completed` | [`ready`] |
//! | `joinall(greenlets)` | | [`join_all`]; with `raise_error=True` [`try_join_all`] |
//!
//! [`runtime::spawn`]: crate::runtime::spawn
//! [`JoinHandle`]: crate::runtime::JoinHandle
//! [`JoinHandle::share`]: crate::runtime::JoinHandle::share
//! [`JoinHandle::link`]: crate::runtime::JoinHandle::link
//!
//! # What all of them have in common
//!
//! - **Fair.** Who waits longest is served first, and what is handed to a
//!   waiter cannot be snatched by somebody who comes later.
//! - **The same words.** `lock` and its like wait; `try_lock` does not, and
//!   returns an option; `lock_timeout` waits for at most a limit. That the
//!   limit passed is [`WaitError::Deadline`] where nothing was got; waits that
//!   only look at something ([`Event::wait_timeout`], [`Condvar::wait_timeout`])
//!   tell it in their result.
//! - **Every wait can fail**, with a [`WaitError`] that says
//!   why: the task was killed, the limit given to the call passed, or a
//!   [`Timeout`] around it did. So each returns a result, and `?` turns every
//!   one into an [`io::Error`](std::io::Error). What is handed over in the
//!   very moment of a kill is taken, and the next wait fails: nothing is lost.
//! - **What need not wait does not fail.** A free lock, a free permit and room
//!   in a channel are given to a killed task too, because its clean-up may
//!   need them. Receiving and looking are the exception: a killed task gets
//!   nothing more from a channel, so that a loop over one ends.
//! - **Giving back never waits**, so guards, permits and the ends of channels
//!   may be dropped anywhere, also by a panic.
//!
//! ```
//! use greenserve::sync::{Pool, channel};
//!
//! let (squares, results) = channel(16);
//! let pool = Pool::new(4)?;
//! for n in 1..=10_u64 {
//!     let squares = squares.clone();
//!     pool.spawn(move || squares.send(n * n))?;
//! }
//! drop(squares);
//! assert_eq!(results.iter().sum::<u64>(), 385);
//! pool.join()?;
//! # Ok::<(), greenserve::Error>(())
//! ```

mod apply;
mod async_result;
mod channel;
mod condvar;
mod ends;
mod event;
mod exchange;
mod flag;
mod flight;
mod floor;
mod group;
mod join_all;
mod lookout;
mod map;
mod members;
mod mutex;
mod notifications;
mod once;
mod permits;
mod pool;
mod queue;
mod ranked;
mod ready;
mod receiver;
mod reentrant_mutex;
mod roster;
mod rwlock;
mod semaphore;
mod send_error;
mod sender;
mod shares;
mod shim;
mod store;
mod task_guard;
mod timeout;
mod values;
mod waitable;
mod watchers;

use std::sync::Arc;

pub use async_result::AsyncResult;
pub use channel::{channel, lifo, priority, unbounded};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use event::Event;
pub use group::Group;
pub use join_all::{Failed, FirstFailure, join_all, join_all_timeout, try_join_all, try_join_all_timeout};
pub use map::{Imap, ImapUnordered};
pub use mutex::{Mutex, MutexGuard};
pub use pool::{Pool, TrySpawnError};
pub use ready::{Ready, ready, wait_all, wait_all_timeout, wait_any, wait_any_timeout};
pub use receiver::Receiver;
pub use reentrant_mutex::{ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{OwnedPermit, Permit, Semaphore};
pub use send_error::{SendError, TrySendError};
pub use sender::Sender;
pub use task_guard::{TaskDoneError, TaskGuard};
pub use timeout::{Timeout, with_timeout};
pub use values::{IntoIter, Iter};
pub use waitable::Waitable;

use crate::error::WaitError;
use crate::runtime::Task;

impl queue::Parker for Arc<Task> {
    fn park(&self, deadline: u64) -> Result<(), WaitError> {
        Task::park(self, deadline)
    }

    fn wake(&self) {
        Task::wake(self);
    }
}

#[cfg(test)]
mod testing {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use crate::error::WaitError;
    use crate::runtime::{self, JoinError, JoinHandle, Task};

    /// Lets others run until `reached`: a barrier without a guessed sleep.
    pub(super) fn until(reached: impl Fn() -> bool) {
        let begin = Instant::now();
        while !reached() {
            assert!(begin.elapsed() < Duration::from_secs(30), "never reached");
            runtime::yield_now();
            std::thread::yield_now();
        }
    }

    pub(super) fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        runtime::spawn(f).unwrap()
    }

    /// A thread of its own, and the task by which it can be killed.
    pub(super) fn spawn_thread<T: Send + 'static>(
        f: impl FnOnce() -> T + Send + 'static,
    ) -> (Arc<Task>, std::thread::JoinHandle<T>) {
        let (told, task) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            told.send(Task::current()).unwrap();
            f()
        });
        (task.recv().unwrap(), thread)
    }

    /// How long anything that must happen may take before the test fails.
    pub(super) const PATIENCE: Duration = Duration::from_secs(10);

    /// What a coroutine returned, unless it hangs or panics.
    pub(super) fn joined<T>(coroutine: JoinHandle<T>) -> T {
        match coroutine.join_timeout(PATIENCE) {
            Ok(result) => result.unwrap(),
            Err((_, why)) => panic!("the coroutine did not end: {why}"),
        }
    }

    /// What a thread of [`spawn_thread`] returned, unless it hangs or panics.
    pub(super) fn finished<T>(thread: std::thread::JoinHandle<T>) -> T {
        until(|| thread.is_finished());
        thread.join().unwrap()
    }

    pub(super) fn reason<T>(result: std::io::Result<T>) -> Option<WaitError> {
        result.err().as_ref().and_then(WaitError::of)
    }

    /// What a coroutine or thread returns, which fails rather than hangs.
    pub(super) trait Ended<T> {
        fn ended(self) -> T;
    }

    impl<T> Ended<T> for JoinHandle<T> {
        fn ended(self) -> T {
            match self.join_timeout(Duration::from_secs(30)) {
                Ok(result) => result.unwrap(),
                Err((_, why)) => panic!("a coroutine did not end: {why}"),
            }
        }
    }

    impl<T> Ended<T> for std::thread::JoinHandle<T> {
        fn ended(self) -> T {
            until(|| self.is_finished());
            self.join().unwrap()
        }
    }

    /// Whether a kill ended this coroutine's wait, or came before it began.
    pub(super) fn was_killed(coroutine: JoinHandle<Option<WaitError>>) -> bool {
        matches!(coroutine.join(), Ok(Some(WaitError::Killed)) | Err(JoinError::Killed))
    }

    pub(super) fn assert_send<T: Send>() {}
    pub(super) fn assert_sync<T: Sync>() {}
}
