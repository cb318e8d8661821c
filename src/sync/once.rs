//! A value that is set once and waited for by many: what a result is.

use std::sync::OnceLock;

use super::flag::{Flag, State};
use super::lookout::Notice;
use super::queue::Parker;
use super::shim::{Mutex, WaitError};

pub(super) struct Once<P, V> {
    value: OnceLock<V>,
    /// Set behind the value: who is told by it finds that.
    is_there: Flag<P>,
}

impl<P: Parker + Clone, V> Once<P, V> {
    /// As [`Flag::new`].
    pub(super) const fn new(state: Mutex<State<P>>) -> Self {
        Once {
            value: OnceLock::new(),
            is_there: Flag::new(state),
        }
    }

    /// Sets the value and tells all who wait; gives it back if there is one
    /// already. Never waits.
    pub(super) fn set(&self, value: V) -> Result<(), V> {
        self.value.set(value)?;
        self.is_there.set();
        Ok(())
    }

    pub(super) fn get(&self) -> Option<&V> {
        self.value.get()
    }

    pub(super) fn into_inner(self) -> Option<V> {
        self.value.into_inner()
    }

    /// Waits for the value, which is there for good.
    pub(super) fn wait(&self, deadline: u64, current: impl FnOnce() -> P) -> Result<&V, WaitError> {
        if self.get().is_none() {
            self.is_there.wait(deadline, current)?;
        }
        match self.get() {
            Some(value) => Ok(value),
            None => unreachable!("who need not wait, or has been told, finds the value"),
        }
    }

    /// Keeps a notice until the value comes; serves it when it is there.
    pub(super) fn watch(&self, notice: Notice<P>) -> Option<u64> {
        self.is_there.watch(notice)
    }

    pub(super) fn unwatch(&self, ticket: u64) {
        self.is_there.unwatch(ticket);
    }
}
