//! What the clients of one run share: the plan, the phase and the books.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use greenserve::runtime;

use crate::base::failure::Failure;
use crate::base::tally::Tally;
use crate::plan::Plan;
use crate::plan::pace::{Loop, Schedule};
use crate::plan::payload::{Content, Payload};
use crate::plan::websocket::Opening;
use crate::run::recording::Recorder;
use crate::run::sessions::Sessions;
use crate::run::turnover::Turnover;

/// Shared by the clients of one run and by who leads it.
#[derive(Debug)]
pub(crate) struct Job {
    /// What is to be done.
    pub(crate) plan: Plan,
    /// What is sent.
    pub(crate) payload: Payload,
    /// When it is sent, in an open loop.
    pub(crate) schedule: Option<Arc<Schedule>>,
    /// How long first answers took, connecting included.
    pub(crate) arrivals: Recorder,
    /// From sending to the answer.
    pub(crate) service: Recorder,
    /// From the schedule's instant to the answer, in an open loop.
    pub(crate) response: Recorder,
    /// How late the client sent, by its own fault, in an open loop.
    pub(crate) lag: Recorder,
    /// What went wrong, in all phases.
    pub(crate) faults: Tally,
    /// Connections that were opened, in all phases.
    pub(crate) turnover: Turnover,
    /// TLS sessions that were made, in all phases.
    pub(crate) sessions: Sessions,
    phase: AtomicU8,
    /// The measured time, as planned; known when the clients begin to work.
    window: OnceLock<(Instant, Instant)>,
    counted: AtomicU64,
    /// When the last of the answers that were asked for came.
    enough: Mutex<Option<Instant>>,
    /// When the clients were told to send nothing more.
    closed: OnceLock<Instant>,
}

impl Job {
    /// A job that has not begun.
    ///
    /// # Errors
    /// When the file that messages are to be made of cannot be read.
    pub(crate) fn new(plan: Plan) -> Result<Job, Failure> {
        let workers = runtime::workers();
        let phases = (plan.warmup, plan.duration);
        let schedule = match &plan.pace {
            Loop::Closed(_) => None,
            Loop::Open { rate, arrivals, .. } => Some(Schedule::new(rate, *arrivals, plan.clients, plan.seed, phases)),
        };
        let mut payload = Payload::new(plan.seed, plan.sizes.clone(), &plan.content)?;
        if plan.opening.as_ref().is_some_and(Opening::is_text) {
            payload = payload.into_text(&plan.content)?;
        }
        Ok(Job {
            payload,
            schedule: schedule.map(Arc::new),
            plan,
            arrivals: Recorder::new(workers),
            service: Recorder::new(workers),
            response: Recorder::new(workers),
            lag: Recorder::new(workers),
            faults: Tally::new(),
            turnover: Turnover::default(),
            sessions: Sessions::default(),
            phase: AtomicU8::new(Phase::WarmUp as u8),
            window: OnceLock::new(),
            counted: AtomicU64::new(0),
            enough: Mutex::new(None),
            closed: OnceLock::new(),
        })
    }

    /// A hash of the file that messages are made of, if it is one.
    pub(crate) fn payload_hash(&self) -> Option<String> {
        let file = matches!(self.plan.content, Content::File(_));
        file.then(|| self.payload.fingerprint())
    }

    /// Where the run is.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::WarmUp,
            1 => Phase::Measure,
            2 => Phase::Closing,
            _ => Phase::Over,
        }
    }

    /// Goes on to `phase`.
    pub(crate) fn enter(&self, phase: Phase) {
        if phase >= Phase::Closing {
            self.closed.get_or_init(Instant::now);
        }
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// Fixes when the measured time begins.
    pub(crate) fn open_window(&self, begin: Instant) {
        // Once: a job is carried out once.
        let _ = self.window.set((begin, begin + self.plan.duration));
    }

    /// When the measured time begins and ends at the latest, once that is known.
    pub(crate) fn window(&self) -> Option<(Instant, Instant)> {
        self.window.get().copied()
    }

    /// When the measured time ended: with the last of the answers that were
    /// asked for, when it was stopped, or as planned; now, if it goes on.
    pub(crate) fn end(&self) -> Instant {
        let stopped = self.enough().or_else(|| self.closed.get().copied());
        let stopped = stopped.unwrap_or_else(Instant::now);
        self.window().map_or(stopped, |(_, planned)| stopped.min(planned))
    }

    /// Whether more went wrong than the plan bears.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.plan.most_errors.is_some_and(|most| self.faults.total() > most)
    }

    /// Whether an answer counts that comes now, to a message that was to be
    /// sent at `intended`. A schedule's message counts by its instant: one that
    /// is answered late must not be missed because it is late.
    pub(crate) fn counts(&self, intended: Instant) -> bool {
        match self.plan.pace {
            Loop::Closed(_) => self.phase() == Phase::Measure,
            Loop::Open { .. } => self
                .window()
                .is_some_and(|(begin, end)| (begin..end).contains(&intended)),
        }
    }

    /// Counts an answer; false when there were enough already.
    pub(crate) fn count(&self, at: Instant) -> bool {
        let Some(wanted) = self.plan.requests else {
            return true;
        };
        let counted = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
        if counted == wanted {
            *self.enough.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
            self.enter(Phase::Closing);
        }
        counted <= wanted
    }

    /// When the last answer came, if their number was bounded and reached.
    pub(crate) fn enough(&self) -> Option<Instant> {
        *self.enough.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The clients connect, or work without being measured.
    WarmUp,
    /// What the clients do counts.
    Measure,
    /// The clients send nothing more, but hold their connections.
    Closing,
    /// The clients finish what they are at.
    Over,
}
