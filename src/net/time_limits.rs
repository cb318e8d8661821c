//! How long operations on a socket may take. Every limit there is ends up in
//! [`TimeLimits::next_wait`] and [`TimeLimits::check`], and nowhere else.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::pace::Progress;
use crate::error::WaitError;
use crate::runtime::{self, Direction, NEVER, earlier, passed};

/// Marks a timeout that bounds the whole operation, however many waits it
/// takes; without it, it bounds each wait. 2^63 ns are 292 years.
const WHOLE: u64 = 1 << 63;

/// The limits of one handle, for reading and for writing.
#[derive(Debug)]
pub(super) struct TimeLimits {
    /// In nanoseconds, perhaps with [`WHOLE`]; [`NEVER`] for none.
    timeouts: [AtomicU64; 2],
    /// Instants after which every operation fails; [`NEVER`] for none.
    deadlines: [AtomicU64; 2],
}

/// What a timeout bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bounds {
    Wait,
    Operation,
}

/// One operation, of as many parts as it takes: by when it must be done.
#[derive(Debug)]
pub(super) struct Due {
    direction: Direction,
    by: u64,
    /// What the connection's deadlines know of this operation.
    pub(super) progress: Progress,
}

impl Due {
    pub(super) fn new(direction: Direction) -> Due {
        Due {
            direction,
            by: NEVER,
            progress: Progress::default(),
        }
    }

    /// An operation with a limit of its own, beside those of the handle.
    pub(super) fn within(direction: Direction, limit: Duration) -> Due {
        Due {
            direction,
            by: runtime::after(limit),
            progress: Progress::default(),
        }
    }

    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// The clock of an operation starts with its first wait or its second part:
    /// one that is done at once asks for no time.
    fn begin(&mut self, limit: u64) {
        if self.by == NEVER {
            self.by = runtime::after(Duration::from_nanos(limit));
        }
    }
}

impl TimeLimits {
    pub(super) fn none() -> TimeLimits {
        TimeLimits {
            timeouts: [AtomicU64::new(NEVER), AtomicU64::new(NEVER)],
            deadlines: [AtomicU64::new(NEVER), AtomicU64::new(NEVER)],
        }
    }

    /// For a second handle, which changes its own from then on.
    pub(super) fn duplicate(&self) -> TimeLimits {
        let copy = |cells: &[AtomicU64; 2]| {
            cells
                .each_ref()
                .map(|cell| AtomicU64::new(cell.load(Ordering::Relaxed)))
        };
        TimeLimits {
            timeouts: copy(&self.timeouts),
            deadlines: copy(&self.deadlines),
        }
    }

    pub(super) fn timeout(&self, direction: Direction) -> Option<Duration> {
        match self.timeouts[at(direction)].load(Ordering::Relaxed) {
            NEVER => None,
            nanos => Some(Duration::from_nanos(nanos & !WHOLE)),
        }
    }

    /// Zero is refused, as std does.
    pub(super) fn set_timeout(
        &self,
        direction: Direction,
        bounds: Bounds,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let nanos = match (timeout, bounds) {
            (None, _) => NEVER,
            (Some(Duration::ZERO), _) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a timeout of zero would never let anything happen; use None for no timeout",
                ));
            }
            (Some(timeout), Bounds::Wait) => nanos(timeout),
            (Some(timeout), Bounds::Operation) => nanos(timeout) | WHOLE,
        };
        self.timeouts[at(direction)].store(nanos, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn set_deadline(&self, direction: Direction, deadline: Option<Instant>) {
        let deadline = deadline.map_or(NEVER, runtime::ticks);
        self.deadlines[at(direction)].store(deadline, Ordering::Relaxed);
    }

    /// Refuses an operation after the handle's deadline, ready or not.
    pub(super) fn check(&self, direction: Direction) -> io::Result<()> {
        expire(passed(self.deadlines[at(direction)].load(Ordering::Relaxed)))
    }

    /// Refuses the next part of an operation that has taken too long already,
    /// though it may never have waited.
    pub(super) fn check_part(&self, due: &mut Due) -> io::Result<()> {
        self.begin_whole(due);
        expire(passed(due.by))
    }

    /// By when the next wait of this operation must have ended.
    pub(super) fn next_wait(&self, due: &mut Due) -> u64 {
        let of_wait = match self.begin_whole(due) {
            NEVER => NEVER,
            nanos => runtime::after(Duration::from_nanos(nanos)),
        };
        let of_handle = self.deadlines[at(due.direction)].load(Ordering::Relaxed);
        earlier(earlier(of_wait, due.by), of_handle)
    }

    /// Starts the clock of the operation if the timeout bounds it whole;
    /// returns the timeout if it bounds each wait.
    fn begin_whole(&self, due: &mut Due) -> u64 {
        let nanos = self.timeouts[at(due.direction)].load(Ordering::Relaxed);
        if nanos & WHOLE == 0 {
            return nanos;
        }
        due.begin(nanos & !WHOLE);
        NEVER
    }
}

fn at(direction: Direction) -> usize {
    match direction {
        Direction::Read => 0,
        Direction::Write => 1,
    }
}

fn nanos(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_nanos()).map_or(WHOLE - 1, |nanos| nanos.min(WHOLE - 1))
}

fn expire(has_passed: bool) -> io::Result<()> {
    if has_passed {
        return Err(WaitError::Deadline.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn the_longest_timeout_is_no_other_kind_of_timeout() {
        let limits = TimeLimits::none();
        limits
            .set_timeout(Direction::Read, Bounds::Wait, Some(Duration::MAX))
            .unwrap();
        let mut due = Due::new(Direction::Read);
        assert_ne!(limits.next_wait(&mut due), NEVER);
        assert_eq!(due.by, NEVER);
        assert!(limits.timeout(Direction::Read).unwrap() > Duration::from_secs(1 << 33));
    }

    #[test]
    fn the_clock_of_an_operation_starts_once() {
        let limits = TimeLimits::none();
        limits.set_timeout(Direction::Write, Bounds::Operation, SECOND).unwrap();
        let mut due = Due::new(Direction::Write);
        let first = limits.next_wait(&mut due);
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(limits.next_wait(&mut due), first);
        assert_eq!(limits.timeout(Direction::Write), SECOND);
        assert_eq!(limits.timeout(Direction::Read), None);
    }

    #[test]
    fn the_earliest_limit_counts() {
        let limits = TimeLimits::none();
        limits.set_timeout(Direction::Read, Bounds::Wait, SECOND).unwrap();
        let soon = Instant::now() + Duration::from_millis(100);
        limits.set_deadline(Direction::Read, Some(soon));
        assert_eq!(limits.next_wait(&mut Due::new(Direction::Read)), runtime::ticks(soon));
        let mut due = Due::within(Direction::Read, Duration::ZERO);
        let by = due.by;
        assert_eq!(limits.next_wait(&mut due), by);
    }
}
