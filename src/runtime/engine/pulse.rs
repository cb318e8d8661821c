//! Whether a worker comes back to its loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::clock::NEVER;

/// How long a worker may be away from its loop before it is held up: it gets
/// no new clients while another worker is not.
pub(super) const HELD_UP_AFTER: Duration = Duration::from_millis(10);

/// It has just woken and will tell the time in a moment. No instant of this
/// process reads so.
const WAKING: u64 = 1;

/// When the worker last left its loop to run coroutines; [`NEVER`] while it
/// sleeps.
#[derive(Debug)]
pub(in crate::runtime) struct Pulse(AtomicU64);

/// What a worker does, as far as its pulse tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) enum Beat {
    Rests,
    /// Nothing can be said yet: it has just woken.
    Wakes,
    /// It runs coroutines, since then.
    Runs(u64),
}

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse(AtomicU64::new(NEVER))
    }

    pub(super) fn beat(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }

    pub(super) fn rest(&self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }

    /// The end of its rest. `SeqCst`, since whoever wakes looks afterwards
    /// whether the watchdog sleeps, while the watchdog first says that it will
    /// and then looks here.
    pub(super) fn wake(&self) {
        self.0.store(WAKING, Ordering::SeqCst);
    }

    /// As [`wake`](Pulse::wake) and [`beat`](Pulse::beat) at once.
    pub(super) fn wake_at(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }

    pub(in crate::runtime) fn read(&self) -> Beat {
        match self.0.load(Ordering::SeqCst) {
            NEVER => Beat::Rests,
            WAKING => Beat::Wakes,
            since => Beat::Runs(since),
        }
    }

    pub(super) fn is_held_up(&self, now: u64) -> bool {
        let since = self.0.load(Ordering::Relaxed);
        since > WAKING && now.saturating_sub(since) > HELD_UP_AFTER.as_nanos() as u64
    }
}
