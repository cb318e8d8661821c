//! What an engine keeps for one coroutine.

use std::sync::Arc;

use super::{Engine, chosen, may, pinned};

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

    /// Whether `address` lies on the coroutine's stack or in the guard below.
    /// For a signal handler, about the coroutine that it interrupted.
    pub(in crate::runtime) fn has_on_stack(&self, address: usize) -> bool {
        match self {
            Seat::Pinned(seat) => seat.has_on_stack(address),
            Seat::May(seat) => seat.has_on_stack(address),
        }
    }
}
