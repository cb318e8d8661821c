//! All workers: who serves, who takes over, who leaves.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::label::Label;
use super::process::{End, Process};
use super::program::Program;
use super::restarts::{Delay, Failures};
use super::settings::Settings;
use super::slot::Slot;
use super::socket::Socket;
use crate::error::Error;

/// How much longer than its grace a worker may take until it is killed: it
/// kills what is in flight itself, and says so by its status.
const MARGIN: Duration = Duration::from_secs(2);

/// The workers of one supervisor.
#[derive(Debug)]
pub(super) struct Crew {
    settings: Settings,
    program: Program,
    sockets: Vec<Socket>,
    slots: Vec<Slot>,
    /// Told to end.
    leaving: Vec<Process>,
    failures: Failures,
    /// A successor did not come to serve, since the last time this was taken.
    replacement_failed: bool,
    /// Nobody is started any more.
    ends: bool,
    /// Those that were told to end since then and did not end well.
    cut: Vec<String>,
}

impl Crew {
    pub(super) fn new(settings: Settings, program: Program, sockets: Vec<Socket>, now: Instant) -> Crew {
        let delay = Delay::new(settings.least_delay, settings.most_delay);
        let slot = |_| Slot::new(delay.clone(), now);
        Crew {
            slots: (0..settings.workers).map(slot).collect(),
            failures: Failures::new(settings.most_failures),
            settings,
            program,
            sockets,
            leaving: Vec::new(),
            replacement_failed: false,
            ends: false,
            cut: Vec::new(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.slots.len()
    }

    /// How many workers serve.
    pub(super) fn serving(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_served()).count()
    }

    /// Nobody serves, and start after start failed. As long as one serves, a
    /// worker that cannot start is none.
    fn is_hopeless(&self) -> bool {
        self.failures.are_too_many() && self.serving() == 0
    }

    /// Why it is of no use to go on. Who is starting may still come to serve,
    /// and is waited for.
    pub(super) fn given_up(&self) -> Option<Error> {
        let has = !self.ends && self.is_hopeless() && self.slots.iter().all(Slot::is_empty);
        has.then(|| self.failures.to_error())
    }

    /// Fills the places whose time has come.
    pub(super) fn start_due(&mut self, now: Instant) {
        for index in 0..self.slots.len() {
            if self.slots[index].due().is_none_or(|due| now < due) || self.is_hopeless() {
                continue;
            }
            match self.start(index) {
                Ok(process) => self.slots[index].fill(process),
                Err(how) => {
                    self.failures.add(how);
                    self.slots[index].fill_later(Duration::ZERO, now);
                }
            }
        }
    }

    /// Starts a worker beside the one at `index`, to take over when it is
    /// ready; nothing when there is nobody to replace, as who comes next is new
    /// anyway.
    pub(super) fn replace(&mut self, index: usize) {
        if self.slots[index].is_empty() {
            return;
        }
        match self.start(index) {
            Ok(process) => self.slots[index].replace_by(process),
            Err(_) => self.replacement_failed = true,
        }
    }

    /// # Errors
    /// The reason, logged already.
    fn start(&self, index: usize) -> Result<Process, String> {
        let label = Label {
            index,
            sockets: self.sockets.len(),
            grace: self.settings.grace,
            supervisor: std::process::id(),
        };
        let sockets: Vec<_> = self.sockets.iter().map(AsFd::as_fd).collect();
        let started = Process::start(&self.program, label, &sockets).map_err(|err| {
            let path = self.program.path().display();
            format!("worker {index} could not be started from {path}: {err}")
        });
        match &started {
            Ok(process) => log::info!("{process} starts"),
            Err(how) => log::error!("{how}"),
        }
        started
    }

    /// Takes in who has become ready, and has the one that it replaces drain.
    pub(super) fn hear(&mut self, now: Instant) {
        for slot in &mut self.slots {
            let (ready, old) = slot.hear();
            if ready {
                self.failures.forget();
            }
            if let Some(mut old) = old {
                old.tell_to_end(self.settings.grace + MARGIN, now);
                self.leaving.push(old);
            }
        }
    }

    /// Kills who has taken too long: to be ready, or to end.
    pub(super) fn kill_overdue(&mut self, now: Instant) {
        let limit = self.settings.ready_within;
        for slot in &mut self.slots {
            for process in slot.processes_mut() {
                if process.is_late(limit, now) {
                    process.kill("it did not say that it is ready in time (Worker::serve and Worker::ready do)");
                }
            }
        }
        for process in &mut self.leaving {
            process.kill_overdue(now);
        }
    }

    /// Takes note of who has ended.
    pub(super) fn reap(&mut self, now: Instant) {
        let mut left = Vec::new();
        self.leaving.retain_mut(|process| match process.reap() {
            Some(end) => {
                left.push(end);
                false
            }
            None => true,
        });
        for end in left {
            self.has_left(&end);
        }
        for slot in &mut self.slots {
            if let Some(end) = slot.reap_successor() {
                log::error!("{end} before it served; the one that it was to replace goes on");
                self.replacement_failed = true;
            }
            if let Some(end) = slot.reap_serving() {
                match end.is_clean() {
                    true => log::warn!("{end} after {:?}, unasked", end.lived),
                    false => log::error!("{end} after {:?}", end.lived),
                }
                if !end.was_ready {
                    self.failures.add(end.to_string());
                }
                if slot.is_empty() {
                    slot.fill_later(end.lived, now);
                }
            }
        }
    }

    fn has_left(&mut self, end: &End) {
        match end.is_clean() {
            true => log::info!("{end}"),
            false => log::warn!("{end}"),
        }
        if self.ends && !end.is_clean() {
            self.cut.push(end.to_string());
        }
    }

    /// Whether one is starting to take over, or has been told to end.
    pub(super) fn is_changing(&self) -> bool {
        !self.leaving.is_empty() || self.slots.iter().any(Slot::is_being_replaced)
    }

    /// Whether the worker at `index` is there and not ready yet.
    pub(super) fn is_starting(&self, index: usize) -> bool {
        self.slots[index].is_starting()
    }

    pub(super) fn take_replacement_failed(&mut self) -> bool {
        std::mem::take(&mut self.replacement_failed)
    }

    /// Closes the sockets and tells everybody to drain who does not yet; called
    /// again, tells everybody again, which cuts the drain short.
    pub(super) fn end(&mut self, now: Instant) {
        let mut told: Vec<_> = match std::mem::replace(&mut self.ends, true) {
            true => std::mem::take(&mut self.leaving),
            false => Vec::new(),
        };
        self.sockets.clear();
        for slot in &mut self.slots {
            told.extend(slot.vacate());
        }
        for process in &mut told {
            process.tell_to_end(self.settings.grace + MARGIN, now);
        }
        self.leaving.append(&mut told);
    }

    /// What became of those that did not end well, once all have ended.
    pub(super) fn take_cut(&mut self) -> Option<Vec<String>> {
        (self.ends && self.leaving.is_empty()).then(|| std::mem::take(&mut self.cut))
    }

    /// Passes a signal on to those that handle it; it would end the others.
    pub(super) fn pass_on(&self, signal: Signal) {
        for process in self.processes() {
            match process.catches(signal) {
                true => process.send(signal),
                false => log::warn!("{process} does not handle {signal}, which was not passed on to it"),
            }
        }
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        self.slots.iter().flat_map(Slot::processes).chain(&self.leaving)
    }

    /// What becomes readable when somebody is ready.
    pub(super) fn reports(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let starting = self.slots.iter().flat_map(Slot::processes);
        starting.filter_map(Process::report)
    }

    /// When there is something to do that no event tells.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let limit = self.settings.ready_within;
        let of_processes = self
            .processes()
            .flat_map(|process| [process.kill_at(), process.ready_by(limit)]);
        // Without hope nobody is started, however long that has been due.
        let filled = self.slots.iter().filter(|_| !self.is_hopeless());
        let of_slots = filled.map(Slot::due);
        of_processes.chain(of_slots).flatten().min()
    }
}
