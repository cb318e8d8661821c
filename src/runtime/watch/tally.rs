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

/// How often a worker stalled since the start, and for how long: gevent's
/// monitor thread (`max_blocking_time`). All zero with the watchdog off.
///
/// A worker stalls when it has not come back to its loop for
/// [`Config::stall_after`](crate::runtime::Config::stall_after): a handler
/// computes, sits in a call that blocks, or waits for a std lock that another
/// coroutine of the worker holds. It is reported once as a warning in the log:
/// the coroutine's name, whether it computes or is blocked, and the calls that
/// it is in, as a signal (SIGURG) finds them. When the worker is back a second
/// line tells how long it took, to about a fiftieth.
///
/// The calls are found without frame pointers; their files and lines are known
/// where there is debug information. There are none on processors other than
/// x86-64 and AArch64, where the system does not let the thread run for 200 ms
/// while it lets the watchdog, or where a program whose `main` is not Rust's
/// gives its threads no stack for signals; the report says so. With the engine
/// `may` only coroutines of this crate are watched.
///
/// When all coroutines wait for each other and nothing is left that could wake
/// one of them, that is said too, once: no worker has anything to do, no timer
/// runs, no descriptor is waited for, and no thread of the process does anything
/// but wait for a coroutine. With the engine `may` it is not, since which threads
/// there are is not known.
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
