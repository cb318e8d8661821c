//! A value that one owner at a time may reach, from whatever thread.
//!
//! std's mutex cannot hold the value of a lock that is kept across waits: its
//! guard must be dropped on the thread that locked it, and a coroutine may
//! have moved on by then.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

/// A lock that can be tried, and no more; waiting is added by who uses it.
pub(crate) struct Claimable<T: ?Sized> {
    claimed: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: through a shared reference the value is reached by a `Claim` only,
// and `claimed` lets one exist at a time, so threads take turns at owning the
// value and never share it: that asks for `Send` and no more.
unsafe impl<T: ?Sized + Send> Sync for Claimable<T> {}

/// The one way to the value; dropping it lets the next one claim.
pub(crate) struct Claim<'a, T: ?Sized> {
    cell: &'a Claimable<T>,
    /// To be `Send` and `Sync` as a reference to the value would be.
    exclusive: PhantomData<&'a mut T>,
}

impl<T> Claimable<T> {
    pub(crate) const fn new(value: T) -> Self {
        Claimable {
            claimed: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Claimable<T> {
    pub(crate) fn claim(&self) -> Option<Claim<'_, T>> {
        let free = !self.claimed.swap(true, Ordering::Acquire);
        // Made only then: its drop would give up what another one holds.
        free.then(|| Claim {
            cell: self,
            exclusive: PhantomData,
        })
    }

    pub(crate) fn as_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: ?Sized> Deref for Claim<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `claimed` was false when this claim was made and stays true
        // until it is dropped, so no other claim exists; `&mut` to the value
        // is made from this one only by `deref_mut`, which borrows it mutably.
        unsafe { &*self.cell.value.get() }
    }
}

impl<T: ?Sized> DerefMut for Claim<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and this claim is borrowed mutably.
        unsafe { &mut *self.cell.value.get() }
    }
}

impl<T: ?Sized> Drop for Claim<'_, T> {
    fn drop(&mut self) {
        self.cell.claimed.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_claim_is_refused_until_the_first_is_dropped() {
        let cell = Claimable::new(1);
        let mut first = cell.claim().unwrap();
        *first += 1;
        assert!(cell.claim().is_none());
        assert!(cell.claim().is_none(), "a refusal gave up the first one's claim");
        drop(first);
        assert_eq!(*cell.claim().unwrap(), 2);
        assert_eq!(cell.into_inner(), 2);
    }

    #[test]
    fn claims_in_turn_from_many_threads_lose_nothing() {
        let cell = Claimable::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let mut claim = loop {
                            match cell.claim() {
                                Some(claim) => break claim,
                                None => std::thread::yield_now(),
                            }
                        };
                        *claim += 1;
                    }
                });
            }
        });
        assert_eq!(cell.into_inner(), 4000);
    }
}
