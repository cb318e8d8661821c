//! Whether this program itself stood still: stopped, or without a processor.
//!
//! In a closed loop nothing else tells: no client sends meanwhile, and the time
//! in which none did is in no answer but the few that were on their way. In an
//! open loop the send lag tells, unless every client waited for an answer.

use std::time::{Duration, Instant};

/// What a thread that sleeps may be late by on a machine that has other work.
const TOLERATED: Duration = Duration::from_millis(250);

/// Adds up the times by which a watch was late.
#[derive(Debug)]
pub(crate) struct Standstill {
    looked: Instant,
    total: Duration,
}

impl Standstill {
    /// From now on.
    pub(crate) fn watch() -> Standstill {
        Standstill {
            looked: Instant::now(),
            total: Duration::ZERO,
        }
    }

    /// Looks up, at `now`, at most `nap` after the last time if nothing was in
    /// the way.
    pub(crate) fn look(&mut self, now: Instant, nap: Duration) {
        let late = now.saturating_duration_since(self.looked).saturating_sub(nap);
        if late > TOLERATED {
            self.total += late;
        }
        self.looked = now;
    }

    /// All of them.
    pub(crate) fn total(&self) -> Duration {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_more_than_tolerated_is_added_up() {
        let mut standstill = Standstill::watch();
        let (begin, nap) = (standstill.looked, Duration::from_millis(50));
        for (at, total) in [(50, 0), (350, 0), (651, 251), (700, 251), (1750, 1251)] {
            standstill.look(begin + Duration::from_millis(at), nap);
            assert_eq!(standstill.total(), Duration::from_millis(total), "{at}");
        }
    }
}
