//! Channels between any number of coroutines and threads: the ways to make one.

use std::sync::Arc;

use super::exchange::Exchange;
use super::receiver::Receiver;
use super::sender::Sender;
use super::store::Store;

/// Makes a channel that holds at most `capacity` values: `queue.Queue(maxsize)`,
/// `gevent.queue.Queue`.
///
/// Both ends can be cloned and shared; each value is received once, in the
/// order in which they were sent. Who waits longest is served first.
///
/// With a capacity of 0 sender and receiver meet: a send waits until somebody
/// takes the value, as with crossbeam's `bounded(0)` and gevent's `Channel`.
/// (In Python 0 means "without bound": that is [`unbounded`].)
///
/// ```
/// use greenserve::{runtime, sync::channel};
///
/// let (sender, receiver) = channel(2);
/// runtime::spawn(move || (1..=5).try_for_each(|n| sender.send(n)))?;
/// assert_eq!(receiver.iter().sum::<i32>(), 15);
///
/// let (sender, receiver) = channel(0);
/// assert!(sender.try_send("nobody waits for it").is_err());
/// runtime::spawn(move || sender.send("from hand to hand"))?;
/// assert_eq!(receiver.recv(), Ok("from hand to hand"));
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    over(Store::queue(), capacity)
}

/// Makes a channel without bound, so that sending never waits: `queue.Queue()`,
/// `queue.SimpleQueue`.
///
/// One slow receiver lets it fill the memory. Prefer [`channel`] unless
/// something else bounds what is sent.
///
/// ```
/// let (sender, receiver) = greenserve::sync::unbounded();
/// (0..1000).try_for_each(|n| sender.try_send(n))?;
/// assert_eq!((receiver.len(), receiver.capacity()), (1000, None));
/// # Ok::<(), greenserve::sync::TrySendError<i32>>(())
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    over(Store::queue(), usize::MAX)
}

/// Makes a channel whose smallest value comes out first, and equal ones in the
/// order in which they came: `queue.PriorityQueue(maxsize)`.
///
/// It holds at most `capacity` values, `usize::MAX` for one without bound.
/// Those of senders that wait for room are not in it yet and have no rank:
/// they come in as their senders came. With a capacity of 0 that is all of
/// them, so it is a [`channel(0)`](channel). For the greatest first wrap
/// values in [`Reverse`](std::cmp::Reverse); for a rank beside the value send
/// a type with an `Ord` of its own, or a tuple as in Python.
///
/// The comparison runs inside the channel: it must not wait, and not use this
/// channel. One that panics does so in whoever sends or receives, and the
/// value at hand may be lost.
///
/// ```
/// use greenserve::sync::priority;
///
/// let (sender, receiver) = priority(8);
/// for (rank, errand) in [(3, "sweep"), (1, "put the fire out"), (2, "cook")] {
///     sender.send((rank, errand))?;
/// }
/// drop(sender);
/// let errands: Vec<_> = receiver.iter().map(|(_, errand)| errand).collect();
/// assert_eq!(errands, ["put the fire out", "cook", "sweep"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn priority<T: Ord>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    over(Store::ranked(), capacity)
}

/// Makes a channel whose last value comes out first: `queue.LifoQueue(maxsize)`.
///
/// It holds at most `capacity` values, `usize::MAX` for one without bound.
/// Those of senders that wait for room are not in it yet: they come in as
/// their senders came.
///
/// ```
/// let (sender, receiver) = greenserve::sync::lifo(8);
/// ["first", "second", "third"].iter().try_for_each(|page| sender.send(page))?;
/// assert_eq!(receiver.recv(), Ok(&"third"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lifo<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    over(Store::stack(), capacity)
}

fn over<T>(store: Store<T>, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let exchange = Exchange::new(store, capacity);
    let sender = Sender {
        exchange: Arc::clone(&exchange),
    };
    (sender, Receiver { exchange })
}

#[cfg(test)]
mod tests {
    use super::super::TrySendError;
    use super::super::testing::{PATIENCE, assert_send, assert_sync, finished, joined, spawn, spawn_thread, until};
    use super::*;
    use crate::error::WaitError;
    use crate::runtime::Task;
    use std::cell::Cell;
    use std::cmp::Ordering;
    use std::time::{Duration, Instant};

    fn full() -> (Sender<u32>, Receiver<u32>) {
        let (sender, receiver) = channel(1);
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
    fn what_was_sent_is_received_after_all_senders_are_gone() {
        let (sender, receiver) = channel(3);
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
        let (sender, receiver) = channel(2);
        assert!(sender.is_empty() && !receiver.is_full());
        assert_eq!(receiver.try_recv(), Ok(None));
        sender.try_send('a').unwrap();
        assert_eq!((sender.len(), receiver.capacity()), (1, Some(2)));
        sender.try_send('b').unwrap();
        assert!(sender.is_full() && !receiver.is_empty());
        assert_eq!(sender.try_send('c'), Err(TrySendError::Full('c')));
        assert_eq!(format!("{sender:?}"), "Sender { len: 2, capacity: Some(2) }");
    }

    #[test]
    fn a_taken_value_lets_the_sender_who_waits_longest_go_on() {
        let (sender, receiver) = full();
        let mut senders = Vec::new();
        for value in 2..5 {
            let theirs = sender.clone();
            senders.push(spawn(move || theirs.send(value)));
            until(|| sender.exchange.sending_count() == value as usize - 1);
        }
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        assert!(receiver.is_full());
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [2, 3, 4]);
        for sender in senders {
            joined(sender).unwrap();
        }
    }

    #[test]
    fn who_waits_is_told_that_the_other_side_is_gone() {
        let (sender, receiver) = channel::<u8>(1);
        let ours = receiver.clone();
        let theirs = receiver.clone();
        let coroutine = spawn(move || theirs.recv());
        let (_, thread) = spawn_thread(move || receiver.recv());
        until(|| ours.exchange.receiving_count() == 2);
        drop(sender);
        assert_eq!(joined(coroutine), Err(WaitError::Disconnected));
        assert_eq!(finished(thread), Err(WaitError::Disconnected));

        let (sender, receiver) = full();
        let theirs = sender.clone();
        let waiter = spawn(move || theirs.send(2));
        until(|| sender.exchange.sending_count() == 1);
        drop(receiver);
        let refused = joined(waiter).unwrap_err();
        assert_eq!((refused.value, refused.reason), (2, WaitError::Disconnected));
        assert_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
        assert_eq!(sender.send(3).unwrap_err().value, 3);
    }

    #[test]
    fn a_killed_sender_has_its_value_back() {
        let (sender, receiver) = full();
        let theirs = sender.clone();
        let waiter = spawn(move || theirs.send(2));
        until(|| sender.exchange.sending_count() == 1);
        waiter.kill();
        let refused = joined(waiter).unwrap_err();
        assert_eq!((refused.value, refused.reason), (2, WaitError::Killed));
        assert_eq!(receiver.recv(), Ok(1));
        assert_eq!(receiver.try_recv(), Ok(None));
    }

    #[test]
    fn a_killed_receiver_leaves_the_values_to_others() {
        let (sender, receiver) = channel(1);
        let theirs = receiver.clone();
        let (task, waiter) = spawn_thread(move || theirs.recv());
        until(|| receiver.exchange.receiving_count() == 1);
        task.kill();
        assert_eq!(finished(waiter), Err(WaitError::Killed));
        sender.send(1).unwrap();
        let theirs = receiver.clone();
        let killed = spawn(move || {
            Task::current().kill();
            (theirs.recv(), theirs.iter().count())
        });
        assert_eq!(joined(killed), (Err(WaitError::Killed), 0));
        assert_eq!(receiver.recv(), Ok(1));
    }

    #[test]
    fn a_killed_sender_may_still_report_where_there_is_room() {
        let (sender, receiver) = channel(1);
        let killed = spawn(move || {
            Task::current().kill();
            sender.send("ended")
        });
        joined(killed).unwrap();
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
        assert_eq!(sender.exchange.sending_count(), 0);
        assert_eq!(sender.exchange.receiving_count(), 0);
    }

    #[test]
    fn what_nobody_received_is_dropped_outside_the_lock() {
        struct Nosy(Sender<Nosy>);
        impl Drop for Nosy {
            fn drop(&mut self) {
                assert_eq!(self.0.len(), 0);
            }
        }
        let (sender, receiver) = channel(2);
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

    /// Sends each value from a coroutine of its own, which waits.
    fn waiting<T: Send + 'static>(sender: &Sender<T>, values: impl IntoIterator<Item = T>) -> Vec<Waiting<T>> {
        let send = |value| {
            let (theirs, before) = (sender.clone(), sender.exchange.sending_count());
            let waiting = spawn(move || theirs.send(value));
            until(|| sender.exchange.sending_count() == before + 1);
            waiting
        };
        values.into_iter().map(send).collect()
    }

    type Waiting<T> = crate::runtime::JoinHandle<Result<(), super::super::SendError<T>>>;

    #[test]
    fn without_room_a_send_waits_until_its_value_is_taken() {
        let (sender, receiver) = channel(0);
        assert_eq!(sender.try_send(0), Err(TrySendError::Full(0)));
        let senders = waiting(&sender, 1..=3);
        assert!(senders.iter().all(|sender| !sender.is_finished()));
        assert!(receiver.is_empty() && receiver.is_full());
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        until(|| senders[0].is_finished());
        assert!(!senders[1].is_finished() && !senders[2].is_finished());
        assert_eq!(
            (receiver.recv_timeout(PATIENCE), receiver.recv_timeout(PATIENCE)),
            (Ok(2), Ok(3))
        );
        for sender in senders {
            joined(sender).unwrap();
        }
        assert_eq!(receiver.try_recv(), Ok(None));
    }

    #[test]
    fn without_room_a_value_goes_to_the_receiver_who_waits_longest() {
        let (sender, receiver) = channel(0);
        let mut receivers = Vec::new();
        for number in 1..=3 {
            let theirs = receiver.clone();
            receivers.push(spawn(move || theirs.recv()));
            until(|| receiver.exchange.receiving_count() == number);
        }
        for value in 1..=3 {
            sender.try_send(value).unwrap();
        }
        assert!(sender.try_send(4).is_err());
        for (receiver, value) in receivers.into_iter().zip(1..) {
            assert_eq!(joined(receiver), Ok(value));
        }
    }

    #[test]
    fn without_room_a_killed_sender_has_its_value_back() {
        let (sender, receiver) = channel(0);
        let senders = waiting(&sender, 1..=2);
        senders[0].kill();
        until(|| senders[0].is_finished());
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(2));
        assert_eq!(receiver.try_recv(), Ok(None));
        let reasons = senders.into_iter().map(joined);
        let reasons: Vec<_> = reasons
            .map(|sent| sent.map_err(|refused| (refused.value, refused.reason)))
            .collect();
        assert_eq!(reasons, [Err((1, WaitError::Killed)), Ok(())]);
    }

    #[test]
    fn without_bound_nobody_waits() {
        let (sender, receiver) = unbounded();
        let killed = spawn(move || {
            Task::current().kill();
            (0..10_000).try_for_each(|value| sender.send(value)).is_ok() && !sender.is_full()
        });
        assert!(joined(killed));
        assert_eq!((receiver.len(), receiver.capacity()), (10_000, None));
        assert!(receiver.iter().eq(0..10_000));
    }

    #[test]
    fn who_waits_to_send_comes_into_the_order_when_there_is_room() {
        let (sender, receiver) = priority(2);
        [5, 4].into_iter().for_each(|value| sender.try_send(value).unwrap());
        let senders = waiting(&sender, [1, 2]);
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [4, 1, 2, 5]);
        drop(senders);

        let (sender, receiver) = lifo(2);
        [5, 4].into_iter().for_each(|value| sender.try_send(value).unwrap());
        let senders = waiting(&sender, [1, 2]);
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [4, 1, 2, 5]);
        drop(senders);
    }

    #[derive(PartialEq, Eq)]
    struct Grumpy(u8);

    impl Ord for Grumpy {
        fn cmp(&self, other: &Self) -> Ordering {
            assert!(self.0 < 9 && other.0 < 9, "no comparison today");
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Grumpy {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    #[test]
    fn a_comparison_that_panics_leaves_nobody_asleep() {
        let (sender, receiver) = priority(2);
        [1, 2].into_iter().for_each(|rank| drop(sender.try_send(Grumpy(rank))));
        let senders = waiting(&sender, [Grumpy(9)]);
        let theirs = receiver.clone();
        assert!(spawn(move || theirs.recv().is_ok()).join().is_err());
        for sender in senders {
            assert!(sender.join_timeout(Duration::from_secs(10)).unwrap().unwrap().is_ok());
        }
        assert_eq!(receiver.len(), 2);
    }
}
