//! What an exchange has under its lock: what lies there, who waits, and what
//! each step gives to whom.
//!
//! An item that finds somebody waiting is handed over without touching the
//! store, and the place that a taken item leaves goes to the sender who waits
//! longest. So "somebody waits to receive or to look" and "something can be
//! had" exclude each other, and so do "somebody waits to send" and "there is
//! room". Without any room a sender holds its value out until it is taken.
//!
//! Two things of the user's run under the lock: what compares values and what
//! clones one. Each step is ordered so that a panic there leaves nobody asleep.

use super::queue::{Granted, Parker, WaitQueue};
use super::store::Store;
use super::watchers::Watchers;

pub(super) struct Floor<P, T> {
    store: Store<T>,
    pub(super) capacity: usize,
    pub(super) senders: usize,
    pub(super) receivers: usize,
    /// Shut down: nothing more is taken in.
    pub(super) shut: bool,
    /// Received, and not marked done. An upper bound where nobody marks.
    in_work: usize,
    /// Something that was sent can never be marked done.
    lost: bool,
    /// Each brings its value, and gets it back if nobody will take it.
    pub(super) sending: WaitQueue<P, T, Option<T>>,
    /// Given `None` at the end.
    pub(super) receiving: WaitQueue<P, (), Option<T>>,
    /// Each brings what copies a value, and sees the next one that comes.
    pub(super) looking: WaitQueue<P, Copying<T>, Option<T>>,
    /// Told whether all of it was done.
    pub(super) joining: WaitQueue<P, (), bool>,
    /// Woken whenever there is something to receive.
    pub(super) watchers: Watchers<P>,
}

/// How a value is copied, for who looks: known where values are `Clone`.
pub(super) type Copying<T> = fn(&T) -> T;

/// Why a value was not taken at once.
pub(super) enum Refused<T> {
    Full(T),
    Gone(T),
}

/// What there is to receive at once.
pub(super) enum Found<T> {
    Item(T),
    Nothing,
    Gone,
}

/// Whoever is to be woken after the lock. Those who look, watch or join are
/// rare: they are woken under it.
pub(super) type Handed<P, T> = Option<Granted<P, Option<T>>>;
pub(super) type AllHanded<P, T> = Vec<Granted<P, Option<T>>>;

impl<P: Parker, T> Floor<P, T> {
    /// With one sender and one receiver.
    pub(super) const fn new(store: Store<T>, capacity: usize) -> Self {
        Floor {
            store,
            capacity,
            senders: 1,
            receivers: 1,
            shut: false,
            in_work: 0,
            lost: false,
            sending: WaitQueue::new(),
            receiving: WaitQueue::new(),
            looking: WaitQueue::new(),
            joining: WaitQueue::new(),
            watchers: Watchers::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.store.len()
    }

    pub(super) fn put(&mut self, value: T) -> Result<Handed<P, T>, Refused<T>> {
        if self.shut || self.receivers == 0 {
            return Err(Refused::Gone(value));
        }
        if self.receiving.len() == 0 && self.len() >= self.capacity {
            return Err(Refused::Full(value));
        }
        Ok(self.place(value, Store::push))
    }

    /// To the receiver who waits longest, or into the store.
    fn place(&mut self, item: T, push: fn(&mut Store<T>, T)) -> Handed<P, T> {
        self.show(&item);
        if self.receiving.len() > 0 {
            self.in_work += 1;
            return self.receiving.grant_first(|()| Some(item));
        }
        self.watchers.wake(P::wake);
        push(&mut self.store, item);
        None
    }

    /// Before all others, as if it had never been taken.
    pub(super) fn put_back(&mut self, item: T) -> Handed<P, T> {
        self.in_work = self.in_work.saturating_sub(1);
        self.place(item, Store::push_first)
    }

    /// Called before a sender stands in line. Where nothing is stored, what it
    /// holds out can be had.
    pub(super) fn hold_out(&mut self, value: &T) {
        if self.store.is_empty() {
            self.show(value);
            self.watchers.wake(P::wake);
        }
    }

    /// To all who wait to look. The copy is made first: if that panics, who
    /// looks still stands in line.
    fn show(&mut self, item: &T) {
        while let Some(copy) = self.looking.first() {
            let seen = copy(item);
            drop(self.looking.grant_first(|_| Some(seen)));
        }
    }

    /// What [`take`](Floor::take) would give.
    pub(super) fn next(&self) -> Option<&T> {
        self.store.first().or_else(|| self.sending.first())
    }

    pub(super) fn take(&mut self) -> Option<(T, Handed<P, T>)> {
        let taken = match self.store.pop() {
            Some(item) => (item, self.move_up()),
            None => self.out_of_hand()?,
        };
        self.in_work += 1;
        Some(taken)
    }

    /// Told first, stored then: a comparison that panics leaves nobody asleep.
    fn move_up(&mut self) -> Handed<P, T> {
        // An item that was put back may have made one too many.
        if self.len() >= self.capacity {
            return None;
        }
        let (value, sender) = self.sending.take_first()?;
        let told = sender.grant(None);
        self.store.push(value);
        Some(told)
    }

    fn out_of_hand(&mut self) -> Option<(T, Handed<P, T>)> {
        let (value, sender) = self.sending.take_first()?;
        Some((value, Some(sender.grant(None))))
    }

    /// Whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.shut || self.senders == 0
    }

    /// Whether a receiver need not wait: for an item or for the end.
    pub(super) fn is_ready(&self) -> bool {
        self.next().is_some() || self.is_over()
    }

    /// Marks one item done; false when none was left to be.
    pub(super) fn done(&mut self) -> bool {
        let some = self.in_work > 0;
        self.in_work -= usize::from(some);
        self.tell_joiners();
        some
    }

    /// Whether all is done, `None` while it is not.
    pub(super) fn outcome(&self) -> Option<bool> {
        (self.next().is_none() && self.in_work == 0).then_some(!self.lost)
    }

    pub(super) fn tell_joiners(&mut self) {
        if self.joining.len() > 0
            && let Some(all) = self.outcome()
        {
            drop(self.joining.grant_all(|()| all));
        }
    }

    /// The last sender is gone.
    pub(super) fn end(&mut self) -> AllHanded<P, T> {
        self.watchers.wake(P::wake);
        let mut told = self.looking.grant_all(|_| None);
        told.extend(self.receiving.grant_all(|()| None));
        told
    }

    /// Takes nothing more in, and returns the values of those who wait to send.
    pub(super) fn shut(&mut self) -> AllHanded<P, T> {
        self.shut = true;
        let mut told = self.sending.grant_all(Some);
        told.extend(self.end());
        self.tell_joiners();
        told
    }

    /// Everything that lies there: it will never be done.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let unread = self.store.take_all();
        self.lost |= !unread.is_empty();
        unread
    }

    /// The last receiver is gone, and with it whoever could mark anything done.
    pub(super) fn abandon(&mut self) -> (AllHanded<P, T>, Vec<T>) {
        let unread = self.drain();
        self.lost |= self.in_work > 0;
        self.in_work = 0;
        let told = self.sending.grant_all(Some);
        self.tell_joiners();
        (told, unread)
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::WaitError;

    struct Nobody;

    impl Parker for Nobody {
        fn park(&self, _: u64) -> Result<(), WaitError> {
            Err(WaitError::Deadline)
        }

        fn wake(&self) {}
    }

    fn floor(capacity: usize) -> Floor<Nobody, u8> {
        Floor::new(Store::queue(), capacity)
    }

    /// Everything that is taken one after the other.
    fn taken(floor: &mut Floor<Nobody, u8>) -> Vec<u8> {
        std::iter::from_fn(|| floor.take().map(|(item, _)| item)).collect()
    }

    #[test]
    fn one_item_too_many_moves_no_sender_up() {
        let mut floor = floor(1);
        assert!(floor.put(1).is_ok());
        let (first, _) = floor.take().unwrap();
        assert!(floor.put(2).is_ok());
        drop(floor.put_back(first));
        floor.sending.enter(Nobody, 3);
        assert_eq!(floor.len(), 2);
        assert!(matches!(floor.take(), Some((1, None))));
        assert_eq!(floor.len(), 1);
        assert!(matches!(floor.take(), Some((2, Some(_)))));
        assert_eq!(taken(&mut floor), [3]);
    }

    #[test]
    fn what_was_put_back_without_room_goes_before_what_is_held_out() {
        let mut floor = floor(0);
        floor.sending.enter(Nobody, 2);
        drop(floor.put_back(1));
        assert_eq!(floor.next(), Some(&1));
        assert_eq!(taken(&mut floor), [1, 2]);
    }

    #[test]
    fn what_is_put_back_is_in_work_no_more() {
        let mut floor = floor(1);
        assert!(floor.put(1).is_ok());
        let (item, _) = floor.take().unwrap();
        drop(floor.put_back(item));
        assert_eq!(floor.outcome(), None);
        assert!(floor.take().is_some());
        assert!(floor.done());
        assert_eq!(floor.outcome(), Some(true));
        assert!(!floor.done());
    }
}
