//! A value that several may read or one may change, from whatever thread.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

/// The count that stands for one who may change the value.
const EXCLUSIVE: u64 = u64::MAX;

/// A reader-writer lock that can be tried, and no more; waiting is added by
/// who uses it.
pub(crate) struct SharedCell<T: ?Sized> {
    /// How many read, or `EXCLUSIVE`. No number of forgotten shares gets there.
    users: AtomicU64,
    value: UnsafeCell<T>,
}

// SAFETY: through a shared reference the value is reached by a `Share` or an
// `Exclusive` only, and `users` lets there be many of the one or one of the
// other. Shares lend it to several threads at once, which asks for `Sync`; an
// `Exclusive` lets threads take turns at owning it, which asks for `Send`.
unsafe impl<T: ?Sized + Send + Sync> Sync for SharedCell<T> {}

/// The right to read the value.
pub(crate) struct Share<'a, T: ?Sized> {
    cell: &'a SharedCell<T>,
    /// To be `Send` and `Sync` as a reference to the value would be.
    shared: PhantomData<&'a T>,
}

/// The right to change the value.
pub(crate) struct Exclusive<'a, T: ?Sized> {
    cell: &'a SharedCell<T>,
    /// To be `Send` and `Sync` as a reference to the value would be.
    exclusive: PhantomData<&'a mut T>,
}

impl<T> SharedCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        SharedCell {
            users: AtomicU64::new(0),
            value: UnsafeCell::new(value),
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> SharedCell<T> {
    /// `None` while somebody may change the value.
    pub(crate) fn share(&self) -> Option<Share<'_, T>> {
        let one_more = |users| (users < EXCLUSIVE - 1).then(|| users + 1);
        let shared = self.users.fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more);
        // Made only then: its drop would give up what another one holds.
        shared.is_ok().then(|| Share {
            cell: self,
            shared: PhantomData,
        })
    }

    /// `None` while somebody reads the value or may change it.
    pub(crate) fn exclude(&self) -> Option<Exclusive<'_, T>> {
        let excluded = self
            .users
            .compare_exchange(0, EXCLUSIVE, Ordering::Acquire, Ordering::Relaxed);
        // Made only then: its drop would give up what another one holds.
        excluded.is_ok().then(|| Exclusive {
            cell: self,
            exclusive: PhantomData,
        })
    }

    pub(crate) fn as_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<'a, T: ?Sized> Exclusive<'a, T> {
    /// Becomes the first of those who read.
    pub(crate) fn downgrade(self) -> Share<'a, T> {
        let cell = self.cell;
        mem::forget(self);
        cell.users.store(1, Ordering::Release);
        Share {
            cell,
            shared: PhantomData,
        }
    }
}

impl<T: ?Sized> Deref for Share<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this share is counted, so there is no `Exclusive`, and none
        // comes before it is dropped.
        unsafe { &*self.cell.value.get() }
    }
}

impl<T: ?Sized> Deref for Exclusive<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: nobody else was there when this was made, and nobody comes
        // before it is dropped; `&mut` to the value is made from this one only
        // by `deref_mut`, which borrows it mutably.
        unsafe { &*self.cell.value.get() }
    }
}

impl<T: ?Sized> DerefMut for Exclusive<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and this is borrowed mutably.
        unsafe { &mut *self.cell.value.get() }
    }
}

impl<T: ?Sized> Drop for Share<'_, T> {
    fn drop(&mut self) {
        self.cell.users.fetch_sub(1, Ordering::Release);
    }
}

impl<T: ?Sized> Drop for Exclusive<'_, T> {
    fn drop(&mut self) {
        self.cell.users.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_read_or_one_changes() {
        let cell = SharedCell::new(1);
        let (one, other) = (cell.share().unwrap(), cell.share().unwrap());
        assert!(cell.exclude().is_none());
        drop(one);
        assert!(cell.exclude().is_none());
        drop(other);
        let mut changer = cell.exclude().unwrap();
        for _ in 0..2 {
            assert!(cell.exclude().is_none());
            assert!(cell.share().is_none());
        }
        *changer += 1;
        let reader = changer.downgrade();
        assert!(cell.exclude().is_none());
        assert_eq!(*cell.share().unwrap() + *reader, 4);
        drop(reader);
        drop(cell.exclude().unwrap());
        assert_eq!(cell.into_inner(), 2);
    }

    #[test]
    fn changes_from_many_threads_are_whole_for_who_reads() {
        let cell = SharedCell::new((0, 0));
        std::thread::scope(|scope| {
            for number in 0..4 {
                let cell = &cell;
                scope.spawn(move || {
                    for _ in 0..1000 {
                        if number % 2 == 0 {
                            let read = insist(|| cell.share());
                            assert_eq!(read.0, read.1);
                        } else {
                            let mut changed = insist(|| cell.exclude());
                            changed.0 += 1;
                            changed.1 += 1;
                        }
                    }
                });
            }
        });
        assert_eq!(cell.into_inner(), (2000, 2000));
    }

    fn insist<R>(attempt: impl Fn() -> Option<R>) -> R {
        loop {
            match attempt() {
                Some(right) => return right,
                None => std::thread::yield_now(),
            }
        }
    }
}
