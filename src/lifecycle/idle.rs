//! Requests that wait for their client's next message, which a drain ends.

use std::sync::Arc;

use super::shim::{Mutex, lock};
use super::{Connection, Lifecycle};
use crate::runtime::Task;

/// The mark of a request: which of its tasks wait for nothing that a drain
/// could lose. It stands in the list of those in flight.
#[derive(Debug, Default)]
pub(super) struct IdleMark(Mutex<Vec<Arc<Task>>>);

impl IdleMark {
    pub(super) fn is_set(&self) -> bool {
        !lock(&self.0).is_empty()
    }

    /// Ends the waits of those that are idle now.
    pub(super) fn dismiss(&self) {
        for task in lock(&self.0).iter() {
            task.dismiss();
        }
    }

    fn set(&self, task: &Arc<Task>) {
        let mut tasks = lock(&self.0);
        // One, nearly always.
        tasks.reserve_exact(1);
        tasks.push(Arc::clone(task));
    }

    fn clear(&self, task: &Task) {
        let mut tasks = lock(&self.0);
        if let Some(index) = tasks.iter().position(|idle| idle.id() == task.id()) {
            tasks.swap_remove(index);
        }
        // Under the lock: who dismisses finds it here, or not at all.
        if !tasks.iter().any(|idle| idle.id() == task.id()) {
            task.recall();
        }
    }
}

/// As long as this lives, the calling task is idle on behalf of its request: a
/// drain ends its waits.
#[derive(Debug)]
pub(crate) struct Idle<'a> {
    mark: &'a IdleMark,
    task: Arc<Task>,
}

impl<'a> Idle<'a> {
    pub(crate) fn begin(connection: &'a Connection, lifecycle: &Lifecycle) -> Idle<'a> {
        let (mark, task) = (&connection.idle, Task::current());
        mark.set(&task);
        // After the mark is set: a drain that did not see it is seen here.
        match lifecycle.is_draining() {
            true => task.dismiss(),
            false => connection.has_time_again(),
        }
        Idle { mark, task }
    }
}

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.mark.clear(&self.task);
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::WaitError;
    use crate::net::Peer;
    use crate::runtime::after;

    fn may_wait() -> Result<(), WaitError> {
        Task::current().may_wait(after(Duration::from_secs(60)))
    }

    #[test]
    fn a_drain_reaches_only_who_is_idle() {
        let lifecycle = Lifecycle::new(1).unwrap();
        let connection = Connection::new("inline", "test", Peer::Unnamed);
        connection.idle.dismiss();
        assert_eq!(may_wait(), Ok(()));
        let outer = Idle::begin(&connection, &lifecycle);
        let inner = Idle::begin(&connection, &lifecycle);
        connection.idle.dismiss();
        drop(inner);
        assert_eq!(may_wait(), Err(WaitError::Draining));
        drop(outer);
        assert_eq!(may_wait(), Ok(()));
        assert!(!connection.idle.is_set());
    }

    #[test]
    fn who_is_idle_after_the_drain_began_does_not_wait() {
        let lifecycle = Lifecycle::new(1).unwrap();
        let connection = Connection::new("inline", "test", Peer::Unnamed);
        lifecycle.request_shutdown();
        let _idle = Idle::begin(&connection, &lifecycle);
        assert_eq!(may_wait(), Err(WaitError::Draining));
    }
}
