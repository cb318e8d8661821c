//! How a supervised program ended, in either of its roles.

use std::fmt;
use std::process::{ExitCode, Termination};
use std::time::Duration;

use crate::lifecycle::{CUT, DrainReport};

/// How this process ended: as a worker, or as the supervisor of all workers.
///
/// Give its [`exit_code`](Ending::exit_code) back from `main`, or itself, as
/// in `fn main() -> greenserve::Result<Ending>`. A worker's status is how the
/// supervisor learns whether it ended well.
#[derive(Clone, Debug)]
#[must_use = "a worker tells its supervisor by its status how it ended: return it from main"]
pub struct Ending(Role);

#[derive(Clone, Debug)]
enum Role {
    Worker(DrainReport),
    Supervisor { cut: Vec<String>, took: Duration },
}

impl Ending {
    pub(super) fn of_worker(report: DrainReport) -> Ending {
        Ending(Role::Worker(report))
    }

    /// `cut` says of each worker that did not end well how it did.
    pub(super) fn of_supervisor(cut: Vec<String>, took: Duration) -> Ending {
        Ending(Role::Supervisor { cut, took })
    }

    /// True in a worker, false in the supervisor.
    pub fn is_worker(&self) -> bool {
        matches!(self.0, Role::Worker(_))
    }

    /// True when everything that was in flight has ended by itself: in this
    /// worker, or in all workers.
    pub fn is_clean(&self) -> bool {
        match &self.0 {
            Role::Worker(report) => report.is_clean(),
            Role::Supervisor { cut, .. } => cut.is_empty(),
        }
    }

    /// The status to end with: 0 when it [is clean](Ending::is_clean), 3 when
    /// something was cut short.
    pub fn exit_code(&self) -> ExitCode {
        match self.is_clean() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(CUT),
        }
    }
}

impl Termination for Ending {
    fn report(self) -> ExitCode {
        self.exit_code()
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Role::Worker(report) => write!(f, "{report}"),
            Role::Supervisor { cut, took } if cut.is_empty() => write!(f, "all workers ended well in {took:?}"),
            Role::Supervisor { cut, took } => write!(f, "all workers ended in {took:?}: {}", cut.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_is_named_and_no_success() {
        let clean = Ending::of_supervisor(Vec::new(), Duration::ZERO);
        assert!(clean.is_clean() && !clean.is_worker());
        assert_eq!(clean.exit_code(), ExitCode::SUCCESS);
        let cut = Ending::of_supervisor(vec!["worker 1 was killed".to_owned()], Duration::ZERO);
        assert!(!cut.is_clean() && cut.to_string().contains("worker 1 was killed"));
        assert_eq!(cut.exit_code(), ExitCode::from(CUT));
        assert!(Ending::of_worker(DrainReport::default()).is_clean());
    }

    #[test]
    fn a_server_without_a_supervisor_ends_with_the_same_status() {
        let clean = DrainReport::default();
        let cut = DrainReport {
            killed: vec!["coroutine 1".to_owned()],
            ..clean.clone()
        };
        for (report, status) in [(clean, 0), (cut, 3)] {
            assert_eq!(report.exit_code(), ExitCode::from(status));
            assert_eq!(Ending::of_worker(report).exit_code(), ExitCode::from(status));
        }
    }
}
