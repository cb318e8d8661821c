//! Who waits for a primitive, first come first served, and what each is given.
//!
//! The step that takes a waiter off the queue also puts what it waited for
//! into the waiter's own cell. So a waiter either stands in the queue or has
//! been given its share, and one that gives up (killed, too late) finds out
//! which of the two under the primitive's lock: nothing is ever handed to
//! somebody who has left.
//!
//! Nothing here knows of coroutines, so that loom can check it with a model of
//! them: see `tests/loom_sync.rs`.

use std::collections::VecDeque;

use super::shim::{Arc, Mutex, WaitError, lock};

/// Somebody who can be suspended and woken.
pub(super) trait Parker {
    /// Suspends the caller, who must be this very parker, until `wake`; may
    /// return early. A wake-up that comes before counts.
    fn park(&self, deadline: u64) -> Result<(), WaitError>;
    /// Ends the present or the next `park`.
    fn wake(&self);
}

/// The waiters of a primitive; lives behind the primitive's lock.
///
/// `O` is what a waiter brings along, `G` what it is given.
pub(super) struct WaitQueue<P, O, G> {
    /// In the order of their tickets.
    entries: VecDeque<Entry<P, O, G>>,
    next_ticket: u64,
}

struct Entry<P, O, G> {
    ticket: u64,
    offer: O,
    waiter: Arc<Waiter<P, G>>,
}

struct Waiter<P, G> {
    parker: P,
    grant: Mutex<Option<G>>,
}

/// One's place in a queue.
pub(super) struct Place<P, G> {
    ticket: u64,
    waiter: Arc<Waiter<P, G>>,
}

/// A waiter that has been taken off the queue and must be given something.
#[must_use]
pub(super) struct Chosen<P, G>(Arc<Waiter<P, G>>);

impl<P: Parker, G> Chosen<P, G> {
    pub(super) fn grant(self, grant: G) -> Granted<P, G> {
        *lock(&self.0.grant) = Some(grant);
        Granted(self.0)
    }
}

/// A waiter that has been given its share. Dropping this wakes it, which is
/// better done after the primitive's lock is released.
#[must_use]
pub(super) struct Granted<P: Parker, G>(Arc<Waiter<P, G>>);

impl<P: Parker, G> Granted<P, G> {
    pub(super) fn wake(self) {
        drop(self);
    }
}

impl<P: Parker, G> Drop for Granted<P, G> {
    fn drop(&mut self) {
        self.0.parker.wake();
    }
}

impl<P, O, G> WaitQueue<P, O, G> {
    pub(super) const fn new() -> Self {
        WaitQueue {
            entries: VecDeque::new(),
            next_ticket: 0,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Queues at the end.
    pub(super) fn enter(&mut self, parker: P, offer: O) -> Place<P, G> {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let waiter = Arc::new(Waiter {
            parker,
            grant: Mutex::new(None),
        });
        self.entries.push_back(Entry {
            ticket,
            offer,
            waiter: Arc::clone(&waiter),
        });
        Place { ticket, waiter }
    }

    /// What the first in the queue offers.
    pub(super) fn first(&self) -> Option<&O> {
        self.entries.front().map(|entry| &entry.offer)
    }

    /// Takes the first off the queue, with what it offers.
    pub(super) fn take_first(&mut self) -> Option<(O, Chosen<P, G>)> {
        let Entry { offer, waiter, .. } = self.entries.pop_front()?;
        Some((offer, Chosen(waiter)))
    }

    /// Gives a place up and returns what was offered there; `None` when
    /// something has been granted to it.
    fn leave(&mut self, place: &Place<P, G>) -> Option<O> {
        let at = self
            .entries
            .binary_search_by_key(&place.ticket, |entry| entry.ticket)
            .ok()?;
        self.entries.remove(at).map(|entry| entry.offer)
    }
}

impl<P: Parker, O, G> WaitQueue<P, O, G> {
    /// Gives the first in the queue what `grant` makes of its offer.
    pub(super) fn grant_first(&mut self, grant: impl FnOnce(O) -> G) -> Option<Granted<P, G>> {
        let (offer, chosen) = self.take_first()?;
        Some(chosen.grant(grant(offer)))
    }

    /// Gives everybody something and empties the queue.
    pub(super) fn grant_all(&mut self, mut grant: impl FnMut(O) -> G) -> Vec<Granted<P, G>> {
        std::iter::from_fn(|| self.grant_first(&mut grant)).collect()
    }
}

/// A primitive, as seen from one of its queues.
pub(super) trait Source {
    type Parker: Parker;
    type Offer;
    type Grant;

    /// Calls `f` with the queue, under the primitive's lock.
    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<Self::Parker, Self::Offer, Self::Grant>) -> R) -> R;

    /// Passes on what was granted to a waiter that exists no more.
    fn take_back(&self, grant: Self::Grant);
}

/// Somebody who stands in a queue. Dropping it gives the place up, and a grant
/// that came meanwhile goes back to the primitive: that happens when a panic
/// leaves `park`, as `may`'s own cancellation does.
pub(super) struct Waiting<'a, S: Source> {
    source: &'a S,
    place: Place<S::Parker, S::Grant>,
    over: bool,
}

impl<'a, S: Source> Waiting<'a, S> {
    pub(super) fn new(source: &'a S, place: Place<S::Parker, S::Grant>) -> Self {
        Waiting {
            source,
            place,
            over: false,
        }
    }

    /// Waits to be granted something, until `deadline`.
    ///
    /// What is granted at the last moment counts, also for who was killed: it
    /// is taken, and the next wait fails.
    pub(super) fn wait(mut self, deadline: u64) -> Result<S::Grant, (WaitError, S::Offer)> {
        loop {
            if let Some(grant) = self.granted() {
                return Ok(grant);
            }
            if let Err(err) = self.place.waiter.parker.park(deadline)
                && let Some(offer) = self.leave()
            {
                return Err((err, offer));
            }
        }
    }

    /// What has been granted, for who waits for other things too. Once.
    pub(super) fn granted(&mut self) -> Option<S::Grant> {
        let grant = lock(&self.place.waiter.grant).take();
        self.over |= grant.is_some();
        grant
    }

    fn leave(&mut self) -> Option<S::Offer> {
        let offer = self.source.with_queue(|queue| queue.leave(&self.place));
        self.over |= offer.is_some();
        offer
    }
}

impl<S: Source> Drop for Waiting<'_, S> {
    fn drop(&mut self) {
        if self.over || self.leave().is_some() {
            return;
        }
        if let Some(grant) = self.granted() {
            self.source.take_back(grant);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    impl Parker for () {
        fn park(&self, _: u64) -> Result<(), WaitError> {
            Ok(())
        }

        fn wake(&self) {}
    }

    fn queue_of(offers: &[char]) -> (WaitQueue<(), char, char>, Vec<Place<(), char>>) {
        let mut queue = WaitQueue::new();
        let places = offers.iter().map(|&offer| queue.enter((), offer)).collect();
        (queue, places)
    }

    fn granted(place: &Place<(), char>) -> Option<char> {
        *lock(&place.waiter.grant)
    }

    #[test]
    fn the_first_to_come_is_the_first_to_be_served() {
        let (mut queue, places) = queue_of(&['a', 'b', 'c']);
        for (served, place) in places.iter().enumerate() {
            assert_eq!(granted(place), None);
            assert!(queue.grant_first(|offer| offer.to_ascii_uppercase()).is_some());
            assert_eq!(queue.len(), 2 - served);
        }
        let given: Vec<_> = places.iter().filter_map(granted).collect();
        assert_eq!(given, ['A', 'B', 'C']);
        assert!(queue.grant_first(|offer| offer).is_none());
    }

    #[test]
    fn who_leaves_takes_the_offer_along_and_is_given_nothing() {
        let (mut queue, places) = queue_of(&['a', 'b', 'c']);
        assert_eq!(queue.leave(&places[1]), Some('b'));
        assert_eq!(queue.leave(&places[1]), None);
        assert_eq!(queue.grant_all(|offer| offer).len(), 2);
        let given: Vec<_> = places.iter().map(granted).collect();
        assert_eq!(given, [Some('a'), None, Some('c')]);
    }

    #[test]
    fn who_has_been_given_something_cannot_leave() {
        let (mut queue, places) = queue_of(&['a']);
        assert!(queue.grant_first(|offer| offer).is_some());
        assert_eq!(queue.leave(&places[0]), None);
    }
}
