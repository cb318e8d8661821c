//! Where values change hands, with a line for each thing that can be waited
//! for: what a channel is. What each step does stands in [`Floor`]; here it is
//! done under the lock, and whoever must wait does.

use super::floor::{AllHanded, Copying, Floor, Found, Handed, Refused};
use super::queue::{Parker, Place, Source, WaitQueue, Waiting};
use super::shim::{Arc, Mutex, WaitError, lock};
use super::store::Store;

pub(super) struct Exchange<P, T> {
    floor: Mutex<Floor<P, T>>,
}

impl<P: Parker, T> Exchange<P, T> {
    /// With one sender and one receiver.
    pub(super) fn new(store: Store<T>, capacity: usize) -> Arc<Self> {
        Arc::new(Exchange {
            floor: Mutex::new(Floor::new(store, capacity)),
        })
    }

    pub(super) fn capacity(&self) -> usize {
        lock(&self.floor).capacity
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.floor).len()
    }

    pub(super) fn try_send(&self, value: T) -> Result<(), Refused<T>> {
        let handed = lock(&self.floor).put(value)?;
        drop(handed);
        Ok(())
    }

    pub(super) fn send(&self, value: T, deadline: u64, current: impl FnOnce() -> P) -> Result<(), (WaitError, T)> {
        let Some(place) = self.put_or_queue(value, current)? else {
            return Ok(());
        };
        match Waiting::new(&self.sending(), place).wait(deadline)? {
            None => Ok(()),
            Some(value) => Err((WaitError::Disconnected, value)),
        }
    }

    fn put_or_queue(&self, value: T, current: impl FnOnce() -> P) -> Result<Queued<P, T>, (WaitError, T)> {
        let mut floor = lock(&self.floor);
        match floor.put(value) {
            Ok(handed) => {
                drop(floor);
                drop(handed);
                Ok(None)
            }
            Err(Refused::Full(value)) => {
                floor.hold_out(&value);
                Ok(Some(floor.sending.enter(current(), value)))
            }
            Err(Refused::Gone(value)) => Err((WaitError::Disconnected, value)),
        }
    }

    pub(super) fn try_recv(&self) -> Found<T> {
        let mut floor = lock(&self.floor);
        let Some((item, moved_up)) = floor.take() else {
            return nothing(&floor);
        };
        drop(floor);
        drop(moved_up);
        Found::Item(item)
    }

    pub(super) fn recv(&self, deadline: u64, current: impl FnOnce() -> P) -> Result<T, WaitError> {
        let place = {
            let mut floor = lock(&self.floor);
            if let Some((item, moved_up)) = floor.take() {
                drop(floor);
                drop(moved_up);
                return Ok(item);
            }
            if floor.is_over() {
                return Err(WaitError::Disconnected);
            }
            floor.receiving.enter(current(), ())
        };
        let given = Waiting::new(&self.receiving(), place).wait(deadline);
        given.map_err(|(err, ())| err)?.ok_or(WaitError::Disconnected)
    }

    /// A copy of what [`try_recv`](Self::try_recv) would take, made under the
    /// lock.
    pub(super) fn try_peek(&self, copy: Copying<T>) -> Found<T> {
        look(&lock(&self.floor), copy)
    }

    pub(super) fn peek(&self, copy: Copying<T>, deadline: u64, current: impl FnOnce() -> P) -> Result<T, WaitError> {
        let place = {
            let mut floor = lock(&self.floor);
            match look(&floor, copy) {
                Found::Item(seen) => return Ok(seen),
                Found::Gone => return Err(WaitError::Disconnected),
                Found::Nothing => floor.looking.enter(current(), copy),
            }
        };
        let seen = Waiting::new(&self.looking(), place).wait(deadline);
        seen.map_err(|(err, _)| err)?.ok_or(WaitError::Disconnected)
    }

    /// False when nothing was left to be marked.
    pub(super) fn task_done(&self) -> bool {
        lock(&self.floor).done()
    }

    /// Waits until all that was sent is marked done.
    pub(super) fn join(&self, deadline: u64, current: impl FnOnce() -> P) -> Result<(), WaitError> {
        let place = {
            let mut floor = lock(&self.floor);
            match floor.outcome() {
                Some(all) => return done(all),
                None => floor.joining.enter(current(), ()),
            }
        };
        let all = Waiting::new(&self.joining(), place).wait(deadline);
        done(all.map_err(|(err, ())| err)?)
    }

    /// Takes nothing more in.
    pub(super) fn shutdown(&self) {
        let told = lock(&self.floor).shut();
        drop(told);
    }

    /// And gives out what lies there.
    pub(super) fn shutdown_now(&self) -> Vec<T> {
        let (told, unread) = {
            let mut floor = lock(&self.floor);
            let unread = floor.drain();
            (floor.shut(), unread)
        };
        drop(told);
        unread
    }

    pub(super) fn is_shut(&self) -> bool {
        lock(&self.floor).shut
    }

    /// Wakes `parker` whenever there is something to receive, until `id`
    /// leaves. Whoever enters looks at [`is_ready`](Self::is_ready) after that.
    pub(super) fn watch(&self, id: u64, parker: P) {
        lock(&self.floor).watchers.enter(id, parker);
    }

    pub(super) fn unwatch(&self, id: u64) {
        lock(&self.floor).watchers.leave(id);
    }

    pub(super) fn is_ready(&self) -> bool {
        lock(&self.floor).is_ready()
    }

    pub(super) fn add_sender(&self) {
        lock(&self.floor).senders += 1;
    }

    pub(super) fn add_receiver(&self) {
        lock(&self.floor).receivers += 1;
    }

    /// With the last one, all who wait to receive are told.
    pub(super) fn remove_sender(&self) {
        let told = {
            let mut floor = lock(&self.floor);
            floor.senders -= 1;
            if floor.senders > 0 {
                AllHanded::new()
            } else {
                floor.end()
            }
        };
        drop(told);
    }

    /// With the last one, all who wait to send get their values back and what
    /// is stored is dropped, after the lock: its destructors may use the very
    /// channel.
    pub(super) fn remove_receiver(&self) {
        let abandoned = {
            let mut floor = lock(&self.floor);
            floor.receivers -= 1;
            (floor.receivers == 0).then(|| floor.abandon())
        };
        drop(abandoned);
    }

    fn sending(&self) -> Line<'_, P, T, T, Option<T>> {
        Line {
            exchange: self,
            queue: |floor| &mut floor.sending,
            // The value was sent, or nobody is left to have it.
            take_back: |_, value| drop(value),
        }
    }

    fn receiving(&self) -> Line<'_, P, T, (), Option<T>> {
        Line {
            exchange: self,
            queue: |floor| &mut floor.receiving,
            take_back: |exchange, item| {
                let handed: Handed<P, T> = item.and_then(|item| lock(&exchange.floor).put_back(item));
                drop(handed);
            },
        }
    }

    fn looking(&self) -> Line<'_, P, T, Copying<T>, Option<T>> {
        Line {
            exchange: self,
            queue: |floor| &mut floor.looking,
            take_back: |_, seen| drop(seen),
        }
    }

    fn joining(&self) -> Line<'_, P, T, (), bool> {
        Line {
            exchange: self,
            queue: |floor| &mut floor.joining,
            take_back: |_, _| (),
        }
    }
}

type Queued<P, T> = Option<Place<P, Option<T>>>;

fn nothing<P: Parker, T>(floor: &Floor<P, T>) -> Found<T> {
    if floor.is_over() { Found::Gone } else { Found::Nothing }
}

fn look<P: Parker, T>(floor: &Floor<P, T>, copy: Copying<T>) -> Found<T> {
    floor
        .next()
        .map_or_else(|| nothing(floor), |next| Found::Item(copy(next)))
}

fn done(all: bool) -> Result<(), WaitError> {
    all.then_some(()).ok_or(WaitError::Disconnected)
}

/// One of the queues, as those see it who stand in it.
struct Line<'a, P, T, O, G> {
    exchange: &'a Exchange<P, T>,
    queue: fn(&mut Floor<P, T>) -> &mut WaitQueue<P, O, G>,
    /// What becomes of what was granted to somebody who vanished.
    take_back: fn(&Exchange<P, T>, G),
}

impl<P: Parker, T, O, G> Source for Line<'_, P, T, O, G> {
    type Parker = P;
    type Offer = O;
    type Grant = G;

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, O, G>) -> R) -> R {
        let mut floor = lock(&self.exchange.floor);
        let result = f((self.queue)(&mut floor));
        // What a sender takes away need not be done by anybody.
        floor.tell_joiners();
        result
    }

    fn take_back(&self, grant: G) {
        (self.take_back)(self.exchange, grant);
    }
}

#[cfg(test)]
impl<P, T> Exchange<P, T> {
    pub(super) fn sending_count(&self) -> usize {
        lock(&self.floor).sending.len()
    }

    pub(super) fn receiving_count(&self) -> usize {
        lock(&self.floor).receiving.len()
    }

    pub(super) fn looking_count(&self) -> usize {
        lock(&self.floor).looking.len()
    }

    pub(super) fn joining_count(&self) -> usize {
        lock(&self.floor).joining.len()
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Never waits, and counts how often it is woken.
    #[derive(Clone, Default)]
    struct Bell(Arc<AtomicUsize>);

    impl Parker for Bell {
        fn park(&self, _: u64) -> Result<(), WaitError> {
            Err(WaitError::Deadline)
        }

        fn wake(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Bell {
        /// How often it was woken since the last look.
        fn rung(&self) -> usize {
            self.0.swap(0, Ordering::SeqCst)
        }
    }

    type Receiving<'a> = Line<'a, Bell, u8, (), Option<u8>>;

    fn exchange(capacity: usize) -> Arc<Exchange<Bell, u8>> {
        Exchange::new(Store::queue(), capacity)
    }

    fn receiver<'a>(exchange: &Exchange<Bell, u8>, line: &'a Receiving<'a>) -> Waiting<'a, Receiving<'a>> {
        let place = lock(&exchange.floor).receiving.enter(Bell::default(), ());
        Waiting::new(line, place)
    }

    #[test]
    fn the_item_of_a_receiver_that_vanished_comes_first_again() {
        let exchange = exchange(1);
        let line = exchange.receiving();
        let vanishing = receiver(&exchange, &line);
        assert!(exchange.try_send(1).is_ok());
        assert!(exchange.try_send(2).is_ok());
        drop(vanishing);
        assert!(matches!(exchange.try_send(3), Err(Refused::Full(3))));
        assert_eq!(exchange.shutdown_now(), [1, 2]);
    }

    #[test]
    fn the_item_of_a_receiver_that_vanished_goes_to_who_waits() {
        let exchange = exchange(0);
        let line = exchange.receiving();
        let vanishing = receiver(&exchange, &line);
        let patient = receiver(&exchange, &line);
        assert!(exchange.try_send(1).is_ok());
        drop(vanishing);
        assert!(matches!(patient.wait(0), Ok(Some(1))));
        assert_eq!(exchange.len(), 0);
    }

    #[test]
    fn who_watches_is_woken_for_all_that_can_be_had() {
        let exchange = exchange(1);
        let (bell, line) = (Bell::default(), exchange.receiving());
        exchange.watch(1, bell.clone());
        let vanishing = receiver(&exchange, &line);
        assert!(exchange.try_send(1).is_ok());
        assert_eq!((bell.rung(), exchange.is_ready()), (0, false), "it was handed over");
        drop(vanishing);
        assert_eq!((bell.rung(), exchange.is_ready()), (1, true), "it came back");
        assert!(matches!(exchange.try_recv(), Found::Item(1)));
        assert!(!exchange.is_ready());
        assert!(exchange.try_send(2).is_ok());
        assert_eq!(bell.rung(), 1, "it is stored");
        exchange.unwatch(1);
        exchange.shutdown();
        assert_eq!(bell.rung(), 0, "nobody watches");
    }

    #[test]
    fn who_watches_is_woken_by_a_sender_who_waits_and_by_the_end() {
        let bell = Bell::default();
        for end in [Exchange::remove_sender, Exchange::shutdown] {
            let exchange = exchange(0);
            exchange.watch(1, bell.clone());
            lock(&exchange.floor).hold_out(&1);
            let place = lock(&exchange.floor).sending.enter(Bell::default(), 1);
            assert_eq!((bell.rung(), exchange.is_ready()), (1, true));
            assert!(Waiting::new(&exchange.sending(), place).wait(0).is_err());
            assert!(!exchange.is_ready());
            end(&exchange);
            assert_eq!((bell.rung(), exchange.is_ready()), (1, true));
        }
    }
}
