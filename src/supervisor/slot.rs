//! The place of one worker.

use std::time::{Duration, Instant};

use super::process::{End, Process};
use super::restarts::Delay;

/// At most one process serves in it, but while that one is replaced another
/// one starts beside it.
#[derive(Debug)]
pub(super) struct Slot {
    serving: Option<Process>,
    /// Takes over once it is ready.
    successor: Option<Process>,
    /// When the empty place is filled.
    due: Option<Instant>,
    delay: Delay,
}

impl Slot {
    /// To be filled at once.
    pub(super) fn new(delay: Delay, now: Instant) -> Slot {
        Slot {
            serving: None,
            successor: None,
            due: Some(now),
            delay,
        }
    }

    pub(super) fn processes(&self) -> impl Iterator<Item = &Process> {
        self.serving.iter().chain(&self.successor)
    }

    pub(super) fn processes_mut(&mut self) -> impl Iterator<Item = &mut Process> {
        self.serving.iter_mut().chain(&mut self.successor)
    }

    pub(super) fn is_served(&self) -> bool {
        self.serving.as_ref().is_some_and(Process::is_ready)
    }

    /// Whether its worker is there and not ready yet.
    pub(super) fn is_starting(&self) -> bool {
        self.serving.is_some() && !self.is_served()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.serving.is_none()
    }

    pub(super) fn is_being_replaced(&self) -> bool {
        self.successor.is_some()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn fill(&mut self, process: Process) {
        self.due = None;
        self.serving = Some(process);
    }

    pub(super) fn replace_by(&mut self, successor: Process) {
        self.successor = Some(successor);
    }

    /// The next worker comes after a while, as the last one lived so long.
    pub(super) fn fill_later(&mut self, lived: Duration, now: Instant) {
        self.due = Some(now + self.delay.after_life(lived));
    }

    /// Empties it for good.
    pub(super) fn vacate(&mut self) -> impl Iterator<Item = Process> {
        self.due = None;
        self.serving.take().into_iter().chain(self.successor.take())
    }

    /// Whether a worker has become ready; and who has to leave for it.
    pub(super) fn hear(&mut self) -> (bool, Option<Process>) {
        let mut ready = self.serving.as_mut().is_some_and(Process::hear);
        let mut old = None;
        if self.successor.as_mut().is_some_and(Process::hear) {
            ready = true;
            old = std::mem::replace(&mut self.serving, self.successor.take());
        }
        if ready && let Some(process) = &self.serving {
            log::info!("{process} serves");
        }
        (ready, old)
    }

    /// The end of its worker, if that has come. Who was to take over later
    /// does so now.
    pub(super) fn reap_serving(&mut self) -> Option<End> {
        let end = self.serving.as_mut()?.reap()?;
        self.serving = self.successor.take();
        Some(end)
    }

    /// The end of who was to take over, if that has come.
    pub(super) fn reap_successor(&mut self) -> Option<End> {
        let end = self.successor.as_mut()?.reap()?;
        self.successor = None;
        Some(end)
    }
}
