//! What both ends of a channel know and do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::receiver::Receiver;
use super::sender::Sender;
use crate::error::WaitError;
use crate::runtime::{Awaited, NEVER, Task, after};

macro_rules! end_of_channel {
    ($end:ident, $add:ident, $remove:ident) => {
        impl<T> $end<T> {
            /// How many values are buffered now: `qsize()` in Python.
            pub fn len(&self) -> usize {
                self.exchange.len()
            }

            /// How many values it holds at most, `None` without bound:
            /// `maxsize` in Python.
            pub fn capacity(&self) -> Option<usize> {
                Some(self.exchange.capacity()).filter(|capacity| *capacity < usize::MAX)
            }

            /// True when no value is buffered: `empty()` in Python. One of
            /// capacity 0 always is.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// True when there is no room for another value: `full()` in
            /// Python. One of capacity 0 always is.
            pub fn is_full(&self) -> bool {
                self.len() >= self.exchange.capacity()
            }

            /// Waits until all that was sent is
            /// [marked done](Receiver::task_done): `join()` of Python's queues
            /// and of gevent's `JoinableQueue`.
            ///
            /// What a sender still waits with counts as sent. Returns at once
            /// when nothing was sent. More may be sent meanwhile, and is waited
            /// for as well. Where receivers never mark anything this waits for
            /// the last of them to go.
            ///
            /// # Errors
            /// [`WaitError::Disconnected`] when something that was sent can
            /// never be marked done: it was thrown away by
            /// [`shutdown_now`](Self::shutdown_now), or all receivers are gone.
            /// Until then, another [`WaitError`] as with every wait: the caller
            /// was killed, the deadline of a surrounding
            /// [`Timeout`](super::Timeout) passed, or a panic is unwinding the
            /// coroutine.
            pub fn join(&self) -> Result<(), WaitError> {
                self.exchange
                    .join(NEVER, || Task::awaiting(Awaited::Channel, &*self.exchange))
            }

            /// As [`join`](Self::join), for at most `limit`. (Python's has no
            /// limit, gevent's `join(timeout=...)` does.)
            ///
            /// # Errors
            /// As [`join`](Self::join), and [`WaitError::Deadline`] when the
            /// limit passes.
            pub fn join_timeout(&self, limit: Duration) -> Result<(), WaitError> {
                self.exchange
                    .join(after(limit), || Task::awaiting(Awaited::Channel, &*self.exchange))
            }

            /// Lets nothing more in: `shutdown()` of Python's queues. Never
            /// waits itself.
            ///
            /// What is in the channel can still be received; then receivers
            /// get [`WaitError::Disconnected`], which also ends their loops.
            /// Senders have it at once, those that wait get their values back.
            /// [`join`](Self::join) goes on until what is left is done.
            pub fn shutdown(&self) {
                self.exchange.shutdown();
            }

            /// Ends it at once: `shutdown(immediate=True)` of Python's queues.
            /// Never waits itself.
            ///
            /// As [`shutdown`](Self::shutdown), and takes out what is in the
            /// channel, in the order in which it would have been received.
            /// [`join`](Self::join) waits for what receivers work on, and fails
            /// then if this took anything out. (Python's succeeds.)
            ///
            /// ```
            /// use greenserve::{WaitError, sync::channel};
            ///
            /// let (sender, receiver) = channel(2);
            /// sender.send(1)?;
            /// sender.send(2)?;
            /// assert_eq!(receiver.shutdown_now(), [1, 2]);
            /// assert_eq!(receiver.recv(), Err(WaitError::Disconnected));
            /// assert_eq!(sender.send(3).map_err(|refused| refused.value), Err(3));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn shutdown_now(&self) -> Vec<T> {
                self.exchange.shutdown_now()
            }

            /// True once [`shutdown`](Self::shutdown) or
            /// [`shutdown_now`](Self::shutdown_now) was called, at either end:
            /// `is_shutdown` in Python.
            pub fn is_shutdown(&self) -> bool {
                self.exchange.is_shut()
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

#[cfg(test)]
mod tests {
    use super::super::testing::{PATIENCE, finished, joined, spawn, spawn_thread, until};
    use super::super::{channel, unbounded, with_timeout};
    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    #[test]
    fn joining_waits_until_all_is_marked_done() {
        let (sender, receiver) = channel(2);
        assert_eq!(sender.join_timeout(PATIENCE), Ok(()), "nothing was sent");
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        let (ours, theirs) = (sender.clone(), receiver.clone());
        let coroutine = spawn(move || ours.join());
        let (_, thread) = spawn_thread(move || theirs.join());
        until(|| sender.exchange.joining_count() == 2);
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        receiver.task_done().unwrap();
        assert_eq!(receiver.try_recv(), Ok(Some(2)));
        assert_eq!(sender.exchange.joining_count(), 2);
        assert_eq!(receiver.join_timeout(SOON), Err(WaitError::Deadline));
        receiver.task_done().unwrap();
        assert_eq!(joined(coroutine), Ok(()));
        assert_eq!(finished(thread), Ok(()));
    }

    #[test]
    fn a_value_that_was_handed_over_is_to_be_done_as_well() {
        let (sender, receiver) = channel(0);
        let theirs = receiver.clone();
        let waiter = spawn(move || theirs.recv());
        until(|| sender.exchange.receiving_count() == 1);
        sender.try_send(1).unwrap();
        assert_eq!(sender.join_timeout(SOON), Err(WaitError::Deadline));
        assert_eq!(joined(waiter), Ok(1));
        receiver.task_done().unwrap();
        assert_eq!(sender.join_timeout(PATIENCE), Ok(()));
    }

    #[test]
    fn joining_counts_who_waits_to_send_until_they_give_up() {
        let (sender, receiver) = channel(0);
        let theirs = sender.clone();
        let waiter = spawn(move || theirs.send(1));
        until(|| sender.exchange.sending_count() == 1);
        let theirs = receiver.clone();
        let joiner = spawn(move || theirs.join());
        until(|| sender.exchange.joining_count() == 1);
        waiter.kill();
        assert_eq!(joined(waiter).unwrap_err().value, 1);
        assert_eq!(joined(joiner), Ok(()));
    }

    #[test]
    fn a_joiner_can_be_killed_and_runs_out_of_time() {
        let (sender, receiver) = unbounded();
        sender.send(1).unwrap();
        let theirs = sender.clone();
        let joiner = spawn(move || theirs.join());
        until(|| sender.exchange.joining_count() == 1);
        joiner.kill();
        assert_eq!(joined(joiner), Err(WaitError::Killed));
        assert!(with_timeout(SOON, || Ok(receiver.join()?)).is_err());
        assert_eq!(sender.exchange.joining_count(), 0);
    }

    #[test]
    fn joining_ends_with_the_last_receiver() {
        let (sender, receiver) = unbounded();
        sender.send(1).unwrap();
        let theirs = sender.clone();
        let joiner = spawn(move || theirs.join());
        until(|| sender.exchange.joining_count() == 1);
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(1));
        drop(receiver);
        assert_eq!(joined(joiner), Err(WaitError::Disconnected));
        assert_eq!(sender.join_timeout(PATIENCE), Err(WaitError::Disconnected));
    }

    /// Ends with what came back to it, and why.
    type Refused = crate::runtime::JoinHandle<Option<(u8, WaitError)>>;

    /// Two values in the channel, and a third with a sender that waits.
    fn with_a_sender() -> (Sender<u8>, Receiver<u8>, Refused) {
        let (sender, receiver) = channel(2);
        sender.send(1).unwrap();
        sender.send(2).unwrap();
        let theirs = sender.clone();
        let waiter = spawn(move || {
            let refused = theirs.send(3).err();
            refused.map(|refused| (refused.value, refused.reason))
        });
        until(|| sender.exchange.sending_count() == 1);
        (sender, receiver, waiter)
    }

    #[test]
    fn after_a_shutdown_what_is_in_it_is_received_and_nothing_more() {
        let (sender, receiver, waiter) = with_a_sender();
        sender.shutdown();
        assert!(receiver.is_shutdown());
        assert_eq!(joined(waiter), Some((3, WaitError::Disconnected)));
        assert_eq!(
            sender.send_timeout(4, PATIENCE).unwrap_err().reason,
            WaitError::Disconnected
        );
        assert!(sender.try_send(4).is_err());
        for value in 1..=2 {
            assert_eq!(receiver.recv_timeout(PATIENCE), Ok(value));
            assert_eq!(sender.join_timeout(SOON), Err(WaitError::Deadline));
            receiver.task_done().unwrap();
        }
        assert_eq!(receiver.recv_timeout(PATIENCE), Err(WaitError::Disconnected));
        assert_eq!(receiver.try_recv(), Err(WaitError::Disconnected));
        assert_eq!(receiver.try_peek(), Err(WaitError::Disconnected));
        assert_eq!(sender.join_timeout(PATIENCE), Ok(()));
    }

    #[test]
    fn a_shutdown_at_once_takes_out_what_is_in_it() {
        let (sender, receiver, waiter) = with_a_sender();
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(1));
        assert_eq!(joined(waiter), None);
        let theirs = sender.clone();
        let joiner = spawn(move || theirs.join());
        until(|| sender.exchange.joining_count() == 1);
        assert_eq!(receiver.shutdown_now(), [2, 3]);
        assert_eq!(receiver.recv_timeout(PATIENCE), Err(WaitError::Disconnected));
        assert_eq!(sender.send_timeout(4, PATIENCE).unwrap_err().value, 4);
        assert_eq!(sender.exchange.joining_count(), 1, "one value is in work still");
        receiver.task_done().unwrap();
        assert_eq!(joined(joiner), Err(WaitError::Disconnected));
        assert_eq!(sender.join_timeout(PATIENCE), Err(WaitError::Disconnected));
    }

    #[test]
    fn a_shutdown_at_once_gives_values_back_to_who_waits() {
        let (sender, _receiver, waiter) = with_a_sender();
        assert_eq!(sender.shutdown_now(), [1, 2]);
        assert_eq!(joined(waiter), Some((3, WaitError::Disconnected)));
    }

    #[test]
    fn a_shutdown_ends_all_who_wait() {
        for at_once in [false, true] {
            let (sender, receiver) = channel::<u8>(0);
            let theirs = receiver.clone();
            let taker = spawn(move || theirs.recv());
            let theirs = receiver.clone();
            let (_, looker) = spawn_thread(move || theirs.peek());
            until(|| receiver.exchange.receiving_count() + receiver.exchange.looking_count() == 2);
            if at_once {
                assert!(sender.shutdown_now().is_empty());
            } else {
                receiver.shutdown();
            }
            assert_eq!(joined(taker), Err(WaitError::Disconnected));
            assert_eq!(finished(looker), Err(WaitError::Disconnected));
        }
    }
}
