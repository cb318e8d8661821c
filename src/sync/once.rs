//! A value that is set once and waited for by many: what a result is.

use std::sync::OnceLock;

use super::lookout::{Notice, Notices};
use super::queue::{Granted, Parker, Place, Source, WaitQueue, Waiting};
use super::shim::{Mutex, WaitError, lock};

pub(super) struct Once<P, V> {
    /// Set under the lock of `state`: who finds it empty there and queues is
    /// told when it comes.
    value: OnceLock<V>,
    state: Mutex<State<P>>,
}

pub(super) struct State<P> {
    waiting: WaitQueue<P, (), ()>,
    notices: Notices<P>,
}

impl<P> State<P> {
    pub(super) const fn new() -> Self {
        State {
            waiting: WaitQueue::new(),
            notices: Notices::new(),
        }
    }
}

impl<P: Parker + Clone, V> Once<P, V> {
    /// Takes the state in its lock: std's can be made in a constant, loom's
    /// cannot.
    pub(super) const fn new(state: Mutex<State<P>>) -> Self {
        Once {
            value: OnceLock::new(),
            state,
        }
    }

    /// Sets the value and tells all who wait; gives it back if there is one
    /// already. Never waits.
    pub(super) fn set(&self, value: V) -> Result<(), V> {
        let (granted, notices) = {
            let mut state = lock(&self.state);
            self.value.set(value)?;
            (state.waiting.grant_all(|()| ()), state.notices.take())
        };
        granted.into_iter().for_each(Granted::wake);
        notices.serve();
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
        if let Some(place) = self.queue(current) {
            let waited = Waiting::new(self, place).wait(deadline);
            waited.map_err(|(err, ())| err)?;
        }
        match self.get() {
            Some(value) => Ok(value),
            None => unreachable!("who need not wait, or has been told, finds the value"),
        }
    }

    /// `None` when the value is there.
    fn queue(&self, current: impl FnOnce() -> P) -> Option<Place<P, ()>> {
        if self.get().is_some() {
            return None;
        }
        let mut state = lock(&self.state);
        let missing = self.get().is_none();
        missing.then(|| state.waiting.enter(current(), ()))
    }

    /// Keeps a notice until the value comes; serves it when it is there.
    pub(super) fn watch(&self, notice: Notice<P>) -> Option<u64> {
        let mut state = lock(&self.state);
        if self.get().is_none() {
            return Some(state.notices.enter(notice));
        }
        drop(state);
        notice.serve();
        None
    }

    pub(super) fn unwatch(&self, ticket: u64) {
        let withdrawn = lock(&self.state).notices.withdraw(ticket);
        drop(withdrawn);
    }
}

impl<P: Parker + Clone, V> Source for Once<P, V> {
    type Parker = P;
    type Offer = ();
    type Grant = ();

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, (), ()>) -> R) -> R {
        f(&mut lock(&self.state).waiting)
    }

    /// Everybody was told anyway.
    fn take_back(&self, (): ()) {}
}
