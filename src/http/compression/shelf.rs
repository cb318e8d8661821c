//! Coders that are lent out, as many at once as memory shall hold.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::coder::Coder;
use crate::runtime::lock;

/// Coders that are kept for the next bodies: as many as are likely to be used
/// at once where each is used for less than a millisecond.
const KEPT: usize = 8;

/// Coders of one level.
#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) level: u32,
    /// How many may be lent at once.
    pub(super) most: usize,
    lent: AtomicUsize,
    /// Boxed, since they go from hand to hand.
    #[allow(clippy::vec_box, reason = "a coder is moved more often than the shelf grows")]
    free: Mutex<Vec<Box<Coder>>>,
}

impl Shelf {
    pub(super) fn new(level: u32, most: usize) -> Shelf {
        Shelf {
            level,
            most,
            lent: AtomicUsize::new(0),
            free: Mutex::default(),
        }
    }

    /// A coder for a new body; `None` if as many are lent as may be.
    pub(super) fn lend(self: &Arc<Shelf>) -> Option<Lent> {
        let more = |lent: usize| (lent < self.most).then_some(lent + 1);
        self.lent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        let kept = lock(&self.free).pop();
        let coder = match kept {
            Some(mut coder) => {
                coder.reset();
                coder
            }
            None => Box::new(Coder::new(self.level)),
        };
        Some(Lent {
            coder: Some(coder),
            shelf: Arc::clone(self),
        })
    }
}

/// A coder that goes back to its shelf.
#[derive(Debug)]
pub(super) struct Lent {
    /// Until it is dropped.
    coder: Option<Box<Coder>>,
    shelf: Arc<Shelf>,
}

impl Lent {
    pub(super) fn coder(&mut self) -> Option<&mut Coder> {
        self.coder.as_deref_mut()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(coder) = self.coder.take() {
            let mut free = lock(&self.shelf.free);
            if free.len() < KEPT {
                free.push(coder);
            }
        }
        self.shelf.lent.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_lent_than_may_be_and_few_are_kept() {
        let shelf = Arc::new(Shelf::new(1, 10));
        for _ in 0..2 {
            let lent: Vec<_> = std::iter::from_fn(|| shelf.lend()).collect();
            assert_eq!(lent.len(), 10);
        }
        assert_eq!(lock(&shelf.free).len(), KEPT);
    }
}
