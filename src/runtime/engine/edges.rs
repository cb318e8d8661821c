//! What the kernel said of a descriptor, and how much of it was used up.
//!
//! Registrations are edge-triggered: the kernel tells once that a socket
//! became readable, and no more until that is used up. So reports are counted
//! here, and whoever finds the kernel empty notes up to which report that
//! holds. A report that comes in the same moment has a higher number and is
//! not lost, whichever thread notes what.

use std::sync::atomic::{AtomicU32, Ordering};

use super::readout::Readout;

/// What an operation or a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// How many reports there were before an operation was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u32);

#[derive(Debug)]
pub(super) struct Edges {
    reported: [AtomicU32; 2],
    used_up: [AtomicU32; 2],
    /// Which report of reading said last that the peer sends no more; 0 for
    /// none. Until reading blocks after all, reads then return at once, and a
    /// short one must not make the next wait for a report that never comes.
    closed_at: AtomicU32,
}

impl Edges {
    /// A write is worth a try at once, a read only after a report.
    pub(super) fn new() -> Edges {
        Edges {
            reported: [AtomicU32::new(1), AtomicU32::new(1)],
            used_up: [AtomicU32::new(1), AtomicU32::new(0)],
            closed_at: AtomicU32::new(0),
        }
    }

    /// Takes in what a poll said. By one thread at a time.
    ///
    /// `SeqCst`, since who waits from another thread announces itself first
    /// and then looks here, while this side reports first and then looks who
    /// waits.
    pub(super) fn report(&self, readout: Readout) {
        if readout.readable() {
            let next = self.reported[0].load(Ordering::Relaxed).wrapping_add(1);
            if readout.read_closed() {
                self.closed_at.store(next, Ordering::Relaxed);
            }
            self.reported[0].store(next, Ordering::SeqCst);
        }
        if readout.writable() {
            let next = self.reported[1].load(Ordering::Relaxed).wrapping_add(1);
            self.reported[1].store(next, Ordering::SeqCst);
        }
    }

    pub(super) fn mark(&self, direction: Direction) -> Mark {
        Mark(self.reported[direction.index()].load(Ordering::SeqCst))
    }

    /// False when an operation would only return EAGAIN.
    pub(super) fn worth_trying(&self, direction: Direction) -> bool {
        self.mark(direction).0 != self.used_up[direction.index()].load(Ordering::Relaxed)
    }

    /// An operation tried after `mark` moved less than it could: the kernel
    /// had nothing more. After the peer's end this is not believed.
    pub(super) fn exhausted(&self, direction: Direction, mark: Mark) {
        if direction == Direction::Read && self.is_closed() {
            return;
        }
        self.used_up[direction.index()].store(mark.0, Ordering::Relaxed);
    }

    /// An operation tried after `mark` returned EAGAIN, whatever was concluded
    /// before.
    pub(super) fn would_block(&self, direction: Direction, mark: Mark) {
        self.used_up[direction.index()].store(mark.0, Ordering::Relaxed);
    }

    /// Somebody knows better than what was concluded here.
    pub(super) fn assume(&self, direction: Direction) {
        let before = self.mark(direction).0.wrapping_sub(1);
        self.used_up[direction.index()].store(before, Ordering::Relaxed);
    }

    /// Whether the peer's end was reported and not yet disproved. The count
    /// wraps, so the two are compared by their distance.
    fn is_closed(&self) -> bool {
        let closed_at = self.closed_at.load(Ordering::Relaxed);
        let used_up = self.used_up[Direction::Read.index()].load(Ordering::Relaxed);
        closed_at != 0 && closed_at.wrapping_sub(used_up).cast_signed() > 0
    }
}

impl Direction {
    pub(super) fn index(self) -> usize {
        match self {
            Direction::Read => 0,
            Direction::Write => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u32 = libc::EPOLLIN as u32;
    const END: u32 = libc::EPOLLRDHUP as u32;

    #[test]
    fn a_report_that_comes_while_the_kernel_is_found_empty_is_not_lost() {
        let edges = Edges::new();
        assert!(!edges.worth_trying(Direction::Read));
        edges.report(Readout::new(DATA));
        let mark = edges.mark(Direction::Read);
        edges.report(Readout::new(DATA));
        edges.would_block(Direction::Read, mark);
        assert!(edges.worth_trying(Direction::Read));
    }

    #[test]
    fn after_the_peers_end_a_short_read_means_nothing() {
        let edges = Edges::new();
        edges.report(Readout::new(DATA));
        let mark = edges.mark(Direction::Read);
        edges.report(Readout::new(DATA | END));
        edges.exhausted(Direction::Read, mark);
        edges.exhausted(Direction::Read, edges.mark(Direction::Read));
        assert!(edges.worth_trying(Direction::Read), "the end is still to be read");
    }

    #[test]
    fn an_end_that_was_none_is_forgotten_once_a_read_blocks() {
        let edges = Edges::new();
        edges.report(Readout::new(libc::EPOLLERR as u32));
        edges.would_block(Direction::Read, edges.mark(Direction::Read));
        edges.report(Readout::new(DATA));
        edges.exhausted(Direction::Read, edges.mark(Direction::Read));
        assert!(!edges.worth_trying(Direction::Read));
    }

    #[test]
    fn a_write_is_worth_a_try_from_the_start() {
        assert!(Edges::new().worth_trying(Direction::Write));
    }
}
