//! Requests that wait for their client's next message, which a drain ends.

use std::sync::Arc;

use super::shim::{Mutex, lock};
use super::{Connection, Lifecycle};
use crate::runtime::Task;

/// The mark of a request: which of its tasks wait for nothing that a drain
/// could lose. It stands in the list of those in flight.
#[derive(Debug, Default)]
pub(super) struct IdleMark(Mutex<Tasks>);

/// One of them, nearly always: that takes no memory of its own.
#[derive(Debug, Default)]
struct Tasks {
    first: Option<Arc<Task>>,
    more: Vec<Arc<Task>>,
}

impl Tasks {
    fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.first.iter().chain(&self.more)
    }

    fn has(&self, task: &Task) -> bool {
        self.iter().any(|idle| idle.id() == task.id())
    }

    fn add(&mut self, task: &Arc<Task>) {
        let task = Arc::clone(task);
        match self.first {
            None => self.first = Some(task),
            Some(_) => self.more.push(task),
        }
    }

    fn remove(&mut self, task: &Task) {
        if self.first.as_ref().is_some_and(|first| first.id() == task.id()) {
            self.first = self.more.pop();
        } else if let Some(index) = self.more.iter().position(|idle| idle.id() == task.id()) {
            self.more.swap_remove(index);
        }
    }
}

impl IdleMark {
    pub(super) fn is_set(&self) -> bool {
        lock(&self.0).first.is_some()
    }

    /// Ends the waits of those that are idle now.
    pub(super) fn dismiss(&self) {
        for task in lock(&self.0).iter() {
            task.dismiss();
        }
    }

    fn set(&self, task: &Arc<Task>) {
        lock(&self.0).add(task);
    }

    fn clear(&self, task: &Task) {
        let mut tasks = lock(&self.0);
        tasks.remove(task);
        // Under the lock: who dismisses finds it here, or not at all.
        if !tasks.has(task) {
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

    #[test]
    fn each_task_that_is_idle_for_a_request_is_reached_until_it_is_not() {
        let reached = |task: &Task| task.may_wait(after(Duration::from_secs(60))) == Err(WaitError::Draining);
        let (mark, ours) = (IdleMark::default(), Task::current());
        let [theirs, others] = [(); 2].map(|()| std::thread::spawn(Task::current).join().unwrap());
        for task in [&ours, &theirs, &ours, &others] {
            mark.set(task);
        }
        mark.clear(&ours);
        mark.clear(&others);
        mark.dismiss();
        assert!(reached(&ours) && reached(&theirs) && !reached(&others));
        mark.clear(&ours);
        assert!(mark.is_set() && !reached(&ours) && reached(&theirs));
        mark.clear(&theirs);
        assert!(!mark.is_set() && !reached(&theirs));
    }
}
