//! The watchdog: a thread that notices what nobody else is left to notice.
//!
//! - A worker that has not come back to its loop for a while: a handler
//!   computes, sits in a call that blocks, or waits for a lock of std. See
//!   [`stall`].
//! - All coroutines wait for each other and nothing is left that could wake
//!   one of them. See [`standstill`].
//!
//! It costs the workers nothing but what they tell anyway, the time at which
//! each turn of their loop begins, and it sleeps without end while they do.

mod interrupt;
mod report;
mod stall;
mod standstill;
mod tally;
mod watchdog;

use std::io;
use std::time::Duration;

use super::engine::post;

pub use tally::{Stalls, stalls};

/// To be called before the workers start, if they shall be watched.
pub(super) fn prepare() -> io::Result<()> {
    post::expect_signals();
    interrupt::install()
}

/// Starts to watch the workers, which run.
pub(super) fn start(limit: Duration) -> io::Result<()> {
    watchdog::start(limit)
}
