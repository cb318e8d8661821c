//! Operations in a row, and when to let others run.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use super::end_read_on::EndReadOn;
use crate::runtime;

/// Operations that may succeed in a row before the coroutine lets others run:
/// a peer that always has more to say must not keep the worker to itself.
const OPERATIONS_BEFORE_YIELD: u8 = 16;

/// Reads of the end of a stream in a row before they become an error.
///
/// A loop that forgets to test for the end would otherwise never end.
const ENDS_BEFORE_ERROR: u8 = 100;

/// Counts what succeeded without a wait.
#[derive(Debug, Default)]
pub(super) struct Turns {
    uninterrupted: AtomicU8,
    ends_read: AtomicU8,
}

impl Turns {
    pub(super) fn count_operation(&self) {
        let count = self.uninterrupted.load(Ordering::Relaxed) + 1;
        if count < OPERATIONS_BEFORE_YIELD {
            self.uninterrupted.store(count, Ordering::Relaxed);
        } else {
            self.uninterrupted.store(0, Ordering::Relaxed);
            if runtime::in_coroutine() {
                runtime::yield_now();
            }
        }
    }

    /// True before the first of many operations in a row.
    pub(super) fn is_first(&self) -> bool {
        self.uninterrupted.load(Ordering::Relaxed) == 0
    }

    /// It waits, and others run meanwhile.
    pub(super) fn begin_anew(&self) {
        self.uninterrupted.store(0, Ordering::Relaxed);
    }

    /// Counts reads of the end of the stream, which never wait; a coroutine
    /// lets others run at each but the first, after which most are done.
    pub(super) fn count_end(&self) -> io::Result<()> {
        let ends = self.ends_read.load(Ordering::Relaxed).saturating_add(1);
        self.ends_read.store(ends, Ordering::Relaxed);
        if ends > ENDS_BEFORE_ERROR {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, EndReadOn(ends)));
        }
        if ends > 1 && runtime::in_coroutine() {
            runtime::yield_now();
        }
        Ok(())
    }

    pub(super) fn count_data(&self) {
        if self.ends_read.load(Ordering::Relaxed) != 0 {
            self.ends_read.store(0, Ordering::Relaxed);
        }
    }
}
