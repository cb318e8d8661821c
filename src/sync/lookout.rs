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
    /// What `lookout` is to be told of as `number`.
    pub(super) fn new(lookout: &Arc<Lookout<P>>, number: usize) -> Self {
        Notice {
            lookout: Arc::clone(lookout),
            number,
        }
    }

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
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[derive(Clone)]
    struct Nobody;

    impl Parker for Nobody {
        fn park(&self, _: u64) -> Result<(), WaitError> {
            Err(WaitError::Deadline)
        }

        fn wake(&self) {}
    }

    #[test]
    fn what_has_come_is_told_once_in_its_order_and_before_what_is_looked_for() {
        let lookout = Lookout::<Nobody>::new();
        for number in [3, 1, 2] {
            Notice::new(&lookout, number).serve();
        }
        let told = [(); 4].map(|()| lookout.wait(0, &Nobody, || Some(9)).ok());
        assert_eq!(told, [Some(3), Some(1), Some(2), Some(9)]);
    }

    #[test]
    fn what_comes_at_the_last_moment_counts() {
        let lookout = Lookout::<Nobody>::new();
        let mut looked = 0;
        let found = lookout.wait(0, &Nobody, || {
            looked += 1;
            (looked == 2).then_some(7)
        });
        assert_eq!(found, Ok(7));
        assert_eq!(lookout.wait(0, &Nobody, || None), Err(WaitError::Deadline));
    }

    #[test]
    fn a_notice_is_served_or_withdrawn_and_never_both() {
        let lookout = Lookout::<Nobody>::new();
        let mut notices = Notices::new();
        let tickets = [0, 1, 2].map(|number| notices.enter(Notice::new(&lookout, number)));
        assert!(notices.withdraw(tickets[1]).is_some());
        notices.take().serve();
        assert!(tickets.iter().all(|ticket| notices.withdraw(*ticket).is_none()));
        let later = notices.enter(Notice::new(&lookout, 3));
        assert!(!tickets.contains(&later));
        assert_eq!(
            [lookout.told(), lookout.told(), lookout.told()],
            [Some(0), Some(2), None]
        );
    }
}
