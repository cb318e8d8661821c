//! One way to take a lock of std.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks what is never held across a wait. Every change made under it is complete
/// or not begun where something can panic, so poison means nothing.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
