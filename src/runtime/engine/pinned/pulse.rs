//! Whether a worker comes back to its loop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::clock::NEVER;

/// How long a worker may be away from its loop before it is held up: it gets
/// no new clients while another worker is not.
pub(super) const HELD_UP_AFTER: Duration = Duration::from_millis(10);

/// When the worker last left its loop to run coroutines; [`NEVER`] while it
/// sleeps.
#[derive(Debug)]
pub(super) struct Pulse(AtomicU64);

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse(AtomicU64::new(NEVER))
    }

    pub(super) fn beat(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }

    pub(super) fn rest(&self) {
        self.0.store(NEVER, Ordering::Relaxed);
    }

    pub(super) fn is_held_up(&self, now: u64) -> bool {
        let since = self.0.load(Ordering::Relaxed);
        since != NEVER && now.saturating_sub(since) > HELD_UP_AFTER.as_nanos() as u64
    }
}
