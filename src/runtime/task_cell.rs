//! A value that one task at a time may reach, as often as it likes.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicU64;

use super::holder::Holder;
use super::task::Task;

/// A lock that can be tried, and that who holds it may take again; waiting is
/// added by who uses it.
pub(crate) struct TaskCell<T: ?Sized> {
    holder: Holder,
    value: T,
}

// SAFETY: through a shared reference the value is reached by an `Entry` only,
// and `holder` gives those to one task at a time. They are not `Send`, so all
// of them are on the thread that runs this task, wherever they were put: if it
// changes its thread, which takes the promise of `Config::may_change_threads`,
// none is left behind. So threads take turns at using the value and never share
// it, and that asks for `Send` and no more.
unsafe impl<T: ?Sized + Send> Sync for TaskCell<T> {}

/// The way to the value, for the task that holds it; it is free once all of
/// them are dropped.
pub(crate) struct Entry<'a, T: ?Sized> {
    cell: &'a TaskCell<T>,
    /// To be `Sync` as a reference to the value would be, and never `Send`.
    on_this_thread: PhantomData<(&'a T, MutexGuard<'a, ()>)>,
}

impl<T> TaskCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        TaskCell {
            holder: Holder::new(AtomicU64::new(0), AtomicU64::new(0)),
            value,
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value
    }
}

impl<T: ?Sized> TaskCell<T> {
    /// `None` when another task than the caller's holds it.
    pub(crate) fn enter(&self) -> Option<Entry<'_, T>> {
        let entered = Task::with_current(|task| self.holder.enter(task.id()));
        // Made only then: its drop would give up what another one holds.
        entered.then(|| Entry {
            cell: self,
            on_this_thread: PhantomData,
        })
    }

    /// Whether the task that runs the caller holds it.
    pub(crate) fn is_mine(&self) -> bool {
        Task::with_current(|task| self.holder.is(task.id()))
    }

    pub(crate) fn is_free(&self) -> bool {
        self.holder.is_free()
    }

    pub(crate) fn as_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized> Deref for Entry<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.cell.value
    }
}

impl<T: ?Sized> Drop for Entry<'_, T> {
    fn drop(&mut self) {
        self.cell.holder.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_free_when_the_last_entry_is_dropped_in_whatever_order() {
        let cell = TaskCell::new(1);
        let first = cell.enter().unwrap();
        let second = cell.enter().unwrap();
        let elsewhere = || std::thread::scope(|scope| scope.spawn(|| cell.enter().is_none()).join().unwrap());
        assert!(elsewhere());
        drop(first);
        assert!(cell.is_mine());
        assert!(elsewhere());
        assert_eq!(*second, 1);
        drop(second);
        assert!(cell.is_free());
        assert!(!elsewhere());
    }

    #[test]
    fn tasks_in_turn_lose_nothing() {
        let cell = TaskCell::new(std::cell::Cell::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let outer = loop {
                            match cell.enter() {
                                Some(entry) => break entry,
                                None => std::thread::yield_now(),
                            }
                        };
                        let inner = cell.enter().unwrap();
                        inner.set(outer.get() + 1);
                    }
                });
            }
        });
        assert_eq!(cell.into_inner().get(), 4000);
    }
}
