//! Who reads, who writes, and the one queue for both: what a reader-writer
//! lock is.
//!
//! Nobody enters while somebody waits, so readers cannot pass a writer by, nor
//! a writer readers. Whenever somebody goes, from inside or from the queue,
//! the first in the queue enters if it may, and then the next: a writer alone,
//! readers together.

use super::queue::{Granted, Parker, Place, Source, WaitQueue, Waiting};
use super::shim::{Mutex, WaitError, lock};

#[derive(Clone, Copy)]
pub(super) enum Access {
    Read,
    Write,
}

pub(super) struct Shares<P> {
    state: Mutex<State<P>>,
}

pub(super) struct State<P> {
    inside: Inside,
    waiting: WaitQueue<P, Access, ()>,
}

#[derive(Clone, Copy)]
enum Inside {
    /// In 64 bits, so that no number of forgotten guards overflows it.
    Readers(u64),
    Writer,
}

impl Inside {
    /// Who is inside when one more has entered; `None` if it may not.
    fn with(self, access: Access) -> Option<Inside> {
        match (self, access) {
            (Inside::Readers(count), Access::Read) => Some(Inside::Readers(count + 1)),
            (Inside::Readers(0), Access::Write) => Some(Inside::Writer),
            _ => None,
        }
    }

    fn without_one(self) -> Inside {
        match self {
            Inside::Readers(count) => Inside::Readers(count.saturating_sub(1)),
            Inside::Writer => Inside::Readers(0),
        }
    }
}

impl<P: Parker> State<P> {
    /// Nobody is inside and nobody waits.
    pub(super) const fn new() -> Self {
        State {
            inside: Inside::Readers(0),
            waiting: WaitQueue::new(),
        }
    }

    /// For somebody who comes now, behind all who wait.
    fn enter(&mut self, access: Access) -> bool {
        self.waiting.first().is_none() && self.admit(access)
    }

    fn admit(&mut self, access: Access) -> bool {
        let inside = self.inside.with(access);
        self.inside = inside.unwrap_or(self.inside);
        inside.is_some()
    }

    fn admit_first(&mut self) -> Option<Granted<P, ()>> {
        let access = *self.waiting.first()?;
        self.admit(access).then(|| self.waiting.grant_first(|_| ()))?
    }
}

impl<P: Parker> Shares<P> {
    /// Takes the state in its lock: std's can be made in a constant, loom's
    /// cannot.
    pub(super) const fn new(state: Mutex<State<P>>) -> Self {
        Shares { state }
    }

    /// How many wait, to read or to write.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        lock(&self.state).waiting.len()
    }

    pub(super) fn try_acquire(&self, access: Access) -> bool {
        lock(&self.state).enter(access)
    }

    pub(super) fn acquire(&self, access: Access, deadline: u64, current: impl FnOnce() -> P) -> Result<(), WaitError> {
        match self.enter_or_queue(access, current) {
            None => Ok(()),
            Some(place) => Waiting::new(self, place).wait(deadline).map_err(|(err, _)| err),
        }
    }

    /// `None` for who could enter at once.
    pub(super) fn enter_or_queue(&self, access: Access, current: impl FnOnce() -> P) -> Option<Place<P, ()>> {
        let mut state = lock(&self.state);
        if state.enter(access) {
            return None;
        }
        Some(state.waiting.enter(current(), access))
    }

    /// For who is inside, and goes. Never waits, so that a destructor may call
    /// it.
    pub(super) fn release(&self) {
        {
            let mut state = lock(&self.state);
            state.inside = state.inside.without_one();
        }
        self.admit_waiting();
    }

    /// For the writer, who reads from now on, as do the readers who wait next.
    pub(super) fn downgrade(&self) {
        lock(&self.state).inside = Inside::Readers(1);
        self.admit_waiting();
    }

    fn admit_waiting(&self) {
        while let Some(granted) = self.admit_first() {
            granted.wake();
        }
    }

    /// The lock is released before anybody is woken.
    fn admit_first(&self) -> Option<Granted<P, ()>> {
        lock(&self.state).admit_first()
    }
}

impl<P: Parker> Source for Shares<P> {
    type Parker = P;
    type Offer = Access;
    type Grant = ();

    /// A writer that gives up its place no longer keeps off who stood behind.
    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, Access, ()>) -> R) -> R {
        let result = f(&mut lock(&self.state).waiting);
        self.admit_waiting();
        result
    }

    fn take_back(&self, (): ()) {
        self.release();
    }
}
