//! A bounded buffer with a queue at each end: what a channel is.
//!
//! An item that finds somebody waiting is handed over without touching the
//! buffer, and the place that a taken item leaves goes to the sender who waits
//! longest. So "somebody waits to receive" and "something is buffered" exclude
//! each other, and so do "somebody waits to send" and "there is room".

use std::collections::VecDeque;

use super::queue::{Granted, Parker, Place, Source, WaitQueue, Waiting};
use super::shim::{Arc, Mutex, WaitError, lock};
use super::watchers::Watchers;

pub(super) struct Exchange<P, T> {
    state: Mutex<State<P, T>>,
    capacity: usize,
}

struct State<P, T> {
    buffer: VecDeque<T>,
    senders: usize,
    receivers: usize,
    /// Each brings its value, and gets it back if the last receiver goes.
    sending: WaitQueue<P, T, Option<T>>,
    /// Given `None` when the last sender goes.
    receiving: WaitQueue<P, (), Option<T>>,
    /// Woken, under the lock, whenever there is something to receive.
    watchers: Watchers<P>,
}

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

type Handed<P, T> = Option<Granted<P, Option<T>>>;
type Queued<P, T> = Option<Place<P, Option<T>>>;

impl<P: Parker, T> State<P, T> {
    fn put(&mut self, value: T, capacity: usize) -> Result<Handed<P, T>, Refused<T>> {
        if self.receivers == 0 {
            return Err(Refused::Gone(value));
        }
        if self.receiving.len() > 0 {
            return Ok(self.receiving.grant_first(|()| Some(value)));
        }
        if self.buffer.len() >= capacity {
            return Err(Refused::Full(value));
        }
        self.buffer.push_back(value);
        self.watchers.wake(P::wake);
        Ok(None)
    }

    fn take(&mut self, capacity: usize) -> Option<(T, Handed<P, T>)> {
        let item = self.buffer.pop_front()?;
        // An item that was put back may have made one too many.
        if self.buffer.len() >= capacity {
            return Some((item, None));
        }
        let moved_up = self.sending.grant_first(|value| {
            self.buffer.push_back(value);
            None
        });
        Some((item, moved_up))
    }

    /// Before all others, as if it had never been taken.
    fn put_back(&mut self, item: T) -> Handed<P, T> {
        if self.receiving.len() > 0 {
            return self.receiving.grant_first(|()| Some(item));
        }
        self.buffer.push_front(item);
        self.watchers.wake(P::wake);
        None
    }

    /// Whether a receiver need not wait: for an item or for the end.
    fn is_ready(&self) -> bool {
        !self.buffer.is_empty() || self.senders == 0
    }
}

impl<P: Parker, T> Exchange<P, T> {
    /// With one sender and one receiver.
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Exchange {
            state: Mutex::new(State {
                buffer: VecDeque::new(),
                senders: 1,
                receivers: 1,
                sending: WaitQueue::new(),
                receiving: WaitQueue::new(),
                watchers: Watchers::new(),
            }),
            capacity,
        })
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.state).buffer.len()
    }

    pub(super) fn try_send(&self, value: T) -> Result<(), Refused<T>> {
        let handed = lock(&self.state).put(value, self.capacity)?;
        wake(handed);
        Ok(())
    }

    pub(super) fn send(&self, value: T, deadline: u64, current: impl FnOnce() -> P) -> Result<(), (WaitError, T)> {
        let Some(place) = self.put_or_queue(value, current)? else {
            return Ok(());
        };
        match Waiting::new(&Sending(self), place).wait(deadline)? {
            None => Ok(()),
            Some(value) => Err((WaitError::Disconnected, value)),
        }
    }

    fn put_or_queue(&self, value: T, current: impl FnOnce() -> P) -> Result<Queued<P, T>, (WaitError, T)> {
        let mut state = lock(&self.state);
        match state.put(value, self.capacity) {
            Ok(handed) => {
                drop(state);
                wake(handed);
                Ok(None)
            }
            Err(Refused::Full(value)) => Ok(Some(state.sending.enter(current(), value))),
            Err(Refused::Gone(value)) => Err((WaitError::Disconnected, value)),
        }
    }

    pub(super) fn try_recv(&self) -> Found<T> {
        let mut state = lock(&self.state);
        let Some((item, moved_up)) = state.take(self.capacity) else {
            return match state.senders {
                0 => Found::Gone,
                _ => Found::Nothing,
            };
        };
        drop(state);
        wake(moved_up);
        Found::Item(item)
    }

    pub(super) fn recv(&self, deadline: u64, current: impl FnOnce() -> P) -> Result<T, WaitError> {
        let place = {
            let mut state = lock(&self.state);
            if let Some((item, moved_up)) = state.take(self.capacity) {
                drop(state);
                wake(moved_up);
                return Ok(item);
            }
            if state.senders == 0 {
                return Err(WaitError::Disconnected);
            }
            state.receiving.enter(current(), ())
        };
        Waiting::new(&Receiving(self), place)
            .wait(deadline)
            .map_err(|(err, ())| err)?
            .ok_or(WaitError::Disconnected)
    }

    /// Wakes `parker` whenever there is something to receive, until `id`
    /// leaves. Whoever enters looks at [`is_ready`](Self::is_ready) after that.
    pub(super) fn watch(&self, id: u64, parker: P) {
        lock(&self.state).watchers.enter(id, parker);
    }

    pub(super) fn unwatch(&self, id: u64) {
        lock(&self.state).watchers.leave(id);
    }

    pub(super) fn is_ready(&self) -> bool {
        lock(&self.state).is_ready()
    }

    pub(super) fn add_sender(&self) {
        lock(&self.state).senders += 1;
    }

    pub(super) fn add_receiver(&self) {
        lock(&self.state).receivers += 1;
    }

    /// With the last one, all who wait to receive are told.
    pub(super) fn remove_sender(&self) {
        let told = {
            let mut state = lock(&self.state);
            state.senders -= 1;
            if state.senders > 0 {
                return;
            }
            state.watchers.wake(P::wake);
            state.receiving.grant_all(|()| None)
        };
        told.into_iter().for_each(Granted::wake);
    }

    /// With the last one, all who wait to send get their values back and what
    /// is buffered is dropped, after the lock: its destructors may use the
    /// very channel.
    pub(super) fn remove_receiver(&self) {
        let (told, unread) = {
            let mut state = lock(&self.state);
            state.receivers -= 1;
            if state.receivers > 0 {
                return;
            }
            let told = state.sending.grant_all(Some);
            (told, std::mem::take(&mut state.buffer))
        };
        told.into_iter().for_each(Granted::wake);
        drop(unread);
    }
}

fn wake<P: Parker, T>(handed: Handed<P, T>) {
    if let Some(granted) = handed {
        granted.wake();
    }
}

struct Sending<'a, P, T>(&'a Exchange<P, T>);

impl<P: Parker, T> Source for Sending<'_, P, T> {
    type Parker = P;
    type Offer = T;
    type Grant = Option<T>;

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, T, Option<T>>) -> R) -> R {
        f(&mut lock(&self.0.state).sending)
    }

    /// The value was sent, or nobody is left to have it.
    fn take_back(&self, _: Option<T>) {}
}

struct Receiving<'a, P, T>(&'a Exchange<P, T>);

impl<P: Parker, T> Source for Receiving<'_, P, T> {
    type Parker = P;
    type Offer = ();
    type Grant = Option<T>;

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, (), Option<T>>) -> R) -> R {
        f(&mut lock(&self.0.state).receiving)
    }

    fn take_back(&self, item: Option<T>) {
        let Some(item) = item else { return };
        let handed = lock(&self.0.state).put_back(item);
        wake(handed);
    }
}

#[cfg(test)]
impl<P, T> Exchange<P, T> {
    pub(super) fn sending(&self) -> usize {
        lock(&self.state).sending.len()
    }

    pub(super) fn receiving(&self) -> usize {
        lock(&self.state).receiving.len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Nobody;

    impl Parker for Nobody {
        fn park(&self, _: u64) -> Result<(), WaitError> {
            Err(WaitError::Deadline)
        }

        fn wake(&self) {}
    }

    fn receiver<'a>(
        exchange: &'a Exchange<Nobody, u8>,
        source: &'a Receiving<'a, Nobody, u8>,
    ) -> Waiting<'a, Receiving<'a, Nobody, u8>> {
        let place = lock(&exchange.state).receiving.enter(Nobody, ());
        Waiting::new(source, place)
    }

    fn buffered(exchange: &Exchange<Nobody, u8>) -> Vec<u8> {
        lock(&exchange.state).buffer.iter().copied().collect()
    }

    #[test]
    fn the_item_of_a_receiver_that_vanished_comes_first_again() {
        let exchange = Exchange::new(1);
        let source = Receiving(&exchange);
        let vanishing = receiver(&exchange, &source);
        assert!(exchange.try_send(1).is_ok());
        assert!(exchange.try_send(2).is_ok());
        drop(vanishing);
        assert_eq!(buffered(&exchange), [1, 2]);
        assert!(matches!(exchange.try_send(3), Err(Refused::Full(3))));
    }

    #[test]
    fn the_item_of_a_receiver_that_vanished_goes_to_who_waits() {
        let exchange = Exchange::new(1);
        let source = Receiving(&exchange);
        let vanishing = receiver(&exchange, &source);
        let patient = receiver(&exchange, &source);
        assert!(exchange.try_send(1).is_ok());
        drop(vanishing);
        assert!(matches!(patient.wait(0), Ok(Some(1))));
        assert!(buffered(&exchange).is_empty());
    }

    #[test]
    fn one_item_too_many_moves_no_sender_up() {
        let exchange = Exchange::new(1);
        let source = Receiving(&exchange);
        let vanishing = receiver(&exchange, &source);
        assert!(exchange.try_send(1).is_ok());
        assert!(exchange.try_send(2).is_ok());
        drop(vanishing);
        let place = lock(&exchange.state).sending.enter(Nobody, 3);
        let sources = Sending(&exchange);
        let sender = Waiting::new(&sources, place);
        assert!(matches!(exchange.try_recv(), Found::Item(1)));
        assert_eq!(buffered(&exchange), [2]);
        assert!(matches!(exchange.try_recv(), Found::Item(2)));
        assert_eq!(buffered(&exchange), [3]);
        assert!(matches!(sender.wait(0), Ok(None)));
    }
}
