//! The end of a channel that values come out of.

use std::sync::Arc;
use std::time::Duration;

use super::exchange::Exchange;
use super::floor::Found;
use crate::error::WaitError;
use crate::runtime::{Awaited, NEVER, Task, after};

/// The end of a [`channel`](super::channel()) that values come out of.
///
/// When the last one is dropped, so is what is still buffered, and senders get
/// their values back with [`WaitError::Disconnected`].
///
/// ```
/// use greenserve::sync::channel;
///
/// let (sender, receiver) = channel(8);
/// let second = receiver.clone();
/// sender.send(1)?;
/// sender.send(2)?;
/// assert_eq!((receiver.recv()?, second.recv()?), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T> {
    pub(super) exchange: Arc<Exchange<Arc<Task>, T>>,
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
    /// gone or the channel was shut down; another [`WaitError`] when the caller
    /// was killed, the deadline of a surrounding [`Timeout`](super::Timeout)
    /// passed, or a panic is unwinding the coroutine.
    pub fn recv(&self) -> Result<T, WaitError> {
        self.recv_until(NEVER)
    }

    /// As [`recv`](Receiver::recv), for at most `limit`: `get(timeout=...)` in
    /// Python.
    ///
    /// # Errors
    /// As [`recv`](Receiver::recv), and [`WaitError::Deadline`] when the limit
    /// passes.
    pub fn recv_timeout(&self, limit: Duration) -> Result<T, WaitError> {
        self.recv_until(after(limit))
    }

    /// Takes the next value if one is there, `None` if not: `get_nowait()` in
    /// Python.
    ///
    /// # Errors
    /// [`WaitError::Disconnected`] when nothing is left and all senders are
    /// gone or the channel was shut down.
    pub fn try_recv(&self) -> Result<Option<T>, WaitError> {
        maybe(self.exchange.try_recv())
    }

    fn recv_until(&self, deadline: u64) -> Result<T, WaitError> {
        may_take()?;
        self.exchange
            .recv(deadline, || Task::awaiting(Awaited::Channel, &*self.exchange))
    }

    /// Has `task` woken whenever something can be received or the end has come,
    /// until [`unwatch`](Receiver::unwatch). It takes nothing and stands in no
    /// line: it looks at [`is_ready`](Receiver::is_ready) after this call and
    /// after each wake-up, and may find that somebody else was faster.
    pub(crate) fn watch(&self, task: &Arc<Task>) {
        self.exchange.watch(task.id(), Arc::clone(task));
    }

    /// Ends all that [`watch`](Receiver::watch) began for the task of this id.
    pub(crate) fn unwatch(&self, id: u64) {
        self.exchange.unwatch(id);
    }

    /// Whether [`recv`](Receiver::recv) need not wait: a value is there, or
    /// none can come any more.
    pub(crate) fn is_ready(&self) -> bool {
        self.exchange.is_ready()
    }
}

impl<T: Clone> Receiver<T> {
    /// A clone of the next value, which stays where it is, and waits for it if
    /// need be: `peek()` of gevent's queues.
    ///
    /// Who waits here sees the next value that comes, also if a receiver that
    /// waits takes it. It may be gone before this returns: with several
    /// receivers only one of them can rely on what it saw. From a sender that
    /// waits with it, a value can be seen too.
    ///
    /// The clone is made inside the channel: it must not wait, and not use this
    /// channel. Send an [`Arc`] where cloning is dear.
    ///
    /// # Errors
    /// As [`recv`](Receiver::recv).
    ///
    /// ```
    /// let (sender, receiver) = greenserve::sync::channel(1);
    /// assert_eq!(receiver.try_peek(), Ok(None));
    /// sender.send("still there")?;
    /// assert_eq!(receiver.peek(), Ok("still there"));
    /// assert_eq!(receiver.recv(), Ok("still there"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peek(&self) -> Result<T, WaitError> {
        self.peek_until(NEVER)
    }

    /// As [`peek`](Receiver::peek), for at most `limit`: `peek(timeout=...)`.
    ///
    /// # Errors
    /// As [`recv_timeout`](Receiver::recv_timeout).
    pub fn peek_timeout(&self, limit: Duration) -> Result<T, WaitError> {
        self.peek_until(after(limit))
    }

    /// A clone of the next value if one is there, `None` if not:
    /// `peek_nowait()` of gevent's queues.
    ///
    /// # Errors
    /// As [`try_recv`](Receiver::try_recv).
    pub fn try_peek(&self) -> Result<Option<T>, WaitError> {
        maybe(self.exchange.try_peek(T::clone))
    }

    fn peek_until(&self, deadline: u64) -> Result<T, WaitError> {
        may_take()?;
        let current = || Task::awaiting(Awaited::Channel, &*self.exchange);
        self.exchange.peek(T::clone, deadline, current)
    }
}

/// Who was killed takes nothing, even where it need not wait.
fn may_take() -> Result<(), WaitError> {
    Task::with_current(|task| task.may_wait(NEVER))
}

fn maybe<T>(found: Found<T>) -> Result<Option<T>, WaitError> {
    match found {
        Found::Item(item) => Ok(Some(item)),
        Found::Nothing => Ok(None),
        Found::Gone => Err(WaitError::Disconnected),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PATIENCE, finished, joined, spawn, spawn_thread, until};
    use super::super::{Sender, channel, lifo, priority};
    use super::*;

    #[test]
    fn peeking_sees_what_is_next_in_each_kind() {
        let see = |(sender, receiver): (Sender<u8>, Receiver<u8>)| {
            assert_eq!(receiver.try_peek(), Ok(None));
            [2, 1, 3].into_iter().for_each(|value| sender.try_send(value).unwrap());
            let seen = receiver.peek_timeout(PATIENCE).unwrap();
            assert_eq!((receiver.len(), receiver.try_peek()), (3, Ok(Some(seen))));
            assert_eq!(receiver.recv_timeout(PATIENCE), Ok(seen));
            seen
        };
        assert_eq!([see(channel(3)), see(priority(3)), see(lifo(3))], [2, 1, 3]);
    }

    #[test]
    fn who_waits_to_look_sees_the_next_value_before_it_is_taken() {
        let (sender, receiver) = channel(0);
        let theirs = receiver.clone();
        let taker = spawn(move || theirs.recv());
        until(|| sender.exchange.receiving_count() == 1);
        let theirs = receiver.clone();
        let (_, looker) = spawn_thread(move || theirs.peek());
        until(|| sender.exchange.looking_count() == 1);
        sender.try_send(1).unwrap();
        assert_eq!(joined(taker), Ok(1));
        assert_eq!(finished(looker), Ok(1));
    }

    #[test]
    fn a_value_that_a_sender_holds_out_can_be_seen() {
        let (sender, receiver) = channel(0);
        let theirs = receiver.clone();
        let looker = spawn(move || theirs.peek());
        until(|| receiver.exchange.looking_count() == 1);
        assert!(sender.try_send(0).is_err(), "nobody takes it");
        assert_eq!(receiver.exchange.looking_count(), 1);
        let waiter = spawn(move || sender.send(1));
        assert_eq!(joined(looker), Ok(1));
        assert_eq!(receiver.try_peek(), Ok(Some(1)));
        assert!(!waiter.is_finished());
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(1));
        joined(waiter).unwrap();
    }

    #[test]
    fn who_looks_is_told_of_the_end_and_can_be_killed() {
        let (sender, receiver) = channel::<u8>(1);
        assert_eq!(receiver.peek_timeout(Duration::ZERO), Err(WaitError::Deadline));
        let theirs = receiver.clone();
        let killed = spawn(move || theirs.peek());
        until(|| receiver.exchange.looking_count() == 1);
        killed.kill();
        assert_eq!(joined(killed), Err(WaitError::Killed));
        assert_eq!(receiver.exchange.looking_count(), 0);
        let theirs = receiver.clone();
        let looker = spawn(move || theirs.peek());
        until(|| receiver.exchange.looking_count() == 1);
        drop(sender);
        assert_eq!(joined(looker), Err(WaitError::Disconnected));
        assert_eq!(receiver.peek_timeout(PATIENCE), Err(WaitError::Disconnected));
    }

    #[test]
    fn a_killed_task_sees_nothing_even_if_something_is_there() {
        let (sender, receiver) = channel(1);
        sender.try_send(1).unwrap();
        let killed = spawn(move || {
            Task::current().kill();
            receiver.peek()
        });
        assert_eq!(joined(killed), Err(WaitError::Killed));
    }

    /// As a wait for several things at once does it.
    #[test]
    fn who_watches_wakes_up_and_has_taken_nothing() {
        let (sender, receiver) = channel(0);
        let theirs = receiver.clone();
        let watcher = spawn(move || {
            let task = Task::current();
            theirs.watch(&task);
            while !theirs.is_ready() {
                task.park(NEVER)?;
            }
            theirs.unwatch(task.id());
            theirs.recv()
        });
        let waiter = spawn(move || sender.send(1));
        assert_eq!(joined(watcher), Ok(1));
        joined(waiter).unwrap();
        assert!(receiver.is_ready());
    }
}
