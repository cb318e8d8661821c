//! What a connection's deadlines know of it, and by when they want something.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::deadlines::Deadlines;
use super::overdue::{Overdue, OverdueCounts};
use super::silence::Silence;
use super::stream::{Stream, SystemStream};
use crate::runtime::{Direction, NEVER, lock, now};

/// Deadlines, and where those are counted that are missed.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) deadlines: Deadlines,
    pub(crate) counts: Arc<OverdueCounts>,
}

/// One connection's progress, in a cache line of its own.
#[derive(Debug)]
pub(super) struct Pace {
    rules: Mutex<Option<Arc<Rules>>>,
    /// When it was accepted.
    begun: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    /// What had been received when the client's first byte was still to come: a
    /// proxy's header, a handshake.
    preface: AtomicU32,
    pub(super) silence: Silence,
    /// Since when writes have to wait, [`NEVER`] if they do not, and what had
    /// been sent by then.
    full_since: AtomicU64,
    full_at: AtomicU64,
}

/// One operation's part in it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// What its parts have moved.
    moved: u64,
    /// When it first had to wait for the rest of a message that had begun, and
    /// what had been moved by then.
    since: u64,
    moved_by_then: u64,
    /// The deadline of the present wait that is due first.
    next: Option<(u64, Overdue)>,
    /// Whether the present part has waited.
    waited: bool,
}

impl Progress {
    pub(super) fn begin_part(&mut self) {
        self.waited = false;
    }

    pub(super) fn count(&mut self, moved: usize) {
        self.moved += moved as u64;
    }

    /// Notes a deadline if it is due before the others.
    fn by(&mut self, at: Option<u64>, deadline: Overdue) {
        if let Some(at) = at
            && self.next.is_none_or(|(earliest, _)| at < earliest)
        {
            self.next = Some((at, deadline));
        }
    }
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace {
            rules: Mutex::new(None),
            begun: AtomicU64::new(NEVER),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            preface: AtomicU32::new(0),
            silence: Silence::default(),
            full_since: AtomicU64::new(NEVER),
            full_at: AtomicU64::new(0),
        }
    }

    /// For a second handle of the connection.
    pub(super) fn duplicate(&self) -> Pace {
        Pace {
            rules: Mutex::new(self.rules()),
            begun: AtomicU64::new(self.begun.load(Ordering::Relaxed)),
            received: AtomicU64::new(self.received.load(Ordering::Relaxed)),
            preface: AtomicU32::new(self.preface.load(Ordering::Relaxed)),
            ..Pace::new()
        }
    }

    pub(super) fn rules(&self) -> Option<Arc<Rules>> {
        lock(&self.rules).clone()
    }

    pub(super) fn follow(&self, rules: Arc<Rules>) {
        // A connection is as old as its first rules.
        let _ = self
            .begun
            .compare_exchange(NEVER, now(), Ordering::Relaxed, Ordering::Relaxed);
        *lock(&self.rules) = Some(rules);
    }

    /// The bytes received and sent.
    pub(super) fn traffic(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }

    /// Counts what a read brought.
    pub(super) fn received(&self, count: usize) {
        self.received.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Counts what a write moved; one that moved all without waiting shows that
    /// the client keeps up.
    pub(super) fn sent(&self, count: usize, of: usize, progress: &Progress) {
        self.sent.fetch_add(count as u64, Ordering::Relaxed);
        if count == of && !progress.waited && self.full_since.load(Ordering::Relaxed) != NEVER {
            self.full_since.store(NEVER, Ordering::Relaxed);
        }
    }

    /// By when the next wait must have ended; notes for which deadline.
    pub(super) fn next_wait(&self, direction: Direction, progress: &mut Progress) -> u64 {
        (progress.next, progress.waited) = (None, true);
        // Held to the end: cheaper than a share of the rules, and it is short.
        let rules = lock(&self.rules);
        let Some(rules) = rules.as_deref() else { return NEVER };
        let (deadlines, now) = (&rules.deadlines, now());
        let begun = self.begun.load(Ordering::Relaxed);
        progress.by(later(begun, deadlines.connection), Overdue::Connection);
        match direction {
            Direction::Read => self.next_read(deadlines, now, progress),
            Direction::Write => self.next_write(deadlines, now, progress),
        }
        progress.next.map_or(NEVER, |(at, _)| at)
    }

    /// Whether the client has said nothing of its own yet.
    pub(super) fn awaits_first_byte(&self) -> bool {
        self.received.load(Ordering::Relaxed) == u64::from(self.preface.load(Ordering::Relaxed))
    }

    fn next_read(&self, deadlines: &Deadlines, now: u64, progress: &mut Progress) {
        if self.awaits_first_byte() {
            let begun = self.begun.load(Ordering::Relaxed);
            return progress.by(later(begun, deadlines.first_byte), Overdue::FirstByte);
        }
        progress.by(later(self.silence.begun_before(now), deadlines.idle), Overdue::Idle);
        if progress.moved == 0 {
            return;
        }
        if progress.since == NEVER {
            (progress.since, progress.moved_by_then) = (now, progress.moved);
        }
        let moved = progress.moved - progress.moved_by_then;
        let at = deadlines
            .receive_rate
            .map(|rate| progress.since.saturating_add(rate.time_for(moved)));
        progress.by(at, Overdue::ReceiveRate);
    }

    fn next_write(&self, deadlines: &Deadlines, now: u64, progress: &mut Progress) {
        progress.by(later(now, deadlines.write), Overdue::Write);
        let sent = self.sent.load(Ordering::Relaxed);
        if self.full_since.load(Ordering::Relaxed) == NEVER {
            self.full_since.store(now, Ordering::Relaxed);
            self.full_at.store(sent, Ordering::Relaxed);
        }
        let since = self.full_since.load(Ordering::Relaxed);
        let moved = sent.saturating_sub(self.full_at.load(Ordering::Relaxed));
        let at = deadlines
            .send_rate
            .map(|rate| since.saturating_add(rate.time_for(moved)));
        progress.by(at, Overdue::SendRate);
    }

    /// Whether the connection is as old as it may become.
    pub(super) fn is_too_old(&self) -> bool {
        let limit = lock(&self.rules)
            .as_deref()
            .and_then(|rules| rules.deadlines.connection);
        later(self.begun.load(Ordering::Relaxed), limit).is_some_and(|end| now() >= end)
    }

    /// The deadline that ended a wait, if it was one.
    pub(super) fn missed(&self, progress: &Progress) -> Option<Overdue> {
        let (at, deadline) = progress.next?;
        (now() >= at).then_some(deadline)
    }

    pub(super) fn count_missed(&self, deadline: Overdue) {
        if let Some(rules) = self.rules() {
            rules.counts.count(deadline);
        }
    }
}

impl<S: SystemStream> Stream<S> {
    /// Has the client keep `deadlines` from now on, in place of those that the
    /// [server](crate::Builder::deadlines) gave. They count from the accept, or
    /// from the first call where no server has set any.
    ///
    /// A handler that waits on purpose for a slow client says so:
    ///
    /// ```
    /// use greenserve::net::TcpStream;
    ///
    /// fn stream_slowly(client: &mut TcpStream) {
    ///     let deadlines = client.deadlines().idle(None).send_rate(None);
    ///     client.set_deadlines(deadlines);
    /// }
    /// ```
    ///
    /// Handles that were [cloned](Stream::try_clone) before keep their own. Those
    /// that are missed are counted by a server that has deadlines itself.
    pub fn set_deadlines(&self, deadlines: Deadlines) {
        let counts = self
            .socket()
            .pace
            .rules()
            .map_or_else(Arc::default, |rules| Arc::clone(&rules.counts));
        self.watch(Arc::new(Rules { deadlines, counts }));
    }

    /// Has those that are missed counted in `counts`, unless they are counted
    /// somewhere already.
    pub(crate) fn count_missed_in(&self, counts: &Arc<OverdueCounts>) {
        if self.socket().pace.rules().is_none() {
            self.watch(Arc::new(Rules {
                deadlines: Deadlines::none(),
                counts: Arc::clone(counts),
            }));
        }
    }

    /// The deadlines that the client has to keep.
    pub fn deadlines(&self) -> Deadlines {
        let rules = self.socket().pace.rules();
        rules.map_or_else(Deadlines::none, |rules| rules.deadlines.clone())
    }

    /// The bytes received and sent through this handle.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        self.socket().pace.traffic()
    }

    /// What has been received was not from the client: its first byte is still
    /// to come.
    pub(crate) fn client_begins_here(&self) {
        let pace = &self.socket().pace;
        // Neither a header nor a handshake comes near this.
        let received = u32::try_from(pace.received.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        pace.preface.store(received, Ordering::Relaxed);
    }

    pub(crate) fn watch(&self, rules: Arc<Rules>) {
        self.socket().watch(rules);
    }
}

fn later(from: u64, limit: Option<Duration>) -> Option<u64> {
    let nanos = u64::try_from(limit?.as_nanos()).unwrap_or(u64::MAX);
    Some(from.saturating_add(nanos))
}
