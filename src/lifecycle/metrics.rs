//! What a server does, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{Counts, Lifecycle};
use crate::limits::{PeerLoad, Refused};
use crate::net::Overdue;

/// Bounds of the histogram of handler times: from 100 µs, each four times the
/// one before, to 28 minutes.
const BOUNDS: usize = 13;
const FIRST_BOUND: Duration = Duration::from_micros(100);

/// What a server has done since it was made; see
/// [`ServerHandle::metrics`](super::ServerHandle::metrics).
///
/// The numbers are read one after the other while the server goes on, so a
/// request that ends at that moment may stand in one and not in another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests that were accepted and given to a handler.
    pub accepted: u64,
    /// Requests in flight now.
    pub in_flight: usize,
    /// The most that may be in flight.
    pub max_connections: usize,
    /// The clients that these are of.
    pub peers: PeerLoad,
    /// What became of requests that came to nothing.
    pub counts: Counts,
    /// Requests that were refused, by limit or other reason.
    pub refused: Refused,
    /// Deadlines that clients missed, by deadline: see
    /// [`ServerHandle::overdue`](super::ServerHandle::overdue).
    pub overdue: [(Overdue, u64); Overdue::ALL.len()],
    /// Bytes that clients sent, and were read.
    pub received_bytes: u64,
    /// Bytes that were written to clients.
    pub sent_bytes: u64,
    /// How long requests took that have ended, from accept to close.
    pub request_time: RequestTimes,
    /// How often accepting paused, because something was used up.
    pub accept_pauses: u64,
}

/// How many requests took how long.
#[derive(Clone, Debug)]
pub struct RequestTimes {
    counts: [u64; BOUNDS + 1],
    total: Duration,
}

impl RequestTimes {
    /// How many took at most so long and longer than the bound before; `None`
    /// for those beyond the last bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let bounds = (0..BOUNDS).map(|at| Some(bound(at))).chain([None]);
        bounds.zip(self.counts.iter().copied())
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of them took together.
    pub fn total(&self) -> Duration {
        self.total
    }
}

fn bound(at: usize) -> Duration {
    FIRST_BOUND * 4_u32.pow(at as u32)
}

/// Where the numbers are counted that nothing else has. Atomics alone: no
/// handler can hold them.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    accepted: AtomicU64,
    accept_pauses: AtomicU64,
    traffic: Traffic,
    times: [AtomicU64; BOUNDS + 1],
    nanos: AtomicU64,
}

#[derive(Debug, Default)]
struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Meter {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn paused(&self) {
        self.accept_pauses.fetch_add(1, Ordering::Relaxed);
    }

    /// A request has ended, after `took`, with so many bytes.
    pub(crate) fn ended(&self, took: Duration, (received, sent): (u64, u64)) {
        let at = (0..BOUNDS).find(|at| took <= bound(*at)).unwrap_or(BOUNDS);
        self.times[at].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.traffic.received.fetch_add(received, Ordering::Relaxed);
        self.traffic.sent.fetch_add(sent, Ordering::Relaxed);
    }

    fn request_time(&self) -> RequestTimes {
        RequestTimes {
            counts: self.times.each_ref().map(|count| count.load(Ordering::Relaxed)),
            total: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

impl Metrics {
    pub(super) fn of(lifecycle: &Lifecycle) -> Metrics {
        let (meter, connections) = (lifecycle.meter(), lifecycle.connections());
        // Those in flight last: one that ends meanwhile is then missing until
        // the next time, and never counted twice.
        let (received, sent) = (&meter.traffic.received, &meter.traffic.sent);
        let ended = (received.load(Ordering::Relaxed), sent.load(Ordering::Relaxed));
        let live = connections.traffic();
        Metrics {
            accepted: meter.accepted.load(Ordering::Relaxed),
            in_flight: connections.count(),
            max_connections: connections.limit(),
            peers: lifecycle.gate().peers(),
            counts: lifecycle.tally().counts(),
            refused: lifecycle.gate().refused(),
            overdue: Overdue::ALL.map(|deadline| (deadline, lifecycle.overdue().of(deadline))),
            received_bytes: ended.0 + live.0,
            sent_bytes: ended.1 + live.1,
            request_time: meter.request_time(),
            accept_pauses: meter.accept_pauses.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_stands_below_the_first_bound_that_holds_it() {
        let meter = Meter::default();
        for micros in [1, 100, 101, 400, 1_600, u64::from(u32::MAX)] {
            meter.ended(Duration::from_micros(micros), (0, 0));
        }
        let times = meter.request_time();
        let filled: Vec<_> = times.buckets().filter(|(_, count)| *count > 0).collect();
        let micros = |micros| Some(Duration::from_micros(micros));
        assert_eq!(
            filled,
            [(micros(100), 2), (micros(400), 2), (micros(1_600), 1), (None, 1)]
        );
        assert_eq!(times.count(), 6);
        assert!(times.total() > Duration::from_secs(4_000));
    }
}
