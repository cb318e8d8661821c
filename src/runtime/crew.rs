//! Threads of the runtime that begin nothing of their own accord.

use std::sync::atomic::{AtomicUsize, Ordering};

static STANDING_BY: AtomicUsize = AtomicUsize::new(0);

/// The calling thread waits to be asked for something, until this is dropped.
#[derive(Debug)]
pub(super) struct StandsBy(());

impl StandsBy {
    pub(super) fn new() -> StandsBy {
        STANDING_BY.fetch_add(1, Ordering::SeqCst);
        StandsBy(())
    }
}

impl Drop for StandsBy {
    fn drop(&mut self) {
        STANDING_BY.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many threads do, the workers not counted.
pub(super) fn standing_by() -> usize {
    STANDING_BY.load(Ordering::SeqCst)
}
