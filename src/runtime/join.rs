//! The result of a coroutine, and waiting for it.

use std::sync::Arc;
use std::time::Duration;

use super::clock;
use super::latch::Latch;
use super::panic::Panic;
use super::task::Task;
use crate::error::WaitError;

/// Where a result waits for whoever joins.
#[derive(Debug)]
pub(super) struct Packet<T> {
    done: Latch<Result<T, Panic>>,
    /// Whether a panic that nobody takes is still to be logged.
    logs_unheard: bool,
}

impl<T> Packet<T> {
    pub(super) fn new(logs_unheard: bool) -> Self {
        Packet {
            done: Latch::new(),
            logs_unheard,
        }
    }

    pub(super) fn fulfil(&self, result: Result<T, Panic>) {
        self.done.open(result);
    }
}

impl<T> Drop for Packet<T> {
    /// Both sides are gone. A panic that nobody asked for is at least logged.
    fn drop(&mut self) {
        if let (true, Some(Err(panic))) = (self.logs_unheard, self.done.take()) {
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

    /// Ends the coroutine's present wait with an error and refuses every later
    /// one; does not wait for it to end. See [`Task::kill`].
    pub fn kill(&self) {
        self.task.kill();
    }

    /// Waits for the coroutine to end and returns its result.
    ///
    /// From a coroutine this suspends, from a thread it blocks. Nothing cuts it
    /// short, not even the kill of the caller: use
    /// [`join_timeout`](JoinHandle::join_timeout) to be able to give up.
    ///
    /// # Errors
    /// [`Panic`] when the coroutine ended by one.
    pub fn join(self) -> Result<T, Panic> {
        self.packet.done.wait_regardless();
        match self.packet.done.take() {
            Some(result) => result,
            None => unreachable!("the result is stored before the gate opens, and only a consuming call takes it"),
        }
    }

    /// As [`join`](JoinHandle::join), for at most `limit`.
    ///
    /// # Errors
    /// The handle itself together with the reason: the limit passed, or the
    /// caller was killed.
    pub fn join_timeout(self, limit: Duration) -> Result<Result<T, Panic>, (Self, WaitError)> {
        match self.take(clock::after(limit)) {
            Ok(result) => Ok(result),
            Err(err) => Err((self, err)),
        }
    }

    fn take(&self, deadline: u64) -> Result<Result<T, Panic>, WaitError> {
        self.packet.done.wait(deadline)?;
        // Only a consuming method takes the result, so it is still there.
        self.packet.done.take().ok_or(WaitError::Disconnected)
    }
}
