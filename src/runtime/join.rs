//! The result of a coroutine, and waiting for it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::clock::{self, NEVER};
use super::ended::{End, Ended, Link};
use super::latch::Latch;
use super::panic::Panic;
use super::task::{Awaited, Task};
use crate::error::{KillReason, WaitError};

/// Why a join has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The coroutine ended by a panic.
    #[error(transparent)]
    Panicked(Panic),
    /// The coroutine was killed before it began: nothing of it ran, and what it
    /// was given has been dropped.
    #[error("the coroutine was killed before it began")]
    Killed,
    /// As [`Killed`](JoinError::Killed), by a kill that said why:
    /// [`kill_with`](JoinHandle::kill_with).
    #[error("the coroutine was killed before it began: {0}")]
    KilledFor(KillReason),
    /// The caller's own wait ended: it was killed, the deadline of a
    /// surrounding [`Timeout`](crate::sync::Timeout) passed, or a panic is
    /// unwinding it. The coroutine goes on, and its result is dropped when it
    /// comes.
    #[error("the coroutine was not waited for any longer: {0}")]
    Interrupted(WaitError),
    /// The coroutine was never started: the runtime refused it. Only those who
    /// start one and join it in the same breath say so, as
    /// [`Pool::imap`](crate::sync::Pool::imap) does.
    #[error("the coroutine was not started: {0}")]
    NotStarted(Box<crate::Error>),
}

impl JoinError {
    /// How a coroutine with this result ended.
    pub(super) fn end_of(result: Result<(), &JoinError>) -> End {
        match result {
            Ok(()) => End::Returned,
            Err(JoinError::Panicked(_)) => End::Panicked,
            Err(_) => End::Killed,
        }
    }

    /// The panic that ended the coroutine, if one did; for `resume_unwind`.
    pub fn into_panic(self) -> Option<Panic> {
        match self {
            JoinError::Panicked(panic) => Some(panic),
            JoinError::Killed | JoinError::KilledFor(_) | JoinError::Interrupted(_) | JoinError::NotStarted(_) => None,
        }
    }
}

impl JoinError {
    /// What a panic said, for who logs it.
    pub(super) fn panic_text(&self) -> Option<String> {
        match self {
            JoinError::Panicked(panic) => Some(panic.to_string()),
            _ => None,
        }
    }

    /// The end of a coroutine that was killed before it began.
    pub(super) fn killed(task: &Task) -> JoinError {
        task.kill_reason().map_or(JoinError::Killed, JoinError::KilledFor)
    }
}

impl From<JoinError> for std::io::Error {
    /// An interrupted join is an interrupted wait, as every other one.
    fn from(err: JoinError) -> std::io::Error {
        match err {
            JoinError::Interrupted(why) => why.into(),
            JoinError::NotStarted(refusal) => (*refusal).into(),
            other => std::io::Error::other(other.to_string()),
        }
    }
}

/// Where a result waits for whoever joins.
#[derive(Debug)]
pub(super) struct Packet<T> {
    done: Latch<Result<T, JoinError>, Link>,
    /// Whether a panic that nobody takes is still to be logged.
    logs_unheard: bool,
}

impl<T> Packet<T> {
    pub(super) fn new(logs_unheard: bool) -> Self {
        Packet {
            done: Latch::with_links(),
            logs_unheard,
        }
    }

    /// For the coroutine itself, as its last step but those of who watch it.
    pub(super) fn fulfil(&self, result: Result<T, JoinError>) {
        let how = JoinError::end_of(result.as_ref().map(|_| ()));
        let links = self.done.open(result);
        if links.is_empty() {
            return;
        }
        let ended = Ended::new(Task::current(), how);
        links.into_iter().for_each(|link| link.call(ended.clone()));
    }
}

impl<T> Drop for Packet<T> {
    /// Both sides are gone. A panic that nobody asked for is at least logged.
    fn drop(&mut self) {
        if let (true, Some(Err(JoinError::Panicked(panic)))) = (self.logs_unheard, self.done.take()) {
            log::error!("{panic}");
        }
    }
}

/// Waits for a coroutine's result; made by [`spawn`](super::spawn).
///
/// Dropping it detaches the coroutine. To end it instead, see
/// [`kill`](JoinHandle::kill), or start it in a
/// [`Group`](crate::sync::Group).
#[derive(Debug)]
pub struct JoinHandle<T> {
    task: Arc<Task>,
    packet: Arc<Packet<T>>,
}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: Arc<Task>, packet: Arc<Packet<T>>) -> Self {
        JoinHandle { task, packet }
    }

    /// The coroutine itself.
    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// True once the result is there and [`join`](JoinHandle::join) returns at once.
    pub fn is_finished(&self) -> bool {
        self.packet.done.is_open()
    }

    /// True once the coroutine has returned; false while it runs, and when it
    /// panicked or was killed before it began: `successful()` in gevent.
    ///
    /// ```
    /// use greenserve::runtime::spawn;
    ///
    /// let (one, other) = (spawn(|| 1)?, spawn(|| panic!("on purpose"))?);
    /// while !(one.is_finished() && other.is_finished()) {
    ///     std::thread::yield_now();
    /// }
    /// assert!(one.is_successful() && !other.is_successful());
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    #[doc(alias = "successful")]
    pub fn is_successful(&self) -> bool {
        self.packet.done.peek(Result::is_ok) == Some(true)
    }

    /// Has `told` called once the coroutine has ended and its result can be
    /// joined: `link(callback)` in gevent.
    ///
    /// It is called on the worker of the coroutine, as its last step; at once
    /// and by the caller if the coroutine has ended already. Several are
    /// called in the order in which they were linked. It **must not block**:
    /// whoever waits for the coroutine to leave its group waits for it too. A
    /// panic in it is logged, and reaches neither the coroutine nor the others.
    ///
    /// To hear of it by an event or a channel, set or send there, which needs
    /// no waiting:
    ///
    /// ```
    /// use greenserve::runtime::{End, spawn};
    /// use greenserve::sync::{Event, channel};
    /// use std::sync::Arc;
    ///
    /// let worker = spawn(|| 42)?;
    /// let over = Arc::new(Event::new());
    /// let theirs = Arc::clone(&over);
    /// worker.link(move |_| theirs.set());
    ///
    /// let (sender, ends) = channel(1);
    /// worker.link(move |ended| drop(sender.try_send(ended)));
    ///
    /// over.wait()?;
    /// let ended = ends.recv()?;
    /// assert_eq!((ended.how(), ended.task().id()), (End::Returned, worker.task().id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn link(&self, told: impl FnOnce(Ended) + Send + 'static) {
        self.watch_end(Link::new(told));
    }

    /// As [`link`](JoinHandle::link); returns a ticket for
    /// [`unlink`](JoinHandle::unlink) unless the coroutine has ended.
    pub(crate) fn watch_end(&self, link: Link) -> Option<u64> {
        match self.keep(link) {
            Ok(ticket) => Some(ticket),
            Err(link) => {
                let how = self
                    .packet
                    .done
                    .peek(|result| JoinError::end_of(result.as_ref().map(|_| ())));
                link.call(Ended::new(Arc::clone(&self.task), how.unwrap_or(End::Returned)));
                None
            }
        }
    }

    /// Keeps a link until the end; returns it if that has come.
    pub(super) fn keep(&self, link: Link) -> Result<u64, Link> {
        self.packet.done.link(link)
    }

    pub(crate) fn unlink(&self, ticket: u64) {
        drop(self.packet.done.unlink(ticket));
    }

    /// Ends the coroutine's present wait with an error and refuses every later
    /// one; does not wait for it to end. See [`Task::kill`].
    pub fn kill(&self) {
        self.task.kill();
    }

    /// As [`kill`](JoinHandle::kill), for a reason that the coroutine finds in
    /// the error of its wait; see [`Task::kill_with`].
    pub fn kill_with(&self, reason: impl Into<Box<dyn Error + Send + Sync>>) {
        self.task.kill_with(reason);
    }

    /// Waits for the coroutine to end and returns its result.
    ///
    /// From a coroutine this suspends, from a thread it blocks. Use
    /// [`join_timeout`](JoinHandle::join_timeout) to be able to wait again.
    ///
    /// # Errors
    /// [`JoinError`] tells how the coroutine ended if it has no result, or what
    /// ended this wait. A result that is there is returned whatever became of
    /// the caller.
    pub fn join(self) -> Result<T, JoinError> {
        self.take(NEVER).unwrap_or_else(|err| Err(JoinError::Interrupted(err)))
    }

    /// As [`join`](JoinHandle::join), for at most `limit`.
    ///
    /// # Errors
    /// The handle itself together with the reason: the limit passed, the
    /// caller was killed, or a surrounding timeout is over.
    pub fn join_timeout(self, limit: Duration) -> Result<Result<T, JoinError>, (Self, WaitError)> {
        match self.take(clock::after(limit)) {
            Ok(result) => Ok(result),
            Err(err) => Err((self, err)),
        }
    }

    /// Waits until the result is there.
    pub(super) fn wait(&self, deadline: u64) -> Result<(), WaitError> {
        let waiting = Task::awaiting_number(Awaited::Coroutine, self.task.id() as u32);
        self.packet.done.wait(&waiting, deadline)
    }

    /// The result, if it is there: once, so for who owns the handle.
    pub(crate) fn take_finished(&self) -> Option<Result<T, JoinError>> {
        self.packet.done.take()
    }

    fn take(&self, deadline: u64) -> Result<Result<T, JoinError>, WaitError> {
        self.wait(deadline)?;
        // Only a consuming method takes the result, so it is still there.
        self.take_finished().ok_or(WaitError::Disconnected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_waited_for_takes_two_words_beside_its_lock() {
        assert_eq!(size_of::<JoinError>(), 16);
        assert_eq!(size_of::<Packet<()>>(), 32);
    }
}
