//! So many a second, and so many at once.

use super::shim::{AtomicU64, Ordering};

const SECOND: u64 = 1_000_000_000;

/// A rate in the long run, and what may come at once after a quiet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

impl Rate {
    /// Nanoseconds from one to the next.
    fn interval(self) -> u64 {
        SECOND / u64::from(self.per_second.max(1))
    }

    /// How far ahead of its time the last of a burst may come.
    fn tolerance(self) -> u64 {
        self.interval() * u64::from(self.burst.saturating_sub(1))
    }
}

/// When the next one is due if all came evenly: all that a leaky bucket has to
/// remember (the "generic cell rate algorithm" of ITU-T I.371).
#[derive(Debug, Default)]
pub(super) struct Meter {
    due: AtomicU64,
}

impl Meter {
    /// When one may come: now or earlier, unless too many came already.
    pub(super) fn ready_at(&self, rate: Rate) -> u64 {
        self.due.load(Ordering::Relaxed).saturating_sub(rate.tolerance())
    }

    /// Takes one at `now`; false, and nothing is taken, if it comes too soon.
    pub(super) fn try_take(&self, rate: Rate, now: u64) -> bool {
        let next = |due: u64| (due.saturating_sub(rate.tolerance()) <= now).then(|| due.max(now) + rate.interval());
        self.due
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    /// Takes one at `now`, also if it comes too soon: later ones wait longer.
    pub(super) fn take(&self, rate: Rate, now: u64) {
        let next = |due: u64| Some(due.max(now) + rate.interval());
        // Never refuses, so it never fails.
        let _ = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEN: Rate = Rate {
        per_second: 10,
        burst: 3,
    };

    #[test]
    fn a_burst_then_one_at_a_time() {
        let meter = Meter::default();
        let start = 5 * SECOND;
        let taken = |at| meter.try_take(TEN, at);
        assert_eq!(
            [taken(start), taken(start), taken(start), taken(start)],
            [true, true, true, false]
        );
        assert_eq!(meter.ready_at(TEN), start + SECOND / 10);
        assert!(!taken(start + SECOND / 10 - 1));
        assert!(taken(start + SECOND / 10));
        assert!(!taken(start + SECOND / 10));
        let later = start + 100 * SECOND;
        assert_eq!(
            [taken(later), taken(later), taken(later), taken(later)],
            [true, true, true, false]
        );
    }

    #[test]
    fn one_that_was_not_refused_in_time_is_made_up_for() {
        let meter = Meter::default();
        for _ in 0..5 {
            meter.take(TEN, SECOND);
        }
        assert_eq!(meter.ready_at(TEN), SECOND + 3 * SECOND / 10);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_rate_and_a_burst(
            per_second in 1..2_000_u32,
            burst in 1..50_u32,
            gaps in prop::collection::vec(0..20_000_000_u64, 1..400),
        ) {
            let (rate, meter) = (Rate { per_second, burst }, Meter::default());
            let (mut now, mut taken) = (SECOND, Vec::new());
            for gap in gaps {
                now += gap;
                if meter.try_take(rate, now) {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, until) in taken.iter().enumerate().skip(first) {
                    let allowed = u64::from(burst) + (until - from) / rate.interval();
                    prop_assert!((last - first + 1) as u64 <= allowed);
                }
            }
        }
    }
}
