//! The end of a channel that values go into.

use std::sync::Arc;
use std::time::Duration;

use super::exchange::Exchange;
use super::floor::Refused;
use super::send_error::{SendError, TrySendError};
use crate::runtime::{Awaited, NEVER, Task, after};

/// The end of a [`channel`](super::channel()) that values go into.
///
/// When the last one is dropped, receivers get what is still buffered and then
/// [`WaitError::Disconnected`](crate::WaitError::Disconnected).
///
/// ```
/// use greenserve::{WaitError, sync::channel};
///
/// let (sender, receiver) = channel(1);
/// sender.send("last words")?;
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok("last words"));
/// assert_eq!(receiver.recv(), Err(WaitError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T> {
    pub(super) exchange: Arc<Exchange<Arc<Task>, T>>,
}

impl<T> Sender<T> {
    /// Sends `value`, and waits for room if need be: `put(item)` in Python.
    /// With a capacity of 0 it waits until a receiver takes the value.
    ///
    /// Where there is room, or somebody waits for the value, it succeeds also
    /// for a caller that was killed, so that its clean-up can report.
    ///
    /// # Errors
    /// [`SendError`] with the value and the reason: all receivers are gone, the
    /// channel was shut down, or there was no room and the caller was killed,
    /// the deadline of a surrounding [`Timeout`](super::Timeout) passed, or a
    /// panic is unwinding the coroutine.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        self.send_until(value, NEVER)
    }

    /// As [`send`](Sender::send), for at most `limit`: `put(item,
    /// timeout=...)` in Python.
    ///
    /// # Errors
    /// As [`send`](Sender::send), and
    /// [`WaitError::Deadline`](crate::WaitError::Deadline) when the limit
    /// passes.
    pub fn send_timeout(&self, value: T, limit: Duration) -> Result<(), SendError<T>> {
        self.send_until(value, after(limit))
    }

    /// Sends `value` if there is room or somebody waits for it:
    /// `put_nowait(item)` in Python.
    ///
    /// # Errors
    /// [`TrySendError`] with the value, when there is no room, no receiver, or
    /// the channel was shut down.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.exchange.try_send(value).map_err(|refused| match refused {
            Refused::Full(value) => TrySendError::Full(value),
            Refused::Gone(value) => TrySendError::Disconnected(value),
        })
    }

    fn send_until(&self, value: T, deadline: u64) -> Result<(), SendError<T>> {
        self.exchange
            .send(value, deadline, || Task::awaiting(Awaited::Channel, &*self.exchange))
            .map_err(|(reason, value)| SendError { value, reason })
    }
}
