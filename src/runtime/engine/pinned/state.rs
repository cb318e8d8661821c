//! Whether a coroutine runs, waits or stands in a queue.

use super::shim::{AtomicU8, Ordering};

const RUNNING: u8 = 0;
const PARKED: u8 = 1;
/// Runs, and its next park ends at once.
const NOTIFIED: u8 = 2;
/// Stands in a queue, or is about to be put there by who moved it here.
const QUEUED: u8 = 3;

/// The state of one coroutine, which every thread may change.
///
/// Every wake-up writes, also one that changes nothing: the coroutine, which
/// reads when it goes on, then sees all that was done before the wake-up.
#[derive(Debug)]
pub(super) struct State(AtomicU8);

impl State {
    /// That of a coroutine that stands in a queue to begin.
    pub(super) fn queued() -> State {
        State(AtomicU8::new(QUEUED))
    }

    /// True when the caller must now put the coroutine into its queue.
    #[must_use = "who moves a coroutine to `queued` must queue it"]
    pub(super) fn wake(&self) -> bool {
        let mut now = self.0.load(Ordering::Relaxed);
        loop {
            let next = match now {
                RUNNING => NOTIFIED,
                PARKED => QUEUED,
                other => other,
            };
            match self
                .0
                .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return now == PARKED,
                Err(found) => now = found,
            }
        }
    }

    /// True when the coroutine must now be suspended, false when it was woken
    /// already. By the coroutine itself.
    pub(super) fn park(&self) -> bool {
        let parked = self
            .0
            .compare_exchange(RUNNING, PARKED, Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if !parked {
            self.0.swap(RUNNING, Ordering::AcqRel);
        }
        parked
    }

    /// For who looks on: it may be otherwise in the same moment.
    pub(super) fn is_queued(&self) -> bool {
        self.0.load(Ordering::Relaxed) == QUEUED
    }

    /// The coroutine was taken out of its queue and goes on. One that had only
    /// stepped aside keeps a wake-up that came meanwhile for its next park.
    pub(super) fn resume(&self) {
        let _ = self
            .0
            .compare_exchange(QUEUED, RUNNING, Ordering::AcqRel, Ordering::Acquire);
    }
}
