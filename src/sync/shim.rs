//! What the hand-off is made of, named in one place: the loom tests include
//! the hand-off's files beside a shim of their own.

use std::sync::{MutexGuard, PoisonError};

pub(super) use crate::error::WaitError;
pub(super) use std::sync::{Arc, Mutex};

/// Locks what is never held across a wait; poison means nothing, since every
/// change made under these locks is complete or not begun.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
