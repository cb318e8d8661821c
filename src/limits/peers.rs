//! How many requests of each client are in flight.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::shim::{Mutex, lock};
use crate::net::Peer;

/// What counts as one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PeerKey {
    V4(Ipv4Addr),
    /// The network's 64 bits: a client may have all addresses in it.
    V6(u64),
    /// A user of this machine.
    User(u32),
}

impl PeerKey {
    /// `None` for a client that nothing is known of.
    pub(crate) fn of(peer: &Peer, user: Option<u32>) -> Option<PeerKey> {
        match peer.ip().map(|ip| ip.to_canonical()) {
            None => user.map(PeerKey::User),
            Some(IpAddr::V4(ip)) => Some(PeerKey::V4(ip)),
            Some(IpAddr::V6(ip)) => {
                let network = ip.to_bits() >> 64;
                Some(PeerKey::V6(network as u64))
            }
        }
    }
}

/// How many clients have how many requests in flight, as a server with a limit
/// for each counts them ([`Limits::per_peer`](super::Limits::per_peer)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerLoad {
    /// Clients that have any.
    pub clients: usize,
    /// What they have together. Those of clients that are not known are not in
    /// it, nor those that came while there was no such limit.
    pub requests: usize,
}

/// The clients that have requests in flight. Forgets a client with its last
/// one, so it is no larger than what is in flight.
#[derive(Debug, Default)]
pub(super) struct Peers {
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    taken: HashMap<PeerKey, usize>,
    total: usize,
}

impl Peers {
    /// A place for one more request of a client; `None` when it has `most`.
    pub(super) fn take(self: &Arc<Self>, key: PeerKey, most: usize) -> Option<PeerPlace> {
        let mut places = lock(&self.places);
        let count = places.taken.entry(key).or_insert(0);
        if *count >= most {
            return None;
        }
        *count += 1;
        places.total += 1;
        Some(PeerPlace {
            peers: Arc::clone(self),
            key,
        })
    }

    pub(super) fn load(&self) -> PeerLoad {
        let places = lock(&self.places);
        PeerLoad {
            clients: places.taken.len(),
            requests: places.total,
        }
    }
}

/// A request's place among those of its client; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct PeerPlace {
    peers: Arc<Peers>,
    key: PeerKey,
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut places = lock(&self.peers.places);
        if let Entry::Occupied(mut entry) = places.taken.entry(self.key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
            places.total -= 1;
        }
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    fn key(address: &str) -> PeerKey {
        let peer = Peer::from(address.parse::<SocketAddr>().unwrap());
        PeerKey::of(&peer, None).unwrap()
    }

    #[test]
    fn an_address_a_network_or_a_user_is_one_client() {
        assert_eq!(key("192.0.2.1:5"), key("192.0.2.1:6"));
        assert_ne!(key("192.0.2.1:5"), key("192.0.2.2:5"));
        assert_eq!(key("[::ffff:192.0.2.1]:5"), key("192.0.2.1:6"));
        assert_eq!(key("[2001:db8:0:1::1]:5"), key("[2001:db8:0:1:ffff::2]:6"));
        assert_ne!(key("[2001:db8:0:1::1]:5"), key("[2001:db8:0:2::1]:5"));
        assert_eq!(PeerKey::of(&Peer::Unnamed, Some(7)), Some(PeerKey::User(7)));
        assert_eq!(PeerKey::of(&Peer::Unnamed, None), None);
    }

    #[test]
    fn each_client_has_its_own_places_and_is_forgotten_with_the_last() {
        let peers = Arc::new(Peers::default());
        let (one, other) = (key("192.0.2.1:5"), key("192.0.2.2:5"));
        let first = peers.take(one, 2).unwrap();
        let second = peers.take(one, 2).unwrap();
        assert!(peers.take(one, 2).is_none());
        let third = peers.take(other, 2).unwrap();
        drop(first);
        assert!(peers.take(one, 2).is_some());
        let load = |clients, requests| PeerLoad { clients, requests };
        assert_eq!(peers.load(), load(2, 2));
        drop((second, third));
        assert_eq!(peers.load(), load(0, 0));
    }

    #[test]
    fn many_who_take_at_once_hold_no_more_than_the_limit() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let (peers, holding) = (Arc::new(Peers::default()), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        let Some(place) = peers.take(PeerKey::User(1), 3) else {
                            continue;
                        };
                        assert!(holding.fetch_add(1, Ordering::SeqCst) < 3);
                        holding.fetch_sub(1, Ordering::SeqCst);
                        drop(place);
                    }
                });
            }
        });
        assert_eq!(peers.load(), PeerLoad::default());
    }
}
