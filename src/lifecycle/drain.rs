//! The end of a server: wait for what is in flight, then kill, then report.

use std::collections::HashSet;
use std::fmt;
use std::process::{ExitCode, Termination};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{EndsAwaited, Lifecycle};
use crate::runtime::{self, passed};

/// How long killed requests may take to notice.
const KILL_GRACE: Duration = Duration::from_millis(80);

/// The status of a process that ended because it was asked to, but cut short
/// what was in flight.
pub(crate) const CUT: u8 = 3;

/// What a server waited for when it stopped, and what it had to kill.
///
/// Give its [`exit_code`](DrainReport::exit_code) back from `main`, or itself,
/// as in `fn main() -> greenserve::Result<DrainReport>`: then whoever started
/// the program learns whether it ended well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// How many requests were in flight when the drain began.
    pub in_flight: usize,
    /// The names of those that were killed because the time was up, or a
    /// second signal came.
    pub killed: Vec<String>,
    /// The names of those that were killed and still run: handlers that
    /// compute, or that are in a system call of their own.
    pub survivors: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl DrainReport {
    /// True when everything in flight ended by itself.
    pub fn is_clean(&self) -> bool {
        self.killed.is_empty()
    }

    /// The status to end with: 0 when it [is clean](DrainReport::is_clean), 3
    /// when something was killed. A supervised program ends with the same ones:
    /// [`Ending::exit_code`](crate::Ending::exit_code).
    pub fn exit_code(&self) -> ExitCode {
        match self.is_clean() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(CUT),
        }
    }

    /// How many requests ended by themselves.
    pub fn finished(&self) -> usize {
        self.in_flight.saturating_sub(self.killed.len())
    }
}

impl Termination for DrainReport {
    fn report(self) -> ExitCode {
        self.exit_code()
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "drained {} requests in {:?}: {} finished",
            self.in_flight,
            self.took,
            self.finished()
        )?;
        if !self.killed.is_empty() {
            write!(f, ", killed {}", self.killed.join(", "))?;
        }
        if !self.survivors.is_empty() {
            write!(f, ", still running {}", self.survivors.join(", "))?;
        }
        Ok(())
    }
}

/// Waits for everything in flight to end, for at most `grace`, then kills.
///
/// `wait` waits for a change until a deadline, and `hurry` says that somebody
/// wants the killing now.
pub(crate) fn drain(
    lifecycle: &Arc<Lifecycle>,
    grace: Option<Duration>,
    mut wait: impl FnMut(u64),
    mut hurry: impl FnMut() -> bool,
) -> DrainReport {
    let begin = Instant::now();
    let connections = lifecycle.connections();
    let _told = EndsAwaited::new(lifecycle);
    let mut report = DrainReport {
        in_flight: connections.count(),
        ..DrainReport::default()
    };
    let mut until = |deadline: u64, hurry: &mut dyn FnMut() -> bool| {
        while connections.are_busy() && !passed(deadline) && !hurry() {
            wait(deadline);
        }
    };
    let end = grace.map_or(runtime::NEVER, runtime::after);
    until(runtime::earlier(end, lifecycle.kill_at()), &mut hurry);
    report.killed = connections.take_killed_early();
    report.in_flight = report.in_flight.max(report.killed.len());
    if connections.are_busy() {
        for name in connections.kill_all() {
            if !report.killed.contains(&name) {
                report.killed.push(name);
            }
        }
        until(runtime::after(KILL_GRACE), &mut || false);
        report.survivors = survivors(&report.killed, lifecycle);
    }
    report.took = begin.elapsed();
    report
}

fn survivors(killed: &[String], lifecycle: &Lifecycle) -> Vec<String> {
    let killed: HashSet<_> = killed.iter().collect();
    let still = lifecycle.connections().list();
    still
        .into_iter()
        .map(|state| state.name)
        .filter(|name| killed.contains(name))
        .collect()
}

/// Waits for any change of the lifecycle, until `deadline`.
pub(crate) fn wait_for_change(watcher: &super::Watcher, deadline: u64) {
    // Killed, or in a timeout of its own that has passed, the caller cannot
    // wait but still has to finish a drain that is bounded: it asks again.
    if watcher.task().park(deadline).is_err() && !passed(deadline) {
        runtime::yield_now();
    }
}
