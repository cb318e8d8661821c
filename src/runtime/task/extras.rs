//! What few tasks have, kept beside them: a million coroutines that wait have
//! none of it and take that much less memory.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use crossbeam::utils::CachePadded;

use crate::error::KillReason;
use crate::runtime::lock::lock;
use crate::runtime::panic::message_of;

/// The table is in parts, so that workers seldom wait for each other's.
const PARTS: usize = 32;

static TABLE: [CachePadded<Mutex<BTreeMap<u64, Extras>>>; PARTS] =
    [const { CachePadded::new(Mutex::new(BTreeMap::new())) }; PARTS];

/// What is kept. `Sync` by the word of who keeps it, where it is not by itself.
pub(in crate::runtime) type Value = dyn Any + Send + Sync;

/// Makes what a coroutine that is spawned has under the same key.
pub(in crate::runtime) type Inherit = fn(&Value) -> Arc<Value>;

/// A value of a task, under the key of who keeps it there.
#[derive(Clone)]
pub(in crate::runtime) struct Kept {
    pub(in crate::runtime) key: usize,
    pub(in crate::runtime) value: Arc<Value>,
    pub(in crate::runtime) inherit: Option<Inherit>,
}

/// Called once, where it must neither wait nor panic.
pub(super) type Notice = Box<dyn FnOnce() + Send>;

/// What one task has of it; made when the first is asked for, and forgotten
/// with the task.
#[derive(Default)]
pub(super) struct Extras {
    pub(super) reason: Option<KillReason>,
    pub(super) kept: Vec<Kept>,
    /// The task's end is near: nothing is kept any more.
    pub(super) keeps_nothing: bool,
    /// By a number of this task's own.
    pub(super) at_end: Vec<(u64, Notice)>,
    pub(super) at_kill: Option<Notice>,
    pub(super) tickets: u64,
}

/// Calls `f` with the extras of task `id`. Under a lock: `f` neither waits nor
/// drops what users gave.
pub(super) fn with<R>(id: u64, f: impl FnOnce(&mut Extras) -> R) -> R {
    f(lock(part(id)).entry(id).or_default())
}

/// The end of the task: lets go of all it has.
pub(super) fn forget(id: u64) {
    let extras = lock(part(id)).remove(&id);
    if let Some(Extras { reason, kept, .. }) = extras {
        let_go(reason);
        kept.into_iter().for_each(let_go);
    }
}

/// Drops what users gave where no panic may leave.
pub(in crate::runtime) fn let_go<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        log::error!("a destructor panicked: {}", message_of(payload.as_ref()));
    }
}

fn part(id: u64) -> &'static Mutex<BTreeMap<u64, Extras>> {
    &TABLE[id as usize % PARTS]
}

#[cfg(test)]
pub(super) fn is_known(id: u64) -> bool {
    lock(part(id)).contains_key(&id)
}
