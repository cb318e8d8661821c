//! The supervisor's loop: signals, workers, systemd.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::crew::Crew;
use super::ending::Ending;
use super::notifier::Notifier;
use super::rollover::{Rollover, Round};
use super::signals::Signals;
use crate::error::{Error, Result};

/// How long one sleep is at most, in milliseconds: what poll(2) takes easily.
const LONGEST_SLEEP: u16 = 60_000;

/// The process that has the workers, and does nothing else: no thread, no
/// coroutine, no connection.
#[derive(Debug)]
pub(super) struct Parent {
    crew: Crew,
    signals: Signals,
    notifier: Notifier,
    rollover: Option<Rollover>,
    stage: Stage,
    /// How many workers served when it was last told.
    told: usize,
}

#[derive(Debug)]
enum Stage {
    /// Not all workers have been ready yet.
    Starting,
    Serving,
    Ending {
        since: Instant,
        gave_up: Option<Error>,
    },
}

impl Parent {
    pub(super) fn new(crew: Crew, signals: Signals) -> Parent {
        Parent {
            crew,
            signals,
            notifier: Notifier::of_this_process(),
            rollover: None,
            stage: Stage::Starting,
            told: 0,
        }
    }

    /// Keeps the workers until a signal, and calls `all_serve` once.
    pub(super) fn run(mut self, all_serve: impl FnOnce()) -> Result<Ending> {
        let mut all_serve = Some(all_serve);
        loop {
            let now = Instant::now();
            self.answer_signals(now);
            self.crew.hear(now);
            self.crew.reap(now);
            self.crew.kill_overdue(now);
            self.crew.start_due(now);
            if let Some(err) = self.crew.given_up() {
                self.end(Some(err), now);
            }
            self.advance_rollover();
            if self.have_come_to_serve()
                && let Some(all_serve) = all_serve.take()
            {
                all_serve();
            }
            self.tell_number();
            if let Some(cut) = self.crew.take_cut() {
                return self.ended(cut);
            }
            self.sleep(now)?;
        }
    }

    fn answer_signals(&mut self, now: Instant) {
        for signal in self.signals.take() {
            match signal {
                Signal::SIGTERM | Signal::SIGINT => {
                    log::info!("{signal}: the workers are told to end");
                    self.end(None, now);
                }
                Signal::SIGHUP => self.roll(),
                // Who has ended is asked of each worker.
                Signal::SIGCHLD => {}
                other => self.crew.pass_on(other),
            }
        }
    }

    fn end(&mut self, gave_up: Option<Error>, now: Instant) {
        if let Some(err) = &gave_up {
            log::error!("{err}");
        }
        if !matches!(self.stage, Stage::Ending { .. }) {
            self.notifier.stopping();
            self.rollover = None;
            self.stage = Stage::Ending { since: now, gave_up };
        }
        self.crew.end(now);
    }

    fn ended(self, cut: Vec<String>) -> Result<Ending> {
        match self.stage {
            Stage::Ending { gave_up: Some(err), .. } => Err(err),
            Stage::Ending { since, .. } => Ok(Ending::of_supervisor(cut, since.elapsed())),
            Stage::Starting | Stage::Serving => Ok(Ending::of_supervisor(cut, Duration::ZERO)),
        }
    }

    fn roll(&mut self) {
        match (&self.stage, &mut self.rollover) {
            (Stage::Ending { .. }, _) => {}
            (_, Some(rollover)) => rollover.repeat(),
            (_, None) => {
                log::info!("SIGHUP: the workers are replaced one after the other");
                self.crew.take_replacement_failed();
                self.notifier.reloading();
                self.rollover = Some(Rollover::new(&self.crew));
            }
        }
    }

    fn advance_rollover(&mut self) {
        let Some(rollover) = &mut self.rollover else {
            return;
        };
        match rollover.advance(&mut self.crew) {
            Round::GoesOn => return,
            Round::Done => log::info!("all workers have been replaced"),
            Round::Abandoned => log::error!("the replacement of the workers was given up"),
        }
        self.rollover = None;
        if matches!(self.stage, Stage::Serving) {
            // The end of the reload, also of one that failed.
            self.notifier.ready(&self.status());
        }
    }

    /// True when all workers serve for the first time.
    fn have_come_to_serve(&mut self) -> bool {
        if !matches!(self.stage, Stage::Starting) || self.crew.serving() < self.crew.size() {
            return false;
        }
        self.stage = Stage::Serving;
        self.told = self.crew.serving();
        self.notifier.ready(&self.status());
        true
    }

    fn tell_number(&mut self) {
        let serving = self.crew.serving();
        if matches!(self.stage, Stage::Serving) && serving != self.told {
            self.told = serving;
            self.notifier.status(&self.status());
        }
    }

    fn status(&self) -> String {
        format!("{} of {} workers serve", self.crew.serving(), self.crew.size())
    }

    /// Until a signal, a worker's report or the next deadline.
    fn sleep(&mut self, now: Instant) -> Result<()> {
        let deadlines = [self.notifier.alive(now), self.crew.next_deadline()];
        let timeout = until(deadlines.into_iter().flatten().min());
        let watched = self.crew.reports().chain([self.signals.as_fd()]);
        let mut watched: Vec<_> = watched.map(|one| PollFd::new(one, PollFlags::POLLIN)).collect();
        match poll(&mut watched, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(err) => Err(Error::System {
                action: "wait for workers",
                source: err.into(),
            }),
        }
    }
}

/// Rounded up, so as not to turn in the last millisecond.
fn until(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else {
        return PollTimeout::NONE;
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let milliseconds = left.as_nanos().div_ceil(1_000_000);
    PollTimeout::from(u16::try_from(milliseconds).unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP))
}
