//! A bounded channel between any number of coroutines and threads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::exchange::{Exchange, Found, Refused};
use super::send_error::{SendError, TrySendError};
use crate::error::{Error, Result, WaitError};
use crate::runtime::{NEVER, Task, after};

/// Makes a channel that holds at most `capacity` values: `queue.Queue(maxsize)`,
/// `gevent.queue.Queue`.
///
/// Both ends can be cloned and shared; each value is received once, in the
/// order in which they were sent. Who waits longest is served first.
///
/// # Errors
/// [`Error::InvalidOption`] for a capacity of 0: a place that holds nothing
/// cannot be waited for from both sides. (Python reads 0 as "without bound",
/// which lets one slow reader fill the memory.)
///
/// ```
/// use greenserve::{runtime, sync::channel};
///
/// let (sender, receiver) = channel(2)?;
/// runtime::spawn(move || (1..=5).try_for_each(|n| sender.send(n)))?;
/// assert_eq!(receiver.iter().sum::<i32>(), 15);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn channel<T>(capacity: usize) -> Result<(Sender<T>, Receiver<T>)> {
    if capacity == 0 {
        return Err(Error::InvalidOption {
            option: "channel capacity",
            value: capacity.to_string(),
            reason: "a channel holds at least one value".to_owned(),
        });
    }
    let exchange = Exchange::new(capacity);
    let sender = Sender {
        exchange: Arc::clone(&exchange),
    };
    Ok((sender, Receiver { exchange }))
}

/// The end of a [`channel`] that values go into.
///
/// When the last one is dropped, receivers get what is still buffered and then
/// [`WaitError::Disconnected`].
///
/// ```
/// use greenserve::{WaitError, sync::channel};
///
/// let (sender, receiver) = channel(1)?;
/// sender.send("last words")?;
/// drop(sender);
/// assert_eq!(receiver.recv(), Ok("last words"));
/// assert_eq!(receiver.recv(), Err(WaitError::Disconnected));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T> {
    exchange: Arc<Exchange<Arc<Task>, T>>,
}

/// The end of a [`channel`] that values come out of.
///
/// When the last one is dropped, so is what is still buffered, and senders get
/// their values back with [`WaitError::Disconnected`].
///
/// ```
/// use greenserve::sync::channel;
///
/// let (sender, receiver) = channel(8)?;
/// let second = receiver.clone();
/// sender.send(1)?;
/// sender.send(2)?;
/// assert_eq!((receiver.recv()?, second.recv()?), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T> {
    exchange: Arc<Exchange<Arc<Task>, T>>,
}

impl<T> Sender<T> {
    /// Sends `value`, and waits for room if need be: `put(item)` in Python.
    ///
    /// Where there is room it succeeds also for a caller that was killed, so
    /// that its clean-up can report.
    ///
    /// # Errors
    /// [`SendError`] with the value and the reason: all receivers are gone, or
    /// there was no room and the caller was killed, the deadline of a
    /// surrounding [`Timeout`](super::Timeout) passed, or a panic is unwinding
    /// the coroutine.
    pub fn send(&self, value: T) -> std::result::Result<(), SendError<T>> {
        self.send_until(value, NEVER)
    }

    /// As [`send`](Sender::send), for at most `limit`: `put(item,
    /// timeout=...)` in Python.
    ///
    /// # Errors
    /// As [`send`](Sender::send), and [`WaitError::Deadline`] when the limit
    /// passes.
    pub fn send_timeout(&self, value: T, limit: Duration) -> std::result::Result<(), SendError<T>> {
        self.send_until(value, after(limit))
    }

    /// Sends `value` if there is room: `put_nowait(item)` in Python.
    ///
    /// # Errors
    /// [`TrySendError`] with the value, when there is no room or no receiver.
    pub fn try_send(&self, value: T) -> std::result::Result<(), TrySendError<T>> {
        self.exchange.try_send(value).map_err(|refused| match refused {
            Refused::Full(value) => TrySendError::Full(value),
            Refused::Gone(value) => TrySendError::Disconnected(value),
        })
    }

    fn send_until(&self, value: T, deadline: u64) -> std::result::Result<(), SendError<T>> {
        self.exchange
            .send(value, deadline, Task::current)
            .map_err(|(reason, value)| SendError { value, reason })
    }
}

impl<T> Receiver<T> {
    /// Takes the next value, and waits for it if need be: `get()` in Python.
    ///
    /// A caller that was killed, or whose surrounding timeout passed, gets
    /// nothing even if something is there: it could not see it through, and
    /// what it leaves another receiver takes.
    ///
    /// # Errors
    /// [`WaitError::Disconnected`] when nothing is left and all senders are
    /// gone; another [`WaitError`] when the caller was killed, the deadline of
    /// a surrounding [`Timeout`](super::Timeout) passed, or a panic is
    /// unwinding the coroutine.
    pub fn recv(&self) -> std::result::Result<T, WaitError> {
        self.recv_until(NEVER)
    }

    /// As [`recv`](Receiver::recv), for at most `limit`: `get(timeout=...)` in
    /// Python.
    ///
    /// # Errors
    /// As [`recv`](Receiver::recv), and [`WaitError::Deadline`] when the limit
    /// passes.
    pub fn recv_timeout(&self, limit: Duration) -> std::result::Result<T, WaitError> {
        self.recv_until(after(limit))
    }

    /// Takes the next value if one is there, `None` if not: `get_nowait()` in
    /// Python.
    ///
    /// # Errors
    /// [`WaitError::Disconnected`] when nothing is left and all senders are
    /// gone.
    pub fn try_recv(&self) -> std::result::Result<Option<T>, WaitError> {
        match self.exchange.try_recv() {
            Found::Item(item) => Ok(Some(item)),
            Found::Nothing => Ok(None),
            Found::Gone => Err(WaitError::Disconnected),
        }
    }

    /// The values as they come, until [`recv`](Receiver::recv) fails for
    /// whatever reason.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    fn recv_until(&self, deadline: u64) -> std::result::Result<T, WaitError> {
        let task = Task::current();
        task.may_wait(NEVER)?;
        self.exchange.recv(deadline, task)
    }
}

/// What both ends know.
macro_rules! end_of_channel {
    ($end:ident, $add:ident, $remove:ident) => {
        impl<T> $end<T> {
            /// How many values are buffered now: `qsize()` in Python.
            pub fn len(&self) -> usize {
                self.exchange.len()
            }

            /// How many values it holds at most: `maxsize` in Python.
            pub fn capacity(&self) -> usize {
                self.exchange.capacity()
            }

            /// True when no value is buffered: `empty()` in Python.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// True when there is no room for another value: `full()` in
            /// Python.
            pub fn is_full(&self) -> bool {
                self.len() >= self.capacity()
            }
        }

        impl<T> Clone for $end<T> {
            fn clone(&self) -> Self {
                self.exchange.$add();
                $end {
                    exchange: Arc::clone(&self.exchange),
                }
            }
        }

        impl<T> Drop for $end<T> {
            fn drop(&mut self) {
                self.exchange.$remove();
            }
        }

        impl<T> fmt::Debug for $end<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($end))
                    .field("len", &self.len())
                    .field("capacity", &self.capacity())
                    .finish()
            }
        }
    };
}

end_of_channel!(Sender, add_sender, remove_sender);
end_of_channel!(Receiver, add_receiver, remove_receiver);

/// The values of a channel as they come; made by [`Receiver::iter`].
///
/// ```
/// let (sender, receiver) = greenserve::sync::channel(3)?;
/// sender.try_send('a')?;
/// sender.try_send('b')?;
/// drop(sender);
/// assert_eq!(receiver.iter().collect::<String>(), "ab");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// As [`Iter`], but owns the receiver; made by using a [`Receiver`] in `for`.
///
/// ```
/// let (sender, receiver) = greenserve::sync::channel(3)?;
/// greenserve::runtime::spawn(move || (0..9).try_for_each(|n| sender.send(n)))?;
/// for (expected, received) in receiver.into_iter().enumerate() {
///     assert_eq!(received, expected);
/// }
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Debug)]
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}
