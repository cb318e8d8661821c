//! One worker's timers: who must be woken when.
//!
//! Arming must be cheap, since a socket with a timeout arms on every read and
//! nearly always disarms before time. So a coroutine has at most one entry,
//! and disarming leaves it where it is: the next deadline is nearly always
//! later, and then arming writes one word. The entry that comes due looks at
//! that word and, if the coroutine wants to be woken later, moves there.

use std::collections::BTreeMap;
use std::ptr::NonNull;

use super::seat::{Due, Seat};

/// Touched by the worker's own thread alone.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// By instant, then by seat; an instant may be shared. A coroutine takes
    /// its entry out before it ends, so every seat here lives.
    entries: BTreeMap<(u64, NonNull<Seat>), ()>,
}

impl Timers {
    pub(super) fn insert(&mut self, at: u64, seat: &Seat) {
        self.entries.insert((at, NonNull::from(seat)), ());
    }

    pub(super) fn remove(&mut self, at: u64, seat: &Seat) {
        self.entries.remove(&(at, NonNull::from(seat)));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the first entry is due.
    pub(super) fn first(&self) -> Option<u64> {
        self.entries.keys().next().map(|&(at, _)| at)
    }

    /// Takes out an entry that is due at `now` and whose coroutine is to be
    /// woken.
    pub(super) fn next_due(&mut self, now: u64) -> Option<NonNull<Seat>> {
        loop {
            let entry = self.entries.first_entry()?;
            let (at, seat) = *entry.key();
            if at > now {
                return None;
            }
            entry.remove();
            // SAFETY: the seat's coroutine lives on this worker and has not
            // taken its entry out, so it has not ended, and will not while its
            // thread is here.
            match unsafe { seat.as_ref() }.due(now) {
                Due::Now => return Some(seat),
                Due::Later(wanted) => {
                    self.entries.insert((wanted, seat), ());
                }
                Due::Never => {}
            }
        }
    }
}
