//! A number of permits and the queue for them: what locks and semaphores are.
//!
//! A permit that is released while somebody waits never becomes free; it goes
//! to the first in the queue. So nobody who comes later can overtake, and
//! "free" and "somebody waits" exclude each other.

use super::queue::{Granted, Parker, Place, Source, WaitQueue, Waiting};
use super::shim::{Mutex, WaitError, lock};

pub(super) struct Permits<P> {
    state: Mutex<State<P>>,
}

pub(super) struct State<P> {
    free: usize,
    waiting: WaitQueue<P, (), ()>,
}

impl<P: Parker> State<P> {
    pub(super) const fn new(free: usize) -> Self {
        State {
            free,
            waiting: WaitQueue::new(),
        }
    }

    /// One permit to whoever waits first; all of `permits` become free when
    /// nobody does.
    fn hand_out(&mut self, permits: usize) -> Option<Granted<P, ()>> {
        let granted = self.waiting.grant_first(|()| ());
        if granted.is_none() {
            self.free = self.free.saturating_add(permits);
        }
        granted
    }
}

impl<P: Parker> Permits<P> {
    /// Takes the state in its lock: std's can be made in a constant, loom's
    /// cannot.
    pub(super) const fn new(state: Mutex<State<P>>) -> Self {
        Permits { state }
    }

    pub(super) fn free(&self) -> usize {
        lock(&self.state).free
    }

    /// How many wait for a permit.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    pub(super) fn try_acquire(&self) -> bool {
        let mut state = lock(&self.state);
        let free = state.free > 0;
        state.free -= usize::from(free);
        free
    }

    pub(super) fn acquire(&self, deadline: u64, current: impl FnOnce() -> P) -> Result<(), WaitError> {
        match self.take_or_queue(current) {
            None => Ok(()),
            Some(place) => Waiting::new(self, place).wait(deadline).map_err(|(err, ())| err),
        }
    }

    /// `None` when a permit was free.
    pub(super) fn take_or_queue(&self, current: impl FnOnce() -> P) -> Option<Place<P, ()>> {
        let mut state = lock(&self.state);
        if state.free > 0 {
            state.free -= 1;
            return None;
        }
        Some(state.waiting.enter(current(), ()))
    }

    /// Never waits, so that a destructor may call it.
    pub(super) fn release(&self, permits: usize) {
        for left in (1..=permits).rev() {
            let granted = lock(&self.state).hand_out(left);
            match granted {
                Some(granted) => granted.wake(),
                None => return,
            }
        }
    }
}

impl<P: Parker> Source for Permits<P> {
    type Parker = P;
    type Offer = ();
    type Grant = ();

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, (), ()>) -> R) -> R {
        f(&mut lock(&self.state).waiting)
    }

    fn take_back(&self, (): ()) {
        self.release(1);
    }
}
