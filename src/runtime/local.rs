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
/// rounds there are no more values, and none in what a thread drops at its end.
/// To ask for one then is a panic, which ends that destructor and is logged.
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
    ///
    /// # Panics
    /// In the destructors that run last of all: see [`Local`].
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        // A reference of its own, since `f` may set another value.
        let Some(slot) = self.slot() else {
            // What it holds might come here again from its own destructor.
            std::mem::forget(f);
            panic!("a coroutine or thread that has dropped its values was asked for one");
        };
        f(&slot.0)
    }

    /// A clone of the caller's value.
    ///
    /// # Panics
    /// As [`with`](Local::with).
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Gives the caller another value; the one before is dropped, once no
    /// [`with`](Local::with) around this call uses it.
    ///
    /// In the destructors that run last of all, `value` is forgotten: its own
    /// might set one again.
    pub fn set(&'static self, value: T) {
        let kept = self.kept_as(Arc::new(Slot(value)));
        match Task::with_current(|task| task.keep(kept)) {
            Ok(before) => drop(before),
            Err(too_late) => std::mem::forget(too_late),
        }
    }

    /// Takes the caller's value away; the next call makes it anew. `None` when
    /// there is none, and when a [`with`](Local::with) around this call uses it.
    pub fn take(&'static self) -> Option<T> {
        let kept = Task::with_current(|task| task.give_up(self.key()))?;
        let slot = kept.value.downcast::<Slot<T>>().ok()?;
        match Arc::try_unwrap(slot) {
            Ok(Slot(value)) => Some(value),
            Err(in_use) => {
                let kept = self.kept_as(in_use);
                let before = Task::with_current(|task| task.keep(kept));
                drop(before);
                None
            }
        }
    }

    /// `None` when there are no values any more.
    fn slot(&'static self) -> Option<Arc<Slot<T>>> {
        let kept = Task::with_current(|task| task.kept(self.key()));
        if let Some(Ok(slot)) = kept.map(|kept| kept.value.downcast()) {
            return Some(slot);
        }
        if Task::with_current(|task| task.keeps_nothing()) {
            return None;
        }
        let slot = Arc::new(Slot((self.init)()));
        let kept = self.kept_as(Arc::clone(&slot));
        let before = Task::with_current(|task| task.keep(kept));
        drop(before);
        Some(slot)
    }

    fn kept_as(&'static self, slot: Arc<Slot<T>>) -> Kept {
        Kept {
            key: self.key(),
            value: slot,
            inherit: self.inherit,
        }
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
