//! Room for one request, taken before the request is accepted.

use std::sync::Arc;

use super::Lifecycle;
use crate::limits::{PeerKey, PeerPlace, Refusal};

/// A place under a server's limits. Who holds one may accept one request, and
/// with several accept loops that is what keeps the limit: to look at the
/// count first and to accept then lets two loops take the last place.
///
/// However it ends, the place is free again.
#[derive(Debug)]
pub(crate) struct Reservation {
    lifecycle: Arc<Lifecycle>,
    /// Known once the request is: its place among those of its client.
    peer: Option<PeerPlace>,
}

impl Reservation {
    /// `None` when the server is full.
    pub(crate) fn take(lifecycle: &Arc<Lifecycle>) -> Option<Reservation> {
        lifecycle.connections().reserve().then(|| Reservation {
            lifecycle: Arc::clone(lifecycle),
            peer: None,
        })
    }

    /// Takes a place among those of the request's client too.
    ///
    /// # Errors
    /// When the client has as many as one may have.
    pub(crate) fn admit_peer(&mut self, key: impl FnOnce() -> Option<PeerKey>) -> Result<(), Refusal> {
        self.peer = self.lifecycle.gate().admit_peer(key)?;
        Ok(())
    }

    pub(super) fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // First, or the client's next request, which may come as soon as there
        // is room, would find this one's place among its own still taken.
        drop(self.peer.take());
        self.lifecycle.connections().release();
        if self.lifecycle.connections().are_ends_awaited() {
            self.lifecycle.changed();
        }
    }
}

/// Somebody waits for room, or for the end of all: as long as this lives, each
/// place that gets free is a change of the lifecycle.
#[derive(Debug)]
pub(crate) struct EndsAwaited {
    lifecycle: Arc<Lifecycle>,
}

impl EndsAwaited {
    pub(crate) fn new(lifecycle: &Arc<Lifecycle>) -> EndsAwaited {
        lifecycle.connections().await_ends();
        EndsAwaited {
            lifecycle: Arc::clone(lifecycle),
        }
    }
}

impl Drop for EndsAwaited {
    fn drop(&mut self) {
        self.lifecycle.connections().await_ends_no_more();
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn many_who_ask_at_once_never_hold_more_than_the_limit() {
        let lifecycle = Lifecycle::new(3).unwrap();
        let (holding, start) = (AtomicUsize::new(0), Barrier::new(4));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..10_000 {
                        if let Some(place) = Reservation::take(&lifecycle) {
                            assert!(holding.fetch_add(1, Ordering::SeqCst) < 3);
                            holding.fetch_sub(1, Ordering::SeqCst);
                            drop(place);
                        }
                    }
                });
            }
        });
        assert!(!lifecycle.connections().is_full());
    }

    #[test]
    fn one_who_no_longer_waits_does_not_speak_for_another() {
        let lifecycle = Lifecycle::new(1).unwrap();
        let one = EndsAwaited::new(&lifecycle);
        let another = EndsAwaited::new(&lifecycle);
        drop(one);
        assert!(lifecycle.connections().are_ends_awaited());
        drop(another);
        assert!(!lifecycle.connections().are_ends_awaited());
    }
}
