//! All coroutines wait for each other.
//!
//! It is said only if it is certain, as far as this process can know: no worker
//! has anything to do, and no timer; every coroutine waits for a lock, a
//! channel, an event, a group or another coroutine, none for a descriptor, a
//! time or a call on another thread; and every thread of the process is either
//! one of the runtime's that stands by, or waits for a coroutine itself. A
//! thread that does anything else might wake one of them yet, so then nothing
//! is said.

use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::runtime::clock::NEVER;
use crate::runtime::crew;
use crate::runtime::engine::{self, Engine};
use crate::runtime::registry::{Walk, live_count};
use crate::runtime::task::{Task, Wait, threads_waiting};

/// As many are named.
const NAMED: usize = 16;

/// What was said last, so that it is said once.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    said: u64,
}

impl Standstill {
    /// To be called when no worker has done anything for a while.
    pub(super) fn look(&mut self) {
        if live_count() == 0 || has_other_threads() {
            self.said = 0;
            return;
        }
        // A name is the program's own text, and a program may panic.
        let found = catch_unwind(AssertUnwindSafe(find));
        let Ok(Some(found)) = found else {
            self.said = 0;
            return;
        };
        if self.said != found.mark {
            self.said = found.mark;
            log::warn!("{}", found.text);
        }
    }
}

struct Found {
    /// Tells these coroutines from others.
    mark: u64,
    text: String,
}

/// Whether a thread might wake a coroutine. On `may` it is not known which
/// threads there are.
fn has_other_threads() -> bool {
    if engine::is(Engine::May) {
        return true;
    }
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return true;
    };
    let workers = (0..).take_while(|index| engine::post(*index).is_some()).count();
    threads.count() != workers + crew::standing_by() + threads_waiting()
}

/// The coroutines, if all of them wait for each other.
fn find() -> Option<Found> {
    let (mut count, mut mark, mut named) = (0, 0, String::new());
    for task in Walk::default().flatten() {
        let wait = hopeless(&task)?;
        if count < NAMED {
            // Writing to a string does not fail.
            let _ = write!(named, "\n  '{}' (coroutine {}) {wait}", task.name(), task.id());
        }
        count += 1;
        mark ^= task.id().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    if count > NAMED {
        let _ = write!(named, "\n  and {} more", count - NAMED);
    }
    // Some may not have begun: they stand in a queue, and will run.
    (count == live_count()).then(|| Found {
        mark,
        text: format!("all {count} coroutines wait for each other, and nothing is left that could wake them:{named}"),
    })
}

/// What a coroutine waits for, if that is another one, for ever.
fn hopeless(task: &Arc<Task>) -> Option<&'static str> {
    let sighting = task.sighting()?;
    if sighting.until != NEVER || sighting.is_queued || task.is_killed() {
        return None;
    }
    match sighting.wait? {
        Wait::Lock => Some("waits for a lock"),
        Wait::Condvar => Some("waits to be notified"),
        Wait::Semaphore => Some("waits for a semaphore"),
        Wait::Channel => Some("waits for a channel"),
        Wait::Event => Some("waits for an event"),
        Wait::Result => Some("waits for a result"),
        Wait::Several => Some("waits for several things"),
        Wait::Group => Some("waits for a group"),
        Wait::Coroutine => Some("waits for another coroutine"),
        Wait::Something | Wait::Reading | Wait::Writing | Wait::Sleeping | Wait::Turn | Wait::Call => None,
    }
}
