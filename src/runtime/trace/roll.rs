//! Coroutines that are asked for a copy of their stack, and what they answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::snapshot::Snapshot;
use crate::runtime::lock::lock;

/// What an answer may use of the stack that it copies.
const ROOM: usize = 6 * 1024;

/// Who was asked and has not answered yet, by the number of the coroutine.
///
/// Locked for a few instructions by whoever asks and whoever answers, never
/// across a wait or a copy.
static ASKED: Mutex<BTreeMap<u64, Arc<Roll>>> = Mutex::new(BTreeMap::new());

/// Some coroutines that were asked at once.
#[derive(Default)]
pub(in crate::runtime) struct Roll {
    answers: Mutex<BTreeMap<u64, Answer>>,
}

/// A stack, unless it had no room left for the answer.
pub(in crate::runtime) type Answer = Option<Snapshot>;

impl Roll {
    /// Enters a coroutine; false when somebody else asks it already.
    pub(in crate::runtime) fn enter(self: &Arc<Roll>, id: u64) -> bool {
        let mut asked = lock(&ASKED);
        let is_free = !asked.contains_key(&id);
        if is_free {
            asked.insert(id, Arc::clone(self));
        }
        is_free
    }

    /// No longer waits for a coroutine's answer, if it still does.
    pub(in crate::runtime) fn leave(self: &Arc<Roll>, id: u64) {
        let mut asked = lock(&ASKED);
        if asked.get(&id).is_some_and(|roll| Arc::ptr_eq(roll, self)) {
            asked.remove(&id);
        }
    }

    pub(in crate::runtime) fn has_answered(&self, id: u64) -> bool {
        lock(&self.answers).contains_key(&id)
    }

    pub(in crate::runtime) fn take(&self, id: u64) -> Option<Answer> {
        lock(&self.answers).remove(&id)
    }
}

/// The answer of coroutine `id`, on its own stack, which lies between `bottom`
/// and `top`.
///
/// # Safety
/// It is the caller's stack, from here to `top`.
#[cold]
#[inline(never)]
pub(in crate::runtime) unsafe fn answer(id: u64, bottom: usize, top: usize) {
    let asked = lock(&ASKED).remove(&id);
    let Some(roll) = asked else {
        return;
    };
    let here = std::ptr::from_ref(&roll).addr();
    let has_room = here.saturating_sub(bottom) > ROOM;
    // SAFETY: the caller's promise.
    let answer = has_room.then(|| unsafe { Snapshot::of_caller(top) });
    lock(&roll.answers).insert(id, answer);
}
