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

    /// Has `task` woken whenever something can be received or the end has come,
    /// until [`unwatch`](Receiver::unwatch). It takes nothing and stands in no
    /// line: it looks at [`is_ready`](Receiver::is_ready) after this call and
    /// after each wake-up, and may find that somebody else was faster.
    #[allow(dead_code, reason = "for a wait for several things at once")]
    pub(crate) fn watch(&self, task: &Arc<Task>) {
        self.exchange.watch(task.id(), Arc::clone(task));
    }

    /// Ends all that [`watch`](Receiver::watch) began for the task of this id.
    #[allow(dead_code, reason = "for a wait for several things at once")]
    pub(crate) fn unwatch(&self, id: u64) {
        self.exchange.unwatch(id);
    }

    /// Whether [`recv`](Receiver::recv) need not wait: a value is there, or
    /// none can come any more.
    #[allow(dead_code, reason = "for a wait for several things at once")]
    pub(crate) fn is_ready(&self) -> bool {
        self.exchange.is_ready()
    }

    fn recv_until(&self, deadline: u64) -> std::result::Result<T, WaitError> {
        Task::with_current(|task| task.may_wait(NEVER))?;
        self.exchange.recv(deadline, Task::current)
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

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, spawn, spawn_thread, until};
    use super::*;
    use std::cell::Cell;
    use std::time::Instant;

    fn full() -> (Sender<u32>, Receiver<u32>) {
        let (sender, receiver) = channel(1).unwrap();
        sender.send(1).unwrap();
        (sender, receiver)
    }

    #[test]
    fn the_ends_go_where_the_values_may_go() {
        assert_send::<Sender<Cell<u8>>>();
        assert_sync::<Sender<Cell<u8>>>();
        assert_send::<Receiver<Cell<u8>>>();
        assert_sync::<Receiver<Cell<u8>>>();
    }

    #[test]
    fn a_channel_for_nothing_is_refused() {
        let refused = channel::<u8>(0).unwrap_err();
        assert!(refused.is_usage());
        assert!(refused.to_string().contains("channel capacity"), "{refused}");
    }

    #[test]
    fn what_was_sent_is_received_after_all_senders_are_gone() {
        let (sender, receiver) = channel(3).unwrap();
        let second = sender.clone();
        sender.send(1).unwrap();
        second.send(2).unwrap();
        drop(sender);
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        drop(second);
        assert_eq!(receiver.recv(), Ok(2));
        assert_eq!(receiver.recv(), Err(WaitError::Disconnected));
        assert_eq!(receiver.try_recv(), Err(WaitError::Disconnected));
    }

    #[test]
    fn how_full_it_is_shows_at_both_ends() {
        let (sender, receiver) = channel(2).unwrap();
        assert!(sender.is_empty() && !receiver.is_full());
        assert_eq!(receiver.try_recv(), Ok(None));
        sender.try_send('a').unwrap();
        assert_eq!((sender.len(), receiver.capacity()), (1, 2));
        sender.try_send('b').unwrap();
        assert!(sender.is_full() && !receiver.is_empty());
        assert_eq!(sender.try_send('c'), Err(TrySendError::Full('c')));
        assert_eq!(format!("{sender:?}"), "Sender { len: 2, capacity: 2 }");
    }

    #[test]
    fn a_taken_value_lets_the_sender_who_waits_longest_go_on() {
        let (sender, receiver) = full();
        let mut senders = Vec::new();
        for value in 2..5 {
            let theirs = sender.clone();
            senders.push(spawn(move || theirs.send(value)));
            until(|| sender.exchange.sending() == value as usize - 1);
        }
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        assert!(receiver.is_full());
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [2, 3, 4]);
        for sender in senders {
            sender.join().unwrap().unwrap();
        }
    }

    #[test]
    fn who_waits_is_told_that_the_other_side_is_gone() {
        let (sender, receiver) = channel::<u8>(1).unwrap();
        let ours = receiver.clone();
        let theirs = receiver.clone();
        let coroutine = spawn(move || theirs.recv());
        let (_, thread) = spawn_thread(move || receiver.recv());
        until(|| ours.exchange.receiving() == 2);
        drop(sender);
        assert_eq!(coroutine.join().unwrap(), Err(WaitError::Disconnected));
        assert_eq!(thread.join().unwrap(), Err(WaitError::Disconnected));

        let (sender, receiver) = full();
        let theirs = sender.clone();
        let waiter = spawn(move || theirs.send(2));
        until(|| sender.exchange.sending() == 1);
        drop(receiver);
        let refused = waiter.join().unwrap().unwrap_err();
        assert_eq!((refused.value, refused.reason), (2, WaitError::Disconnected));
        assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
        assert_eq!(sender.send(3).unwrap_err().value, 3);
    }

    #[test]
    fn a_killed_sender_has_its_value_back() {
        let (sender, receiver) = full();
        let theirs = sender.clone();
        let waiter = spawn(move || theirs.send(2));
        until(|| sender.exchange.sending() == 1);
        waiter.kill();
        let refused = waiter.join().unwrap().unwrap_err();
        assert_eq!((refused.value, refused.reason), (2, WaitError::Killed));
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(None));
    }

    #[test]
    fn a_killed_receiver_leaves_the_values_to_others() {
        let (sender, receiver) = channel(1).unwrap();
        let theirs = receiver.clone();
        let (task, waiter) = spawn_thread(move || theirs.recv());
        until(|| receiver.exchange.receiving() == 1);
        task.kill();
        assert_eq!(waiter.join().unwrap(), Err(WaitError::Killed));
        sender.send(1).unwrap();
        let theirs = receiver.clone();
        let killed = spawn(move || {
            Task::current().kill();
            (theirs.recv(), theirs.iter().count())
        });
        assert_eq!(killed.join().unwrap(), (Err(WaitError::Killed), 0));
        assert_eq!(receiver.recv(), Ok(1));
    }

    #[test]
    fn a_killed_sender_may_still_report_where_there_is_room() {
        let (sender, receiver) = channel(1).unwrap();
        let killed = spawn(move || {
            Task::current().kill();
            sender.send("ended")
        });
        killed.join().unwrap().unwrap();
        assert_eq!(receiver.recv(), Ok("ended"));
    }

    #[test]
    fn limits_end_waits_in_time() {
        let limit = Duration::from_millis(30);
        let (sender, receiver) = full();
        let begin = Instant::now();
        let refused = sender.send_timeout(2, limit).unwrap_err();
        assert_eq!(refused.reason, WaitError::Deadline);
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok(1));
        assert_eq!(receiver.recv_timeout(limit), Err(WaitError::Deadline));
        let took = begin.elapsed();
        assert!(took >= limit * 2, "{took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(sender.exchange.sending(), 0);
        assert_eq!(sender.exchange.receiving(), 0);
    }

    #[test]
    fn what_nobody_received_is_dropped_outside_the_lock() {
        struct Nosy(Sender<Nosy>);
        impl Drop for Nosy {
            fn drop(&mut self) {
                assert_eq!(self.0.len(), 0);
            }
        }
        let (sender, receiver) = channel(2).unwrap();
        sender.try_send(Nosy(sender.clone())).unwrap();
        sender.try_send(Nosy(sender.clone())).unwrap();
        drop(receiver);
        assert_eq!(Arc::strong_count(&sender.exchange), 1);
    }

    #[test]
    fn failed_sends_become_io_errors() {
        let (sender, receiver) = full();
        let err = std::io::Error::from(sender.try_send(2).unwrap_err());
        assert_eq!(err.kind(), std::io::ErrorKind::WouldBlock);
        drop(receiver);
        let err = std::io::Error::from(sender.send(2).unwrap_err());
        assert_eq!(WaitError::of(&err), Some(WaitError::Disconnected));
        let refused = sender.try_send(2).unwrap_err();
        assert_eq!(format!("{refused:?}"), "Disconnected(..)");
        assert_eq!(refused.into_inner(), 2);
    }
}
