//! Who is told that something of a server is different.

use std::sync::Arc;

use super::Lifecycle;
use super::shim::{Ordering, lock};
use crate::runtime::Task;

impl Lifecycle {
    /// Wakes all who wait for something to be different.
    pub(crate) fn changed(&self) {
        let watchers = lock(&self.watchers).clone();
        for task in watchers {
            task.rouse();
        }
        if self.polled.load(Ordering::SeqCst) {
            self.bell.ring();
        }
    }

    /// Says whether a loop waits for the bell.
    pub(crate) fn set_polled(&self, polled: bool) {
        self.polled.store(polled, Ordering::SeqCst);
    }

    /// Has the calling task woken by every change, until the guard is dropped.
    pub(crate) fn watch(self: &Arc<Lifecycle>) -> Watcher {
        let task = Task::current();
        lock(&self.watchers).push(Arc::clone(&task));
        Watcher {
            lifecycle: Arc::clone(self),
            task,
        }
    }
}

/// A task that is told of changes.
#[derive(Debug)]
pub(crate) struct Watcher {
    lifecycle: Arc<Lifecycle>,
    task: Arc<Task>,
}

impl Watcher {
    pub(crate) fn task(&self) -> &Arc<Task> {
        &self.task
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watchers = lock(&self.lifecycle.watchers);
        if let Some(index) = watchers.iter().position(|task| task.id() == self.task.id()) {
            watchers.swap_remove(index);
        }
    }
}
