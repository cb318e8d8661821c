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

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, reason, spawn};
    use super::*;
    use crate::runtime::{NEVER, sleep};
    use std::panic::catch_unwind;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(600);

    fn here_and_in_a_coroutine(f: fn()) {
        f();
        spawn(f).join().unwrap();
    }

    #[test]
    fn a_timeout_goes_anywhere() {
        assert_send::<Timeout>();
        assert_sync::<Timeout>();
    }

    #[test]
    fn it_ends_the_wait_inside_in_time_and_is_over_then() {
        here_and_in_a_coroutine(|| {
            let begin = Instant::now();
            let ended = with_timeout(Duration::from_millis(30), || sleep(LONG));
            let took = begin.elapsed();
            assert_eq!(reason(ended), Some(WaitError::Timeout));
            assert!(took >= Duration::from_millis(30), "{took:?}");
            assert!(took < Duration::from_secs(1), "{took:?}");
            assert_eq!(Task::current().scope(), NEVER);
            sleep(Duration::from_millis(1)).unwrap();
        });
    }

    #[test]
    fn a_limit_of_zero_takes_effect_at_the_next_wait() {
        here_and_in_a_coroutine(|| {
            let lock = super::super::Mutex::new(1);
            let ended = with_timeout(Duration::ZERO, || {
                assert_eq!(*lock.lock()?, 1);
                sleep(Duration::from_nanos(1))
            });
            assert_eq!(reason(ended), Some(WaitError::Timeout));
        });
    }

    #[test]
    fn a_success_counts_however_late() {
        let late = with_timeout(Duration::ZERO, || Ok(7));
        assert_eq!(late.unwrap(), 7);
    }

    #[test]
    fn the_inner_timeout_expires_alone() {
        here_and_in_a_coroutine(|| {
            let outer = Timeout::after(LONG);
            outer
                .run(|| {
                    let inner = Timeout::after(Duration::from_millis(2));
                    let err = inner.run(|| sleep(LONG)).unwrap_err();
                    assert!(inner.expired(&err));
                    assert!(!outer.expired(&err));
                    sleep(Duration::from_millis(1))
                })
                .unwrap();
        });
    }

    #[test]
    fn an_inner_timeout_does_not_outlast_the_outer_one() {
        here_and_in_a_coroutine(|| {
            let outer = Timeout::after(Duration::from_millis(5));
            let inner = Timeout::after(LONG);
            let begin = Instant::now();
            let err = outer.run(|| inner.run(|| sleep(LONG))).unwrap_err();
            assert!(begin.elapsed() < Duration::from_secs(5));
            assert!(outer.expired(&err) && !inner.expired(&err));
        });
    }

    #[test]
    fn other_errors_are_no_expiry() {
        let timeout = Timeout::after(Duration::ZERO);
        for err in [
            WaitError::Deadline.into(),
            WaitError::Killed.into(),
            io::Error::from(io::ErrorKind::TimedOut),
        ] {
            assert!(!timeout.expired(&err), "{err}");
        }
    }

    #[test]
    fn a_panic_inside_restores_the_outer_deadline() {
        here_and_in_a_coroutine(|| {
            let outer = after(LONG);
            Task::current().enter_scope(outer);
            let panicked = catch_unwind(|| {
                with_timeout(Duration::from_secs(1), || -> io::Result<()> {
                    assert_ne!(Task::current().scope(), outer);
                    panic!("on purpose");
                })
            });
            assert!(panicked.is_err());
            assert_eq!(Task::current().enter_scope(NEVER), outer);
        });
    }

    #[test]
    fn runs_share_what_is_left() {
        let timeout = Timeout::after(Duration::from_millis(100));
        assert!(timeout.run(|| sleep(LONG)).is_err());
        let begin = Instant::now();
        assert!(timeout.run(|| sleep(LONG)).is_err());
        assert!(begin.elapsed() < Duration::from_millis(100));
    }
}
