//! Why a wait ended early.

use std::error::Error;
use std::io;

use super::reason::{KillReason, Killed};

/// Why a wait ended before what it waited for came: a read, write, accept,
/// sleep, lock, channel, join or anything else that suspends.
///
/// Sockets wrap it in an [`io::Error`]; [`WaitError::of`] finds it there.
///
/// ```
/// use greenserve::WaitError;
/// use std::io;
///
/// let err = io::Error::from(WaitError::Killed);
/// assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The deadline of this very operation passed: a socket's timeout or the
    /// limit given to the call.
    #[error("the operation's own deadline passed")]
    Deadline,

    /// The deadline of a [`Timeout`](crate::sync::Timeout) around the
    /// operation passed.
    #[error("the deadline of the surrounding timeout passed")]
    Timeout,

    /// The coroutine was killed, alone, with its group or with its connection.
    #[error("the coroutine or its connection was killed")]
    Killed,

    /// The server drains, and the request had said that it was
    /// [idle](crate::Context::idle).
    #[error("the server drains, and the request was idle")]
    Draining,

    /// A panic is unwinding this coroutine's stack: suspending now could
    /// continue it on another thread, whose panic count is another.
    #[error("a coroutine cannot wait while a panic unwinds it; catch the panic first")]
    Unwinding,

    /// Another coroutine waits for this very socket already.
    #[error("another coroutine waits on this socket already; give each its own handle with try_clone")]
    Busy,

    /// The socket was closed by its owner, here or through another handle:
    /// nothing comes any more.
    #[error("the socket was closed, so nothing can come any more")]
    Closed,

    /// What was waited for can no longer come: the other side is gone, or the
    /// channel was shut down.
    #[error("the other side is gone or the channel was shut down, so this wait could never end")]
    Disconnected,
}

impl WaitError {
    /// The wait's end that an I/O error reports, if it reports one, itself or
    /// as the source of what is in it.
    pub fn of(err: &io::Error) -> Option<WaitError> {
        found_in(err, |inner| match inner.downcast_ref() {
            Some(err) => Some(*err),
            None => Killed::reason_of(inner).map(|_| WaitError::Killed),
        })
    }

    /// Why the task was killed whose wait ended with `err`, if it was killed
    /// with a reason: see [`Task::kill_with`](crate::runtime::Task::kill_with).
    /// In gevent the exception itself.
    ///
    /// ```
    /// use greenserve::{WaitError, runtime};
    /// use std::time::Duration;
    ///
    /// let (told, begun) = greenserve::sync::channel(1);
    /// let sleeper = runtime::spawn(move || {
    ///     told.send(()).expect("somebody listens");
    ///     runtime::sleep(Duration::from_secs(600))
    /// })?;
    /// begun.recv()?;
    /// sleeper.kill_with("the configuration has changed");
    /// let err = sleeper.join().expect("it had begun").expect_err("it was killed");
    /// assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
    /// let reason = WaitError::reason(&err).expect("one was given");
    /// assert_eq!(reason.to_string(), "the configuration has changed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reason(err: &io::Error) -> Option<&KillReason> {
        found_in(err, Killed::reason_of)
    }

    /// The [`io::ErrorKind`] this becomes.
    pub fn kind(self) -> io::ErrorKind {
        match self {
            WaitError::Deadline | WaitError::Timeout => io::ErrorKind::TimedOut,
            WaitError::Killed | WaitError::Draining => io::ErrorKind::ConnectionAborted,
            WaitError::Unwinding => io::ErrorKind::Other,
            WaitError::Busy => io::ErrorKind::ResourceBusy,
            WaitError::Closed => io::ErrorKind::NotConnected,
            WaitError::Disconnected => io::ErrorKind::BrokenPipe,
        }
    }
}

/// What `find` finds in an error: itself, or as the source of what is in it.
fn found_in<'a, R>(err: &'a io::Error, find: impl Fn(&'a (dyn Error + 'static)) -> Option<R>) -> Option<R> {
    let inner = err.get_ref()?;
    find(inner).or_else(|| find(inner.source()?))
}
