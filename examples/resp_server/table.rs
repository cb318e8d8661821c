//! What all clients share.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl Table {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.lock().get(key).cloned()
    }

    pub(crate) fn set(&self, key: &[u8], value: &[u8]) {
        self.lock().insert(key.to_owned(), value.to_owned());
    }

    /// The number after it has grown by one; `None` if it is none, or the
    /// largest one.
    pub(crate) fn increment(&self, key: &[u8]) -> Option<i64> {
        let mut table = self.lock();
        let number = match table.get(key) {
            Some(value) => std::str::from_utf8(value).ok()?.parse::<i64>().ok()?.checked_add(1)?,
            None => 1,
        };
        table.insert(key.to_owned(), number.to_string().into_bytes());
        Some(number)
    }

    /// How many of `keys` there were.
    pub(crate) fn remove(&self, keys: &[Vec<u8>]) -> i64 {
        let mut table = self.lock();
        let removed = keys.iter().filter(|key| table.remove(*key).is_some());
        removed.count() as i64
    }

    /// Nothing waits while it holds the lock, so no worker is ever stopped by
    /// it; and a panic leaves the table as whole as it found it.
    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
