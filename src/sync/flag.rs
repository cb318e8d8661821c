//! A flag that is set and cleared, and the queue for it: what an event is.

use super::lookout::{Notice, Notices};
use super::queue::{Granted, Parker, Place, Source, WaitQueue, Waiting};
use super::shim::{Mutex, WaitError, lock};

pub(super) struct Flag<P> {
    state: Mutex<State<P>>,
}

pub(super) struct State<P> {
    is_set: bool,
    waiting: WaitQueue<P, (), ()>,
    /// Of those who wait for other things too.
    notices: Notices<P>,
}

impl<P> State<P> {
    pub(super) const fn new() -> Self {
        State {
            is_set: false,
            waiting: WaitQueue::new(),
            notices: Notices::new(),
        }
    }
}

impl<P: Parker + Clone> Flag<P> {
    /// Takes the state in its lock: std's can be made in a constant, loom's
    /// cannot.
    pub(super) const fn new(state: Mutex<State<P>>) -> Self {
        Flag { state }
    }

    /// Tells all who wait, for whom a later `clear` changes nothing. Never
    /// waits.
    pub(super) fn set(&self) {
        let (granted, notices) = {
            let mut state = lock(&self.state);
            state.is_set = true;
            (state.waiting.grant_all(|()| ()), state.notices.take())
        };
        granted.into_iter().for_each(Granted::wake);
        notices.serve();
    }

    pub(super) fn clear(&self) {
        lock(&self.state).is_set = false;
    }

    pub(super) fn is_set(&self) -> bool {
        lock(&self.state).is_set
    }

    /// How many wait for it alone.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    pub(super) fn wait(&self, deadline: u64, current: impl FnOnce() -> P) -> Result<(), WaitError> {
        match self.queue(current) {
            None => Ok(()),
            Some(place) => Waiting::new(self, place).wait(deadline).map_err(|(err, ())| err),
        }
    }

    /// `None` when it is set.
    pub(super) fn queue(&self, current: impl FnOnce() -> P) -> Option<Place<P, ()>> {
        let mut state = lock(&self.state);
        let is_clear = !state.is_set;
        is_clear.then(|| state.waiting.enter(current(), ()))
    }

    /// Keeps a notice until the flag is set; serves it if it is.
    pub(super) fn watch(&self, notice: Notice<P>) -> Option<u64> {
        let mut state = lock(&self.state);
        if !state.is_set {
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

impl<P: Parker + Clone> Source for Flag<P> {
    type Parker = P;
    type Offer = ();
    type Grant = ();

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, (), ()>) -> R) -> R {
        f(&mut lock(&self.state).waiting)
    }

    /// Everybody was told anyway.
    fn take_back(&self, (): ()) {}
}
