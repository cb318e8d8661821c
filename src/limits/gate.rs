//! One server's limits as they are now, and what counts against them.

use std::fmt;
use std::sync::Arc;

use super::peers::Peers;
use super::rate::Meter;
use super::shim::{AtomicU64, Mutex, Ordering, lock};
use super::{AtLimit, Limits, PeerKey, PeerLoad, PeerPlace};

/// Which limit a request is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// [`Limits::connections`], or the process has no descriptor left.
    Connections,
    /// [`Limits::per_peer`].
    PerPeer,
    /// [`Limits::rate`].
    Rate,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Connections => "as many requests are in flight as may be",
            Refusal::PerPeer => "it has as many requests in flight as one client may have",
            Refusal::Rate => "more requests come in than may in this time",
        })
    }
}

/// Why a request is refused that is beyond no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwelcome {
    Hooks,
    UntrustedProxy,
    BadProxyHeader,
}

/// How many requests were refused since the server was made: turned away, by the
/// limit they were beyond, or not welcome, by who said so. Those that waited in
/// the kernel's queue are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// By [`Limits::connections`].
    pub connections: u64,
    /// By [`Limits::per_peer`].
    pub per_peer: u64,
    /// By [`Limits::rate`].
    pub rate: u64,
    /// By [`Hooks::verify_request`](crate::Hooks::verify_request) or
    /// [`process_request`](crate::Hooks::process_request), which said no or
    /// failed.
    pub hooks: u64,
    /// Connections from a peer whose PROXY header is not believed, where one is
    /// required ([`ProxyProtocol::trusting`](crate::ProxyProtocol::trusting)).
    pub untrusted_proxy: u64,
    /// Connections that began with what is no PROXY header, from a peer that has
    /// to send one. Who left in the middle of one is not in it, and counts as
    /// [`disconnected`](crate::Counts::disconnected).
    pub bad_proxy_header: u64,
}

/// What stands between the kernel's queue and the handlers. Its limits can be
/// changed at any time; what is in flight stays.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    limits: Mutex<Arc<Limits>>,
    meter: Meter,
    peers: Arc<Peers>,
    connections: AtomicU64,
    per_peer: AtomicU64,
    rate: AtomicU64,
    hooks: AtomicU64,
    untrusted_proxy: AtomicU64,
    bad_proxy_header: AtomicU64,
}

impl Gate {
    pub(crate) fn limits(&self) -> Arc<Limits> {
        Arc::clone(&lock(&self.limits))
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        *lock(&self.limits) = Arc::new(limits);
    }

    /// Whether a request that finds no room among all shall be accepted all
    /// the same, to be turned away.
    pub(crate) fn turns_away_at_connections(&self) -> bool {
        self.limits().at_connections != AtLimit::Wait
    }

    /// Until when nothing may be accepted, since too many came already; `None`
    /// if something may at `now`.
    pub(crate) fn closed_until(&self, now: impl FnOnce() -> u64) -> Option<u64> {
        let limits = self.limits();
        let rate = limits.rate.filter(|_| limits.at_rate == AtLimit::Wait)?;
        let ready_at = self.meter.ready_at(rate);
        (ready_at > now()).then_some(ready_at)
    }

    /// Counts a request that was accepted at `now`.
    ///
    /// # Errors
    /// When it is one too many for the rate.
    pub(crate) fn admit(&self, now: u64) -> Result<(), Refusal> {
        let limits = self.limits();
        match limits.rate {
            // Its loop looked before it accepted; another one may have been
            // faster, and then both wait longer for the next.
            Some(rate) if limits.at_rate == AtLimit::Wait => {
                self.meter.take(rate, now);
                Ok(())
            }
            Some(rate) if !self.meter.try_take(rate, now) => Err(Refusal::Rate),
            _ => Ok(()),
        }
    }

    /// A place among those of the request's client; `None` when there is no
    /// limit, or the client is not known.
    ///
    /// # Errors
    /// When the client has as many as one may have.
    pub(crate) fn admit_peer(&self, key: impl FnOnce() -> Option<PeerKey>) -> Result<Option<PeerPlace>, Refusal> {
        let Some(most) = self.limits().per_peer else {
            return Ok(None);
        };
        match key() {
            Some(key) => self.peers.take(key, most).map(Some).ok_or(Refusal::PerPeer),
            None => Ok(None),
        }
    }

    /// What a request that is turned away is to be told, and counts it.
    pub(crate) fn turn_away(&self, refusal: Refusal) -> AtLimit {
        let limits = self.limits();
        let (counter, policy) = match refusal {
            Refusal::Connections => (&self.connections, &limits.at_connections),
            Refusal::PerPeer => (&self.per_peer, &limits.at_per_peer),
            Refusal::Rate => (&self.rate, &limits.at_rate),
        };
        counter.fetch_add(1, Ordering::Relaxed);
        policy.clone()
    }

    /// Counts a request that is not welcome.
    pub(crate) fn refuse(&self, why: Unwelcome) {
        let counter = match why {
            Unwelcome::Hooks => &self.hooks,
            Unwelcome::UntrustedProxy => &self.untrusted_proxy,
            Unwelcome::BadProxyHeader => &self.bad_proxy_header,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn peers(&self) -> PeerLoad {
        self.peers.load()
    }

    pub(crate) fn refused(&self) -> Refused {
        Refused {
            connections: self.connections.load(Ordering::Relaxed),
            per_peer: self.per_peer.load(Ordering::Relaxed),
            rate: self.rate.load(Ordering::Relaxed),
            hooks: self.hooks.load(Ordering::Relaxed),
            untrusted_proxy: self.untrusted_proxy.load(Ordering::Relaxed),
            bad_proxy_header: self.bad_proxy_header.load(Ordering::Relaxed),
        }
    }
}
