//! A gate that opens once: joins, start-up and results wait behind it.

use std::sync::{Arc, Mutex};

use super::lock::lock;
use super::task::Task;
use crate::error::WaitError;

/// Closed until [`open`](Latch::open), then open for good.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    waiting: Vec<Arc<Task>>,
}

impl Latch {
    pub(crate) fn new() -> Latch {
        Latch::default()
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.state).open
    }

    /// Opens the gate and wakes all who wait.
    pub(crate) fn open(&self) {
        let waiting = {
            let mut state = lock(&self.state);
            state.open = true;
            std::mem::take(&mut state.waiting)
        };
        for task in waiting {
            task.wake();
        }
    }

    /// Waits until the gate is open, or until `deadline`.
    pub(crate) fn wait(&self, deadline: u64) -> Result<(), WaitError> {
        let task = Task::current();
        loop {
            if self.is_open_or_noted(&task) {
                return Ok(());
            }
            if let Err(err) = task.park(deadline) {
                return self.give_up(&task, err);
            }
        }
    }

    /// Waits until the gate is open, whatever becomes of the caller meanwhile.
    pub(crate) fn wait_regardless(&self) {
        let task = Task::current();
        while !self.is_open_or_noted(&task) {
            task.park_regardless();
        }
    }

    fn is_open_or_noted(&self, task: &Arc<Task>) -> bool {
        let mut state = lock(&self.state);
        if !state.open && !state.waiting.iter().any(|waiting| waiting.id() == task.id()) {
            state.waiting.push(Arc::clone(task));
        }
        state.open
    }

    /// Opened at the last moment still counts as opened.
    fn give_up(&self, task: &Task, err: WaitError) -> Result<(), WaitError> {
        let mut state = lock(&self.state);
        state.waiting.retain(|waiting| waiting.id() != task.id());
        if state.open { Ok(()) } else { Err(err) }
    }
}
