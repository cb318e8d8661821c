//! Coroutines whose time has not come.
//!
//! They have neither stack nor timer entry of an engine: a thread of its own,
//! which the first of them starts, hands each to the engine when it is time. So
//! they cost what they are to work on, and no worker that computes holds up the
//! others' clocks. The thread runs nothing that users gave: one that was killed
//! meanwhile is started too, and lets go of its cargo where it would have run.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::clock;
use super::crew::StandsBy;
use super::engine::{self, Place, Unstarted};
use super::life::{Beginning, Life};
use super::lock::lock;

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    entries: BTreeMap::new(),
    is_served: false,
});
/// Something comes earlier than what the thread waits for.
static CHANGED: Condvar = Condvar::new();

/// Long past, on the scale of [`clock::ticks`].
const AT_ONCE: u64 = 1;

struct Queue {
    /// By instant, then by the task's number; an instant may be shared.
    entries: BTreeMap<(u64, u64), Box<dyn Pending>>,
    is_served: bool,
}

trait Pending: Send {
    fn begin(self: Box<Self>);
}

/// A coroutine, and where it will begin.
pub(super) struct Later<C, W> {
    place: Place,
    life: Life<C, W>,
}

impl<C, W> Later<C, W>
where
    C: 'static,
    W: FnOnce(C, Beginning) + 'static,
{
    pub(super) fn new(place: Place, life: Life<C, W>) -> Self {
        Later {
            place: engine::as_meant_here(place),
            life,
        }
    }
}

// SAFETY: a place that means a thread is refused by who spawns for later, and a
// life is `Send` itself.
unsafe impl<C, W> Send for Later<C, W> {}

impl<C, W> Pending for Later<C, W>
where
    C: 'static,
    W: FnOnce(C, Beginning) + 'static,
{
    fn begin(self: Box<Self>) {
        let Later { place, life } = *self;
        life.task.cancel_at_kill();
        let task = Arc::clone(&life.task);
        if let Err(Unstarted { error, body }) = life.begin(&task, place) {
            log::error!("{} cannot begin: {error}", body.task.name());
            body.give_up();
        }
    }
}

/// Starts a coroutine at `at`, or as soon as it is killed.
///
/// # Errors
/// When the thread that this takes cannot be started; the coroutine comes back.
pub(super) fn enter<C, W>(at: u64, later: Later<C, W>) -> Result<(), Unstarted<Life<C, W>>>
where
    C: 'static,
    W: FnOnce(C, Beginning) + 'static,
{
    let mut queue = lock(&QUEUE);
    if let Err(error) = queue.serve() {
        let body = later.life;
        return Err(Unstarted { error, body });
    }
    let key = (at, later.life.task.id());
    later.life.task.at_kill(move || hurry(key));
    queue.insert(key, Box::new(later));
    Ok(())
}

/// What was killed has no time to wait for.
fn hurry(key: (u64, u64)) {
    let mut queue = lock(&QUEUE);
    if let Some(pending) = queue.entries.remove(&key) {
        queue.insert((AT_ONCE, key.1), pending);
    }
}

impl Queue {
    fn insert(&mut self, key: (u64, u64), pending: Box<dyn Pending>) {
        self.entries.insert(key, pending);
        if self.entries.first_key_value().is_some_and(|(first, _)| *first == key) {
            CHANGED.notify_one();
        }
    }

    fn serve(&mut self) -> io::Result<()> {
        if !self.is_served {
            let builder = thread::Builder::new().name("greenserve-later".to_owned());
            builder.spawn(run)?;
            self.is_served = true;
        }
        Ok(())
    }

    fn due(&mut self) -> Option<Box<dyn Pending>> {
        let first = self.entries.first_entry()?;
        clock::passed(first.key().0).then(|| first.remove())
    }
}

fn run() {
    // What it begins is counted among the live ones all the time.
    let _standing_by = StandsBy::new();
    loop {
        next().begin();
    }
}

/// Waits for the next one whose time has come.
fn next() -> Box<dyn Pending> {
    let mut queue = lock(&QUEUE);
    loop {
        if let Some(pending) = queue.due() {
            return pending;
        }
        let first = queue.entries.first_key_value().map(|(&(at, _), _)| at);
        queue = match first.and_then(clock::remaining) {
            None => CHANGED.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(left) => {
                let waited = CHANGED.wait_timeout(queue, left);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}
