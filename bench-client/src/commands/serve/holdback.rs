//! Where a datagram's answer stays until the one after it has gone.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use greenserve::net::Peer;

/// How long an answer stays if no other goes to the same client.
const PATIENCE: Duration = Duration::from_secs(1);

/// A place for one answer at a time. Nobody waits for it: it is sent by
/// whoever answers next, so that this works in every model.
#[derive(Debug, Default)]
pub(crate) struct Holdback(Mutex<Option<Held>>);

/// An answer that was held back.
#[derive(Debug)]
pub(crate) struct Held {
    /// Whom it is for.
    pub(crate) peer: Peer,
    /// What it is.
    pub(crate) answer: Vec<u8>,
    since: Instant,
}

impl Holdback {
    /// Holds `answer` back, or returns it if another one is.
    pub(crate) fn hold(&self, peer: &Peer, answer: Vec<u8>) -> Option<Vec<u8>> {
        let mut place = self.place();
        if place.is_some() {
            return Some(answer);
        }
        *place = Some(Held {
            peer: peer.clone(),
            answer,
            since: Instant::now(),
        });
        None
    }

    /// What `peer` is to get now that it was sent something else.
    pub(crate) fn behind(&self, peer: &Peer) -> Option<Held> {
        self.place().take_if(|held| held.peer == *peer)
    }

    /// What nothing was sent before in time.
    pub(crate) fn forgotten(&self, now: Instant) -> Option<Held> {
        self.place().take_if(|held| now > held.since + PATIENCE)
    }

    fn place(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn peer(port: u16) -> Peer {
        Peer::Ip(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    #[test]
    fn an_answer_stays_until_its_client_gets_another() {
        let holdback = Holdback::default();
        assert_eq!(holdback.hold(&peer(1), b"one".to_vec()), None);
        assert_eq!(holdback.hold(&peer(2), b"two".to_vec()), Some(b"two".to_vec()));
        assert!(holdback.behind(&peer(2)).is_none());
        assert_eq!(holdback.behind(&peer(1)).unwrap().answer, b"one");
        assert!(holdback.behind(&peer(1)).is_none());
    }

    #[test]
    fn an_answer_is_not_held_for_ever() {
        let holdback = Holdback::default();
        assert_eq!(holdback.hold(&peer(1), b"one".to_vec()), None);
        assert!(holdback.forgotten(Instant::now()).is_none());
        assert!(holdback.forgotten(Instant::now() + 2 * PATIENCE).is_some());
    }
}
