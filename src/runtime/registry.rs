//! Every live coroutine, for who wants a list.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam::utils::CachePadded;

use super::lock::lock;
use super::name::Name;
use super::task::Task;

/// The list is in parts, so that workers seldom wait for each other's.
const PARTS: usize = 16;

static LIST: [CachePadded<Mutex<Part>>; PARTS] = [const { CachePadded::new(Mutex::new(Part::empty())) }; PARTS];
static LIVE: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Part {
    tasks: Vec<Option<Arc<Task>>>,
    /// Which places of `tasks` are empty.
    free: Vec<u32>,
}

/// A coroutine as a list shows it; see [`tasks`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskState {
    /// The coroutine's number.
    pub id: u64,
    /// Its name: for a server's, the model and the peer.
    pub name: Name,
    /// Whether it was killed and has not ended yet.
    pub killed: bool,
}

/// How many coroutines live now, those of the runtime itself not counted.
pub fn live_count() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// Every live coroutine that has begun to run, in no order.
pub fn tasks() -> Vec<TaskState> {
    let mut states = Vec::new();
    for part in &LIST {
        let part = lock(part);
        states.extend(part.tasks.iter().flatten().map(|task| TaskState {
            id: task.id(),
            name: task.name().clone(),
            killed: task.is_killed(),
        }));
    }
    states
}

/// The coroutines that [`tasks`] lists, some at a time.
///
/// No list is kept and no lock is held between two of its steps, so that many
/// coroutines stop nobody: what begins or ends meanwhile is met or missed.
#[derive(Debug, Default)]
pub(super) struct Walk {
    part: usize,
    place: usize,
}

impl Walk {
    /// Places that are looked at under one lock.
    const STEP: usize = 128;
}

impl Iterator for Walk {
    type Item = Vec<Arc<Task>>;

    fn next(&mut self) -> Option<Vec<Arc<Task>>> {
        loop {
            let part = lock(LIST.get(self.part)?);
            let Some(rest) = part.tasks.get(self.place..).filter(|rest| !rest.is_empty()) else {
                self.part += 1;
                self.place = 0;
                continue;
            };
            let some: Vec<_> = rest.iter().take(Walk::STEP).flatten().map(Arc::clone).collect();
            self.place += Walk::STEP;
            if !some.is_empty() {
                return Some(some);
            }
        }
    }
}

/// A place among the live coroutines, reserved before the coroutine exists so
/// that a spawn beyond the ceiling is refused.
#[derive(Debug)]
pub(super) struct Reservation(());

impl Reservation {
    /// One of `limit` places, or how many live when all are taken.
    pub(super) fn take(limit: usize) -> Result<Reservation, usize> {
        let before = LIVE.fetch_add(1, Ordering::Relaxed);
        if before >= limit {
            LIVE.fetch_sub(1, Ordering::Relaxed);
            return Err(before);
        }
        Ok(Reservation(()))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The entry of a running coroutine; dropping it takes the coroutine off the list.
pub(super) struct Entry {
    part: u32,
    place: u32,
}

impl Entry {
    pub(super) fn new(task: &Arc<Task>) -> Entry {
        let part = task.id() as usize % PARTS;
        Entry {
            part: part as u32,
            place: lock(&LIST[part]).enter(Arc::clone(task)),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let task = lock(&LIST[self.part as usize]).leave(self.place);
        // Maybe the last reference, and not under the lock.
        drop(task);
    }
}

impl Part {
    const fn empty() -> Part {
        Part {
            tasks: Vec::new(),
            free: Vec::new(),
        }
    }

    fn enter(&mut self, task: Arc<Task>) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.tasks[place as usize] = Some(task);
                place
            }
            None => {
                self.tasks.push(Some(task));
                (self.tasks.len() - 1) as u32
            }
        }
    }

    fn leave(&mut self, place: u32) -> Option<Arc<Task>> {
        let task = self.tasks[place as usize].take();
        self.free.push(place);
        task
    }
}
