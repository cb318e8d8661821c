//! Where an answer waits for another one to change places with.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use greenserve::WaitError;
use greenserve::sync::{Receiver, Sender, channel};

/// How long an answer waits for another one.
const PATIENCE: Duration = Duration::from_secs(1);

/// A place for one answer at a time.
#[derive(Debug, Default)]
pub(crate) struct Meeting {
    place: Mutex<Option<Waiting>>,
    tickets: AtomicU64,
}

/// An answer that waits, and how to tell its owner that it was taken.
#[derive(Debug)]
struct Waiting {
    /// No other that waits or waited has it.
    ticket: u64,
    key: u64,
    answer: Vec<u8>,
    /// Has room for one and is used once: sending never waits.
    exchange: Sender<Vec<u8>>,
}

/// How a meeting ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// Ours was taken, and this was left for it.
    Taken(Vec<u8>),
    /// Nobody came: ours again.
    Nobody(Vec<u8>),
}

impl Meeting {
    /// True when an answer waits whose key is not `key`.
    pub(crate) fn someone_but(&self, key: u64) -> bool {
        self.place().as_ref().is_some_and(|waiting| waiting.key != key)
    }

    /// Changes `answer` for one with another key, which may have to come yet.
    ///
    /// # Errors
    /// When the server ends meanwhile.
    pub(crate) fn swap(&self, key: u64, answer: Vec<u8>) -> io::Result<Met> {
        let mut place = self.place();
        match place.take_if(|waiting| waiting.key != key) {
            Some(waiting) => Ok(waiting.exchange(answer)),
            None => self.wait(place, key, answer),
        }
    }

    fn wait(&self, mut place: MutexGuard<'_, Option<Waiting>>, key: u64, answer: Vec<u8>) -> io::Result<Met> {
        if place.is_some() {
            return Ok(Met::Nobody(answer));
        }
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let (exchange, left) = channel(1);
        *place = Some(Waiting {
            ticket,
            key,
            answer,
            exchange,
        });
        drop(place);
        self.await_exchange(ticket, &left)
    }

    fn await_exchange(&self, ticket: u64, left: &Receiver<Vec<u8>>) -> io::Result<Met> {
        let waited = left.recv_timeout(PATIENCE);
        let ours = self.place().take_if(|waiting| waiting.ticket == ticket);
        match (waited, ours) {
            (Ok(theirs), _) => Ok(Met::Taken(theirs)),
            (Err(WaitError::Deadline), Some(ours)) => Ok(Met::Nobody(ours.answer)),
            // Taken in the last moment: what was left for it is on its way.
            (Err(WaitError::Deadline), None) => Ok(Met::Taken(left.recv()?)),
            (Err(err), _) => Err(err.into()),
        }
    }

    fn place(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Leaves `answer` for this one, if its owner still waits.
    fn exchange(self, answer: Vec<u8>) -> Met {
        match self.exchange.try_send(answer) {
            Ok(()) => Met::Taken(self.answer),
            Err(refused) => Met::Nobody(refused.into_inner()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread;

    fn answer(text: &str) -> Vec<u8> {
        text.as_bytes().to_vec()
    }

    #[test]
    fn two_answers_change_places() {
        let meeting = Arc::new(Meeting::default());
        let other = Arc::clone(&meeting);
        let waiting = thread::spawn(move || other.swap(1, answer("one")).unwrap());
        let mine = meeting.swap(2, answer("two")).unwrap();
        assert_eq!(mine, Met::Taken(answer("one")));
        assert_eq!(waiting.join().unwrap(), Met::Taken(answer("two")));
    }

    #[test]
    fn one_alone_keeps_its_own() {
        let meeting = Meeting::default();
        assert_eq!(meeting.swap(1, answer("one")).unwrap(), Met::Nobody(answer("one")));
        assert!(!meeting.someone_but(2));
    }
}
