//! Instants as nanoseconds in a word, so that a deadline fits in an atomic.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// No deadline.
pub(crate) const NEVER: u64 = 0;

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    // A second back, so that no instant of this process reads as NEVER.
    *ORIGIN.get_or_init(|| Instant::now() - Duration::from_secs(1))
}

/// Nanoseconds now, on the scale of [`ticks`]: not later than that says, and
/// for a third of the price, since it is asked at each wait with a deadline.
pub(crate) fn now() -> u64 {
    monotonic(libc::CLOCK_MONOTONIC).saturating_sub(scale()).max(1)
}

/// As [`now`], a few milliseconds late and at a quarter of the price: for what
/// is noted at each switch and read by people.
pub(crate) fn coarse() -> u64 {
    monotonic(libc::CLOCK_MONOTONIC_COARSE).saturating_sub(scale()).max(1)
}

/// What the kernel's clock says more than [`ticks`].
fn scale() -> u64 {
    static SCALE: OnceLock<u64> = OnceLock::new();
    // The kernel is asked last, so that `now` may lag and never runs ahead.
    *SCALE.get_or_init(|| {
        let ticks = ticks(Instant::now());
        monotonic(libc::CLOCK_MONOTONIC).saturating_sub(ticks)
    })
}

/// The clock that `Instant` reads.
fn monotonic(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the time into the record; both clocks exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The instant of what [`coarse`] said, in units of 17 ms that fit in a word
/// of half the size for two years.
pub(crate) fn stamp() -> u32 {
    (coarse() >> STAMP_SHIFT) as u32
}

/// How long ago a [`stamp`] was made.
pub(crate) fn since(stamp: u32) -> Duration {
    let units = self::stamp().wrapping_sub(stamp);
    Duration::from_nanos(u64::from(units) << STAMP_SHIFT)
}

const STAMP_SHIFT: u32 = 24;

/// An instant as nanoseconds; those before the process began read as its start.
pub(crate) fn ticks(instant: Instant) -> u64 {
    let since = instant.saturating_duration_since(origin()).as_nanos();
    u64::try_from(since).unwrap_or(u64::MAX).max(1)
}

/// The instant that lies `after` from now.
pub(crate) fn after(after: Duration) -> u64 {
    let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    now().saturating_add(nanos)
}

/// The earlier of two deadlines.
pub(crate) fn earlier(one: u64, other: u64) -> u64 {
    match (one, other) {
        (NEVER, deadline) | (deadline, NEVER) => deadline,
        (one, other) => one.min(other),
    }
}

/// How long from now until `deadline`: zero when it has passed, `None` for never.
pub(crate) fn remaining(deadline: u64) -> Option<Duration> {
    (deadline != NEVER).then(|| Duration::from_nanos(deadline.saturating_sub(now())))
}

/// True when `deadline` is set and lies behind us.
pub(crate) fn passed(deadline: u64) -> bool {
    deadline != NEVER && now() >= deadline
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_yields_to_any_deadline() {
        assert_eq!(earlier(NEVER, 7), 7);
        assert_eq!(earlier(7, NEVER), 7);
        assert_eq!(earlier(9, 7), 7);
        assert_eq!(earlier(NEVER, NEVER), NEVER);
    }

    #[test]
    fn the_clock_is_that_of_instants_and_not_ahead_of_it() {
        for _ in 0..1000 {
            let (before, now, after) = (ticks(Instant::now()), now(), ticks(Instant::now()));
            assert!(now <= after, "{now} {after}");
            assert!(now + 1_000_000 > before, "{before} {now}");
        }
    }

    #[test]
    fn the_coarse_clock_tells_the_same_time() {
        let (before, coarse, after) = (now(), coarse(), now());
        assert!(coarse <= after, "{coarse} {after}");
        assert!(coarse + 20_000_000 > before, "{coarse} {before}");
        assert!(since(stamp()) < Duration::from_millis(40));
        assert!(since(stamp().wrapping_sub(100)) >= Duration::from_millis(1600));
    }

    #[test]
    fn a_deadline_too_far_to_count_never_passes() {
        let far = after(Duration::MAX);
        assert!(!passed(far));
        assert!(!passed(NEVER));
        assert!(passed(now()));
        assert_eq!(remaining(NEVER), None);
    }
}
