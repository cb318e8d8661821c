//! One deadline around everything that some code waits for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error::WaitError;
use crate::runtime::{Task, after, earlier, passed};

/// A deadline around all waits of some code: `gevent.Timeout`,
/// `with gevent.Timeout(seconds):`.
///
/// When it passes, the present wait of the code inside ends with
/// [`WaitError::Timeout`], whatever it waits for, and so does every later one
/// inside. Nothing is unwound: the code sees an error and returns it.
///
/// - The clock starts with [`after`](Timeout::after), as with
///   `Timeout.start_new` in gevent; several [`run`](Timeout::run)s share what
///   is left.
/// - **Powerless if nothing waits.** Code that computes, or finds a lock free
///   and room in a channel, is not interrupted; a limit of zero takes effect
///   at the next wait.
/// - Timeouts nest, and the earlier deadline wins. See
///   [`expired`](Timeout::expired) for whose it was.
/// - It holds for the task that calls [`run`](Timeout::run), not for
///   coroutines that are spawned inside.
///
/// ```
/// use greenserve::{runtime, sync::Timeout};
/// use std::time::Duration;
///
/// let timeout = Timeout::after(Duration::from_millis(5));
/// let err = timeout.run(|| runtime::sleep(Duration::from_secs(600))).expect_err("too long");
/// assert_eq!(err.kind(), std::io::ErrorKind::TimedOut);
/// assert!(timeout.expired(&err));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Timeout {
    deadline: u64,
}

/// Runs `f` and lets nothing in it wait for longer than `limit` from now:
/// `gevent.with_timeout(seconds, f)`. Short for
/// [`Timeout::after`]`(limit)`[`.run(f)`](Timeout::run).
///
/// # Errors
/// What `f` returns; its waits fail with [`WaitError::Timeout`] when the
/// limit passes.
///
/// ```
/// use greenserve::{runtime::sleep, sync::with_timeout};
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// assert!(with_timeout(minute, || sleep(Duration::from_millis(1))).is_ok());
/// assert!(with_timeout(Duration::ZERO, || sleep(minute)).is_err());
/// ```
pub fn with_timeout<T>(limit: Duration, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    Timeout::after(limit).run(f)
}

impl Timeout {
    /// A timeout that expires `limit` from now.
    #[must_use = "a timeout holds for what it runs"]
    pub fn after(limit: Duration) -> Timeout {
        Timeout { deadline: after(limit) }
    }

    /// Runs `f` under this timeout and that of the code around, if any.
    ///
    /// # Errors
    /// What `f` returns. A success is a success, however late.
    pub fn run<T>(&self, f: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let _scope = Scope::enter(self.deadline);
        f()
    }

    /// True when `err` is the end of a wait by timeout and this one's deadline
    /// lies behind us: `if t is timeout` in gevent.
    ///
    /// An error belongs to the innermost timeout that has expired. So ask from
    /// the inside out, and let pass what is not yours: then the deadline was
    /// that of a timeout further out.
    ///
    /// ```
    /// use greenserve::{runtime::sleep, sync::Timeout};
    /// use std::time::Duration;
    ///
    /// let outer = Timeout::after(Duration::from_millis(2));
    /// let inner = Timeout::after(Duration::from_secs(60));
    /// let err = outer
    ///     .run(|| inner.run(|| sleep(Duration::from_secs(600))))
    ///     .expect_err("the outer one expires");
    /// assert!(!inner.expired(&err));
    /// assert!(outer.expired(&err));
    /// ```
    pub fn expired(&self, err: &io::Error) -> bool {
        WaitError::of(err) == Some(WaitError::Timeout) && passed(self.deadline)
    }
}

/// Puts the outer deadline back, also when a panic leaves the code inside.
struct Scope {
    task: Arc<Task>,
    outer: u64,
}

impl Scope {
    fn enter(deadline: u64) -> Scope {
        let task = Task::current();
        let outer = task.scope();
        task.enter_scope(earlier(outer, deadline));
        Scope { task, outer }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.task.enter_scope(self.outer);
    }
}
