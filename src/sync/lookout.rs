//! Somebody who waits for several things at once, and is told which have come.
//!
//! Each thing is given a notice with the number it has there. It serves the
//! notice once, when it comes, and keeps nothing: so what came and went again
//! before anybody looked is not missed, and nobody looks through all things to
//! find the one that came.

use std::collections::{BTreeMap, VecDeque};

use super::queue::Parker;
use super::shim::{Arc, Mutex, WaitError, lock};

/// Who waits for several things at once.
pub(super) struct Lookout<P> {
    state: Mutex<State<P>>,
}

struct State<P> {
    /// The numbers of what has come, in that order.
    told: VecDeque<usize>,
    /// To be woken by the next notice.
    asleep: Option<P>,
}

/// Tells a lookout that one thing has come.
pub(super) struct Notice<P> {
    lookout: Arc<Lookout<P>>,
    number: usize,
}

/// The notices that a thing has to serve; live behind its lock.
pub(super) struct Notices<P> {
    /// By their tickets, so that who leaves early finds its own among many.
    entries: BTreeMap<u64, Notice<P>>,
    next_ticket: u64,
}

impl<P: Parker + Clone> Lookout<P> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Lookout {
            state: Mutex::new(State {
                told: VecDeque::new(),
                asleep: None,
            }),
        })
    }

    pub(super) fn notice(self: &Arc<Self>, number: usize) -> Notice<P> {
        Notice {
            lookout: Arc::clone(self),
            number,
        }
    }

    pub(super) fn tell(&self, number: usize) {
        let asleep = {
            let mut state = lock(&self.state);
            state.told.push_back(number);
            state.asleep.take()
        };
        if let Some(parker) = asleep {
            parker.wake();
        }
    }

    /// What came first of what has not been asked for.
    pub(super) fn told(&self) -> Option<usize> {
        lock(&self.state).told.pop_front()
    }

    /// Waits until something has come, or until `look` finds something, which
    /// is asked after each wake-up of `parker`, the caller.
    ///
    /// What comes at the last moment counts, also for who was killed.
    pub(super) fn wait(
        &self,
        deadline: u64,
        parker: &P,
        mut look: impl FnMut() -> Option<usize>,
    ) -> Result<usize, WaitError> {
        loop {
            if let Some(number) = self.told_or_asleep(parker).or_else(&mut look) {
                return Ok(number);
            }
            if let Err(err) = parker.park(deadline) {
                return self.told().or_else(look).ok_or(err);
            }
        }
    }

    fn told_or_asleep(&self, parker: &P) -> Option<usize> {
        let mut state = lock(&self.state);
        let told = state.told.pop_front();
        state.asleep = told.is_none().then(|| parker.clone());
        told
    }
}

impl<P: Parker + Clone> Notice<P> {
    /// Never waits.
    pub(super) fn serve(self) {
        self.lookout.tell(self.number);
    }
}

impl<P> Notices<P> {
    pub(super) const fn new() -> Self {
        Notices {
            entries: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// Keeps a notice, under a ticket by which it can be withdrawn.
    pub(super) fn enter(&mut self, notice: Notice<P>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.entries.insert(ticket, notice);
        ticket
    }

    /// Gives a notice back, unless it has been taken to be served. To be
    /// dropped outside the lock.
    pub(super) fn withdraw(&mut self, ticket: u64) -> Option<Notice<P>> {
        self.entries.remove(&ticket)
    }

    /// All of them, to be served outside the lock; those who came first first.
    #[must_use]
    pub(super) fn take(&mut self) -> Self {
        let entries = std::mem::take(&mut self.entries);
        Notices {
            entries,
            next_ticket: 0,
        }
    }
}

impl<P: Parker + Clone> Notices<P> {
    pub(super) fn serve(self) {
        self.entries.into_values().for_each(Notice::serve);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
