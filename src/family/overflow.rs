//! What the kernel threw away, from its running count.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Datagrams that the kernel threw away at one socket. The one loop that
/// receives there notes them.
#[derive(Debug, Default)]
pub(super) struct Overflow {
    seen: AtomicU32,
    fresh: AtomicU64,
}

impl Overflow {
    /// The kernel's count as it came with a datagram; it wraps. What looks like
    /// a step back is none of its counts: it is left out while it is zero.
    pub(super) fn note(&self, count: u32) {
        let more = count.wrapping_sub(self.seen.load(Ordering::Relaxed));
        if more != 0 && more <= u32::MAX / 2 {
            self.seen.store(count, Ordering::Relaxed);
            self.fresh.fetch_add(u64::from(more), Ordering::Relaxed);
        }
    }

    /// How many were noted since the last time.
    pub(super) fn take(&self) -> u64 {
        match self.fresh.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.fresh.swap(0, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_once_also_when_the_count_begins_anew() {
        let overflow = Overflow::default();
        for count in [0, 5, 5, 0, 7] {
            overflow.note(count);
        }
        assert_eq!((overflow.take(), overflow.take()), (7, 0));
        for count in [1 << 31, u32::MAX, 3] {
            overflow.note(count);
        }
        assert_eq!(overflow.take(), u64::from(u32::MAX) - 7 + 4);
    }
}
