//! A descriptor that the engine watches.

use std::io;
use std::os::fd::RawFd;

use super::choice::{Engine, chosen};
use super::edges::{Direction, Edges, Mark};
use super::seat::Seat;
use super::{may, pinned};
use crate::error::WaitError;

/// A registration for everything a descriptor may report, edge-triggered.
///
/// Owns the registration, not the descriptor: it must be dropped before the
/// descriptor is closed, or it would remove whatever got the number next.
#[derive(Debug)]
pub(in crate::runtime) enum Interest {
    Pinned(pinned::Interest),
    May(Box<may::Interest>),
}

/// A coroutine's place at an [`Interest`], from before it looks at the reports
/// until it has done waiting.
pub(in crate::runtime) enum Waiting<'a> {
    Pinned(pinned::Claim<'a>),
    May(may::Turn<'a>),
}

impl Interest {
    /// Makes `fd` non-blocking and registers it. Must be called by a coroutine.
    pub(in crate::runtime) fn register(fd: RawFd) -> io::Result<Interest> {
        match chosen() {
            Engine::Pinned => pinned::Interest::register(fd).map(Interest::Pinned),
            Engine::May => may::Interest::register(fd).map(Box::new).map(Interest::May),
        }
    }

    pub(in crate::runtime) fn descriptor(&self) -> RawFd {
        match self {
            Interest::Pinned(interest) => interest.descriptor(),
            Interest::May(interest) => interest.descriptor(),
        }
    }

    #[inline]
    pub(super) fn edges(&self) -> &Edges {
        match self {
            Interest::Pinned(interest) => interest.edges(),
            Interest::May(interest) => interest.edges(),
        }
    }

    pub(in crate::runtime) fn mark(&self, direction: Direction) -> Mark {
        self.edges().mark(direction)
    }

    pub(in crate::runtime) fn worth_trying(&self, direction: Direction) -> bool {
        self.edges().worth_trying(direction)
    }

    pub(in crate::runtime) fn exhausted(&self, direction: Direction, mark: Mark) {
        self.edges().exhausted(direction, mark);
    }

    pub(in crate::runtime) fn would_block(&self, direction: Direction, mark: Mark) {
        self.edges().would_block(direction, mark);
    }

    pub(in crate::runtime) fn assume(&self, direction: Direction) {
        self.edges().assume(direction);
    }

    /// Takes the place of who waits for `direction`. `seat` is that of the
    /// running coroutine.
    ///
    /// # Errors
    /// [`WaitError::Busy`] when somebody waits there already.
    pub(in crate::runtime) fn begin<'a>(
        &'a self,
        direction: Direction,
        seat: &'a Seat,
    ) -> Result<Waiting<'a>, WaitError> {
        match (self, seat) {
            (Interest::Pinned(interest), Seat::Pinned(seat)) => interest.claim(direction, seat).map(Waiting::Pinned),
            (Interest::May(interest), Seat::May(seat)) => interest.take_turn(seat).map(Waiting::May),
            _ => unreachable!("one engine runs, and made both"),
        }
    }
}

impl Waiting<'_> {
    /// Suspends the coroutine until something is reported, it is woken, or
    /// `until`; may return early. True when it was the kernel that ended it
    /// and nobody else.
    pub(in crate::runtime) fn suspend(&mut self, until: u64) -> bool {
        match self {
            Waiting::Pinned(claim) => claim.suspend(until),
            Waiting::May(turn) => turn.suspend(until),
        }
    }
}
