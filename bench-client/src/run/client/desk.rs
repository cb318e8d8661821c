//! What all clients keep: who they are, when they send, what they have done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::taxonomy::{Doing, ErrorClass, Fault};
use crate::plan::accepts::ON_TIME;
use crate::plan::origin::Origin;
use crate::plan::pace::{Loop, Pace};
use crate::run::job::{Job, Phase};

/// How long a client sleeps at most while it does not know when the run ends,
/// or waits for its end.
pub(super) const NAP: Duration = Duration::from_millis(20);

/// What a client has done when it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Served {
    /// Messages sent, in all phases, the first one included.
    pub(crate) sent: u64,
    /// Answers that counted.
    pub(crate) answers: u64,
    /// Bytes of those.
    pub(crate) bytes: u64,
    /// Messages without an answer at the end.
    pub(crate) unfinished: u64,
    /// Messages that the schedule had for the window, sent or not.
    pub(crate) scheduled: u64,
}

/// Why an exchange came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    Fault(Fault),
    /// The answer was wrong, and is counted already.
    Counted,
    /// The client was told to stop.
    Stopped,
}

/// What all clients keep: who they are, when they send, what they have done.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) job: Arc<Job>,
    pub(super) connection: u32,
    pub(super) sequence: u64,
    pub(super) pace: Pace,
    /// When the client last had a message less on its way than it may.
    pub(super) free_since: Instant,
    pub(super) served: Served,
}

impl Desk {
    pub(super) fn new(job: &Arc<Job>, connection: u32) -> Desk {
        Desk {
            job: Arc::clone(job),
            connection,
            sequence: 0,
            pace: Pace::AtOnce,
            free_since: Instant::now(),
            served: Served::default(),
        }
    }

    /// From now on messages are sent as the plan says.
    pub(super) fn start(&mut self) {
        let plan = &self.job.plan;
        let think = match plan.pace {
            Loop::Closed(think) => think,
            Loop::Open { .. } => None,
        };
        let window = self.job.window().map_or_else(Instant::now, |(begin, _)| begin);
        self.pace = Pace::new(think, self.job.schedule.as_ref(), plan.seed, self.connection, window);
    }

    pub(super) fn is_over(&self) -> bool {
        self.job.phase() == Phase::Over
    }

    /// Whether messages may still be sent.
    pub(super) fn may_send(&self) -> bool {
        matches!(self.job.phase(), Phase::WarmUp | Phase::Measure)
    }

    /// Whether another may be sent while so many are on their way.
    pub(super) fn may_send_beside(&self, flights: usize) -> bool {
        flights < self.job.plan.depth as usize && self.may_send()
    }

    pub(super) fn next_origin(&mut self) -> Origin {
        let origin = Origin {
            connection: self.connection,
            sequence: self.sequence,
        };
        self.sequence += 1;
        origin
    }

    /// The instant the next message was to be sent, if that is not in the future.
    pub(super) fn take_turn(&mut self, now: Instant) -> Option<Instant> {
        let intended = self.pace.due().unwrap_or(now);
        if intended > now {
            return None;
        }
        self.pace.sent();
        self.served.scheduled += u64::from(self.pace.is_scheduled() && self.job.counts(intended));
        Some(intended)
    }

    /// Counts a message as shed if the plan says that it comes too late to be sent.
    pub(super) fn sheds(&self, intended: Instant, now: Instant) -> bool {
        let Loop::Open { shed: Some(limit), .. } = self.job.plan.pace else {
            return false;
        };
        let late = now.saturating_duration_since(intended);
        if late > limit {
            self.note(Fault {
                class: ErrorClass::Shed,
                detail: format!("{:.0} ms late", late.as_secs_f64() * 1e3),
            });
        }
        late > limit
    }

    /// A message was sent: how late that was by the client's own fault.
    pub(super) fn sent(&mut self, flight: &Flight) {
        self.served.sent += 1;
        if self.job.plan.pace.is_open() && self.job.counts(flight.intended) {
            let could = flight.intended.max(self.free_since);
            self.job
                .lag
                .record(self.connection, flight.began.saturating_duration_since(could));
        }
    }

    /// A right answer came.
    pub(super) fn answered(&mut self, flight: &Flight, at: Instant) {
        self.pace.answered(at);
        if !self.job.counts(flight.intended) {
            return;
        }
        if !self.job.count(at) {
            // The answers asked for were there before it: it is none too few.
            self.served.scheduled = self.served.scheduled.saturating_sub(1);
            return;
        }
        self.served.answers += 1;
        self.served.bytes += flight.size as u64;
        self.job.service.record(self.connection, at - flight.began);
        if self.job.plan.pace.is_open() {
            let response = at.saturating_duration_since(flight.intended);
            self.job.response.record(self.connection, response);
        }
    }

    /// What was done in all, the last exchange having ended so.
    pub(super) fn after_goodbye(mut self, said: Result<(), Trouble>) -> Served {
        match said {
            Ok(()) | Err(Trouble::Counted) => {}
            Err(Trouble::Fault(fault)) => self.note(fault),
            Err(Trouble::Stopped) => self.served.unfinished += 1,
        }
        self.served
    }

    pub(super) fn note(&self, fault: Fault) {
        self.job.faults.note(self.connection, fault);
    }

    /// Sleeps until the next message is due, or for as long as the run may last.
    pub(super) fn rest(&self) -> Result<(), Trouble> {
        let nap = Instant::now() + NAP;
        let until = match self.pace.due() {
            Some(due) if self.may_send() => due.min(nap),
            _ => nap,
        };
        greenserve::runtime::sleep_until(until).map_err(|err| trouble(&err, Doing::Receiving))
    }

    /// How long to wait for an answer now: until `deadline`, or until a message
    /// is due if one more may be sent.
    pub(super) fn patience(&self, deadline: Instant, may_send: bool, now: Instant) -> Duration {
        let until = match self.pace.due() {
            Some(due) if may_send => due.min(deadline),
            _ => deadline,
        };
        // A timeout of nothing is refused; a millionth of a second is soon enough.
        until.saturating_duration_since(now).max(Duration::from_micros(1))
    }

    /// Messages of the schedule that were due and not sent, but for those due so
    /// late in the window that a client on time may send them after it.
    pub(super) fn left_over(&mut self) -> u64 {
        let mut left = 0;
        if self.pace.is_scheduled() {
            let end = self.job.end().checked_sub(ON_TIME);
            while let Some(due) = self.pace.due().filter(|due| end.is_some_and(|end| *due < end)) {
                self.served.scheduled += u64::from(self.job.counts(due));
                self.pace.sent();
                left += 1;
            }
        }
        left
    }
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) origin: Origin,
    /// When it was to be sent.
    pub(super) intended: Instant,
    /// When it was, or when the client began to wait until it could be.
    pub(super) began: Instant,
    /// When `--timeout` began for its answer: over a connection, when it became
    /// the oldest on its way; for a datagram, when it was sent.
    pub(super) awaited: Instant,
    /// Bytes of the message proper; of the answer once there is one.
    pub(super) size: usize,
}

pub(super) fn trouble(err: &std::io::Error, doing: Doing) -> Trouble {
    Fault::of(err, doing).map_or(Trouble::Stopped, Trouble::Fault)
}
