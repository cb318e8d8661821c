//! How often workers stalled, and for how long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

static COUNT: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);
/// In nanoseconds.
static TOTAL: AtomicU64 = AtomicU64::new(0);
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// What the watchdog has seen since the start; see [`stalls`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stalls {
    /// How often a worker did not come back to its loop within
    /// [`Config::stall_after`](crate::runtime::Config::stall_after).
    pub count: u64,
    /// How many of these last now.
    pub ongoing: u64,
    /// How long all that are over took together.
    pub total: Duration,
    /// How long the longest of them took.
    pub longest: Duration,
}

/// How often a worker stalled since the start, and for how long. All zero with
/// the watchdog off.
///
/// ```
/// assert_eq!(greenserve::runtime::stalls().ongoing, 0);
/// ```
pub fn stalls() -> Stalls {
    // In this order, so that none is over before it is counted.
    let ended = ENDED.load(Ordering::Acquire);
    let count = COUNT.load(Ordering::Acquire);
    Stalls {
        count,
        ongoing: count - ended,
        total: Duration::from_nanos(TOTAL.load(Ordering::Relaxed)),
        longest: Duration::from_nanos(LONGEST.load(Ordering::Relaxed)),
    }
}

pub(super) fn begun() {
    COUNT.fetch_add(1, Ordering::Release);
}

pub(super) fn ended(after: Duration) {
    let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    TOTAL.fetch_add(nanos, Ordering::Relaxed);
    LONGEST.fetch_max(nanos, Ordering::Relaxed);
    ENDED.fetch_add(1, Ordering::Release);
}
