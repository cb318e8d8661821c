//! What an engine keeps for one coroutine.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::choice::{Engine, chosen};
use super::{may, pinned};

/// Where a coroutine waits, and is woken from anywhere.
///
/// A wake-up is kept: it ends the present park or the next one. A park may
/// also end without one, so whoever parks looks again at what it waits for.
#[derive(Debug)]
pub(in crate::runtime) enum Seat {
    Pinned(pinned::Seat),
    /// Shared, since a wake-up may still be on its way when the coroutine ends.
    May(Arc<may::Seat>),
}

impl Seat {
    /// A seat of the engine that runs.
    pub(in crate::runtime) fn new() -> Seat {
        match chosen() {
            Engine::Pinned => Seat::Pinned(pinned::Seat::new()),
            Engine::May => Seat::May(Arc::new(may::Seat::new())),
        }
    }

    /// Suspends the running coroutine, whose seat this must be, until a
    /// wake-up or until `until`.
    pub(in crate::runtime) fn park(&self, until: u64) {
        match self {
            Seat::Pinned(seat) => seat.park(until),
            Seat::May(seat) => seat.park(until),
        }
    }

    /// Ends the present or the next park.
    pub(in crate::runtime) fn wake(&self) {
        match self {
            Seat::Pinned(seat) => seat.wake(),
            Seat::May(seat) => seat.wake(),
        }
    }

    /// Ends the present wait of any kind, that for a descriptor too.
    pub(in crate::runtime) fn rouse(&self) {
        match self {
            Seat::Pinned(seat) => seat.wake(),
            Seat::May(seat) => seat.rouse(),
        }
    }

    /// Goes to the end of the line, behind the sockets that are ready.
    pub(in crate::runtime) fn step_aside(&self) {
        match self {
            Seat::Pinned(seat) => seat.step_aside(),
            Seat::May(seat) => seat.step_aside(),
        }
    }

    /// The coroutine's last step: what still points at the seat lets go of it.
    pub(in crate::runtime) fn finish(&self) {
        match self {
            Seat::Pinned(seat) => seat.finish(),
            Seat::May(seat) => seat.finish(),
        }
    }

    /// Notes, for who looks on, that a wait begins.
    #[inline]
    pub(in crate::runtime) fn note_time(&self, stamp: u32) {
        self.since_word().store(stamp, Ordering::Relaxed);
    }

    /// When the present wait began, as [`note_time`](Seat::note_time) had it.
    pub(in crate::runtime) fn since(&self) -> u32 {
        self.since_word().load(Ordering::Relaxed)
    }

    fn since_word(&self) -> &AtomicU32 {
        match self {
            Seat::Pinned(seat) => seat.since(),
            Seat::May(seat) => seat.since(),
        }
    }

    /// When the present wait ends at the latest, for who looks on.
    pub(in crate::runtime) fn wake_at(&self) -> u64 {
        match self {
            Seat::Pinned(seat) => seat.wake_at(),
            Seat::May(seat) => seat.wake_at(),
        }
    }

    /// Whether it stands in its worker's queue, where that can be told.
    pub(in crate::runtime) fn is_queued(&self) -> bool {
        match self {
            Seat::Pinned(seat) => seat.is_queued(),
            Seat::May(_) => false,
        }
    }

    /// The worker that the coroutine was last seen on.
    pub(in crate::runtime) fn worker(&self) -> usize {
        match self {
            Seat::Pinned(seat) => seat.home(),
            Seat::May(seat) => seat.home(),
        }
    }

    /// What may be used of the coroutine's stack; empty before it has one.
    pub(in crate::runtime) fn stack(&self) -> Range<usize> {
        match self {
            Seat::Pinned(seat) => seat.stack(),
            Seat::May(seat) => seat.stack(),
        }
    }

    /// Whether `address` lies on the coroutine's stack or in the guard below.
    /// For a signal handler, about the coroutine that it interrupted.
    pub(in crate::runtime) fn has_on_stack(&self, address: usize) -> bool {
        match self {
            Seat::Pinned(seat) => seat.has_on_stack(address),
            Seat::May(seat) => seat.has_on_stack(address),
        }
    }
}
