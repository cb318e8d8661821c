//! A gate that opens once: joins and off-loaded results wait behind it.

use std::mem;
use std::sync::{Arc, Mutex};

use super::lock::lock;
use super::task::Task;
use crate::error::WaitError;

/// Closed until [`open`](Latch::open), then open for good, with a value behind
/// it for who takes it first.
#[derive(Debug)]
pub(crate) struct Latch<T> {
    state: Mutex<State<T>>,
}

/// As small as can be: every coroutine that can be joined has one.
#[derive(Debug)]
enum State<T> {
    Closed,
    /// Most are waited for by nobody or by one: the joiner.
    Awaited(Arc<Task>),
    #[expect(clippy::box_collection, reason = "rare, and a third of the size")]
    Crowded(Box<Vec<Arc<Task>>>),
    Open(T),
    Taken,
}

impl<T> Latch<T> {
    pub(crate) fn new() -> Latch<T> {
        Latch {
            state: Mutex::new(State::Closed),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.state).is_open()
    }

    /// Opens the gate and wakes all who wait.
    pub(crate) fn open(&self, value: T) {
        let before = mem::replace(&mut *lock(&self.state), State::Open(value));
        match before {
            State::Awaited(task) => task.wake(),
            State::Crowded(tasks) => tasks.iter().for_each(|task| task.wake()),
            State::Closed | State::Open(_) | State::Taken => {}
        }
    }

    /// What lies behind the open gate, once.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = lock(&self.state);
        if !state.is_open() {
            return None;
        }
        match mem::replace(&mut *state, State::Taken) {
            State::Open(value) => Some(value),
            _ => None,
        }
    }

    /// Waits until the gate is open, or until `deadline`.
    /// `task` is that of the caller.
    pub(crate) fn wait(&self, task: &Arc<Task>, deadline: u64) -> Result<(), WaitError> {
        loop {
            if self.is_open_or_noted(task) {
                return Ok(());
            }
            if let Err(err) = task.park(deadline) {
                return self.give_up(task, err);
            }
        }
    }

    fn is_open_or_noted(&self, task: &Arc<Task>) -> bool {
        let mut state = lock(&self.state);
        state.note(task);
        state.is_open()
    }

    /// Opened at the last moment still counts as opened.
    fn give_up(&self, task: &Task, err: WaitError) -> Result<(), WaitError> {
        let mut state = lock(&self.state);
        state.forget(task);
        if state.is_open() { Ok(()) } else { Err(err) }
    }
}

impl<T> State<T> {
    fn is_open(&self) -> bool {
        matches!(self, State::Open(_) | State::Taken)
    }

    /// Enters a task, once.
    fn note(&mut self, task: &Arc<Task>) {
        match self {
            State::Closed => *self = State::Awaited(Arc::clone(task)),
            State::Awaited(one) if one.id() != task.id() => {
                *self = State::Crowded(Box::new(vec![Arc::clone(one), Arc::clone(task)]));
            }
            State::Crowded(tasks) if tasks.iter().all(|one| one.id() != task.id()) => tasks.push(Arc::clone(task)),
            _ => {}
        }
    }

    fn forget(&mut self, task: &Task) {
        match self {
            State::Awaited(one) if one.id() == task.id() => *self = State::Closed,
            State::Crowded(tasks) => tasks.retain(|one| one.id() != task.id()),
            _ => {}
        }
    }
}
