//! Values that could not be sent.

use std::{fmt, io};

use crate::error::WaitError;

/// A value that [`Sender::send`](super::Sender::send) could not deliver, and
/// why: `queue.Full` in Python, which drops the value.
///
/// ```
/// use greenserve::{WaitError, sync::channel};
/// use std::time::Duration;
///
/// let (sender, _receiver) = channel(1);
/// sender.send(1)?;
/// let refused = sender.send_timeout(2, Duration::from_millis(1)).expect_err("it is full");
/// assert_eq!((refused.value, refused.reason), (2, WaitError::Deadline));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value was not sent: {reason}")]
pub struct SendError<T> {
    /// What was to be sent.
    pub value: T,
    /// Why it was not.
    pub reason: WaitError,
}

/// A value that [`Sender::try_send`](super::Sender::try_send) did not take.
///
/// ```
/// use greenserve::sync::{TrySendError, channel};
///
/// let (sender, receiver) = channel(1);
/// sender.try_send(1)?;
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// drop(receiver);
/// assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrySendError<T> {
    /// The channel holds as many values as it can.
    #[error("the value was not sent: the channel is full")]
    Full(T),
    /// All receivers are gone, or the channel was shut down.
    #[error("the value was not sent: {}", WaitError::Disconnected)]
    Disconnected(T),
}

impl<T> TrySendError<T> {
    /// What was to be sent.
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(value) | TrySendError::Disconnected(value) => value,
        }
    }
}

// By hand, so that a value need not be printable.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Disconnected(_) => "Disconnected(..)",
        })
    }
}

/// Drops the value; the [`WaitError`] is found in it as in every failed wait.
impl<T> From<SendError<T>> for io::Error {
    fn from(err: SendError<T>) -> io::Error {
        err.reason.into()
    }
}

/// Drops the value: [`WouldBlock`](io::ErrorKind::WouldBlock) when the channel
/// is full, [`WaitError::Disconnected`] when nobody receives.
impl<T> From<TrySendError<T>> for io::Error {
    fn from(err: TrySendError<T>) -> io::Error {
        match err {
            TrySendError::Full(_) => io::ErrorKind::WouldBlock.into(),
            TrySendError::Disconnected(_) => WaitError::Disconnected.into(),
        }
    }
}
