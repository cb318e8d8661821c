//! Values of which every coroutine has its own.

use std::fmt;
use std::sync::Arc;

use super::task::{Inherit, Kept, Task, Value};

/// A value of which every coroutine and every thread has its own, made when it
/// is first asked for: `gevent.local`, and `thread_local!` for coroutines.
///
/// ```
/// use greenserve::runtime::{self, Local};
/// use std::cell::Cell;
///
/// static CALLS: Local<Cell<u32>> = Local::new(|| Cell::new(0));
///
/// CALLS.with(|calls| calls.set(5));
/// let theirs = runtime::spawn(|| CALLS.with(Cell::get))?;
/// assert_eq!(theirs.join().expect("no panic"), 0);
/// assert_eq!(CALLS.with(Cell::get), 5);
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// A coroutine's values are dropped when its function has returned or
/// panicked, before whoever joins it is told; a thread's when it ends. Their
/// destructors may use this and other `Local`s, and in a coroutine they may
/// wait. What they make anew is dropped in turn, but not for ever: after four
/// rounds a value lives no longer than the call that asks for it. So it does
/// in what a thread drops at its end.
///
/// The coroutine that is spawned has values of its own, unless the `Local` is
/// [`inherited`](Local::inherited). A value must be [`Send`], since on the
/// engine `may` a coroutine may change its thread; it need not be [`Sync`].
///
/// ```compile_fail,E0277
/// use greenserve::runtime::Local;
/// use std::rc::Rc;
///
/// static SHARED: Local<Rc<u32>> = Local::new(|| Rc::new(1));
/// SHARED.with(|shared| println!("{shared}"));
/// ```
pub struct Local<T: 'static> {
    init: fn() -> T,
    inherit: Option<Inherit>,
}

/// One task's value.
struct Slot<T>(T);

// SAFETY: a slot is reached only through the task that has it, by calls that
// this very task makes: by `with`, `get` and `take` on it, and by what it
// spawns and inherits a copy. One task runs on one thread at a time, and gives
// the slot to no other; a reference to the value that leaves for another thread
// asks for `T: Sync` by itself. It is dropped by the task, or with it when
// nothing runs in it any more. So threads take turns, which asks for `Send`.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T: Send + 'static> Local<T> {
    /// A value that `init` makes, once in every coroutine and thread that asks
    /// for it. For a `static`.
    pub const fn new(init: fn() -> T) -> Local<T> {
        Local { init, inherit: None }
    }

    /// As [`new`](Local::new), but a coroutine begins with a clone of the value
    /// of who spawned it, as it was then, if there was one: Python's
    /// `contextvars` under gevent.
    ///
    /// ```
    /// use greenserve::runtime::{self, Local};
    ///
    /// static REQUEST: Local<u64> = Local::inherited(|| 0);
    ///
    /// REQUEST.set(17);
    /// let helper = runtime::spawn(|| REQUEST.get())?;
    /// assert_eq!(helper.join().expect("no panic"), 17);
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    pub const fn inherited(init: fn() -> T) -> Local<T>
    where
        T: Clone,
    {
        Local {
            init,
            inherit: Some(cloned::<T>),
        }
    }

    /// Calls `f` with the caller's value.
    ///
    /// `init` must not ask for the value that it makes: it would be called
    /// again.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        // A reference of its own, since `f` may set another value.
        f(&self.slot().0)
    }

    /// A clone of the caller's value.
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Gives the caller another value; the one before is dropped, once no
    /// [`with`](Local::with) around this call uses it.
    pub fn set(&'static self, value: T) {
        let before = self.keep(Arc::new(Slot(value)));
        drop(before);
    }

    /// Takes the caller's value away; the next call makes it anew. `None` when
    /// there is none, and when a [`with`](Local::with) around this call uses it.
    pub fn take(&'static self) -> Option<T> {
        let kept = Task::with_current(|task| task.give_up(self.key()))?;
        let slot = kept.value.downcast::<Slot<T>>().ok()?;
        match Arc::try_unwrap(slot) {
            Ok(Slot(value)) => Some(value),
            Err(in_use) => {
                self.keep(in_use);
                None
            }
        }
    }

    fn slot(&'static self) -> Arc<Slot<T>> {
        let kept = Task::with_current(|task| task.kept(self.key()));
        if let Some(Ok(slot)) = kept.map(|kept| kept.value.downcast()) {
            return slot;
        }
        let slot = Arc::new(Slot((self.init)()));
        let before = self.keep(Arc::clone(&slot) as Arc<_>);
        drop(before);
        slot
    }

    fn keep(&'static self, slot: Arc<Slot<T>>) -> Option<Kept> {
        let kept = Kept {
            key: self.key(),
            value: slot,
            inherit: self.inherit,
        };
        Task::with_current(|task| task.keep(kept))
    }

    /// The address, which a static has for itself.
    fn key(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

/// What a coroutine inherits under a key of `T`.
fn cloned<T: Clone + Send + 'static>(value: &Value) -> Arc<Value> {
    match value.downcast_ref::<Slot<T>>() {
        Some(Slot(value)) => Arc::new(Slot(value.clone())),
        None => unreachable!("a key has values of one type"),
    }
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("inherited", &self.inherit.is_some())
            .finish_non_exhaustive()
    }
}
