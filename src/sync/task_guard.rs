//! What was received and is to be marked done.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::receiver::Receiver;
use crate::error::WaitError;

impl<T> Receiver<T> {
    /// Marks one received value done, for whoever waits in
    /// [`join`](Receiver::join): `task_done()` in Python.
    ///
    /// Which one does not matter, nor which end received it. Where nobody
    /// joins it need not be called. [`recv_task`](Receiver::recv_task) does so
    /// by itself, also when a panic unwinds.
    ///
    /// # Errors
    /// [`TaskDoneError`] when every value that was received is marked already.
    ///
    /// ```
    /// use greenserve::{runtime, sync::unbounded};
    ///
    /// let (jobs, queue) = unbounded();
    /// (1..=20).try_for_each(|job| jobs.send(job))?;
    /// for _ in 0..3 {
    ///     let queue = queue.clone();
    ///     runtime::spawn(move || {
    ///         while let Ok(job) = queue.recv() {
    ///             println!("job {job}");
    ///             queue.task_done().expect("one for each");
    ///         }
    ///     })?;
    /// }
    /// jobs.join()?; // all twenty are done
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        self.exchange.task_done().then_some(()).ok_or(TaskDoneError)
    }

    /// As [`recv`](Receiver::recv), and the value is marked done when the guard
    /// around it is dropped.
    ///
    /// # Errors
    /// As [`recv`](Receiver::recv).
    ///
    /// ```
    /// let (jobs, queue) = greenserve::sync::channel(3);
    /// jobs.send("sweep")?;
    /// let job = queue.recv_task()?;
    /// assert_eq!(job.len(), 5);
    /// drop(job);
    /// jobs.join()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recv_task(&self) -> Result<TaskGuard<'_, T>, WaitError> {
        let value = self.recv()?;
        Ok(TaskGuard { value, receiver: self })
    }
}

/// More values were marked done than were received: Python's `ValueError`.
///
/// ```
/// let (_sender, receiver) = greenserve::sync::channel::<u8>(1);
/// let err = receiver.task_done().expect_err("nothing was received");
/// assert!(err.to_string().contains("more often"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("task_done() was called more often than values were received; call it once for each")]
pub struct TaskDoneError;

/// A received value that is marked done when this is dropped; made by
/// [`Receiver::recv_task`].
///
/// To give up a value without marking it, so that
/// [`join`](Receiver::join) does not count it as done, use
/// [`recv`](Receiver::recv).
#[must_use = "dropping it marks the value done"]
pub struct TaskGuard<'a, T> {
    value: T,
    receiver: &'a Receiver<T>,
}

impl<T> Deref for TaskGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for TaskGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for TaskGuard<'_, T> {
    fn drop(&mut self) {
        // Fails only where somebody else has marked too many.
        let _ = self.receiver.task_done();
    }
}

impl<T: fmt::Debug> fmt::Debug for TaskGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TaskGuard").field(&self.value).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{PATIENCE, spawn};
    use super::super::unbounded;
    use super::*;

    #[test]
    fn each_received_value_can_be_marked_once() {
        let (sender, receiver) = unbounded();
        sender.send(1).unwrap();
        assert_eq!(receiver.task_done(), Err(TaskDoneError), "it is not received yet");
        assert_eq!(receiver.recv_timeout(PATIENCE), Ok(1));
        assert_eq!(receiver.task_done(), Ok(()));
        assert_eq!(receiver.task_done(), Err(TaskDoneError));
    }

    #[test]
    fn a_guard_marks_its_value_also_in_a_panic() {
        let (sender, receiver) = unbounded();
        sender.send(1).unwrap();
        let theirs = receiver.clone();
        let failing = spawn(move || {
            let mut job = theirs.recv_task().unwrap();
            *job += 1;
            assert_eq!((*job, format!("{job:?}").as_str()), (2, "TaskGuard(2)"));
            panic!("a job that fails")
        });
        let failed: Result<(), _> = failing.join();
        assert!(failed.is_err());
        assert_eq!(sender.join_timeout(PATIENCE), Ok(()));
        assert_eq!(receiver.task_done(), Err(TaskDoneError));
    }
}
