//! What became of a request in a child process, as its parent learns it.

use std::error::Error;
use std::fmt;

use log::Level;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;

use crate::lifecycle::{Ending, Event, InFlight, Outcome};

const FAILED: i32 = 1;
const DISCONNECTED: i32 = 2;

/// How a child ended, by its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChildEnding {
    Finished,
    Disconnected,
    /// With this status, which is 1 unless the handler exits by itself.
    Failed(i32),
    /// By the server, because its time was up.
    Killed,
    /// By a signal that the server did not send.
    Crashed(Signal),
    /// Somebody else has reaped it.
    Unknown,
}

impl ChildEnding {
    /// What a child exits with.
    pub(super) fn status_of(ending: Option<Ending>) -> i32 {
        match ending {
            None => 0,
            Some(Ending::Disconnected) => DISCONNECTED,
            Some(_) => FAILED,
        }
    }

    /// What the parent was told by waitpid(2).
    pub(super) fn of(waited: Result<WaitStatus, Errno>, place: &InFlight) -> ChildEnding {
        match waited {
            Ok(WaitStatus::Exited(_, 0)) => ChildEnding::Finished,
            Ok(WaitStatus::Exited(_, DISCONNECTED)) => ChildEnding::Disconnected,
            Ok(WaitStatus::Exited(_, status)) => ChildEnding::Failed(status),
            Ok(WaitStatus::Signaled(_, Signal::SIGKILL, _)) if place.was_killed() => ChildEnding::Killed,
            Ok(WaitStatus::Signaled(_, signal, _)) => ChildEnding::Crashed(signal),
            _ => ChildEnding::Unknown,
        }
    }

    /// Counts it, and tells who observes.
    pub(super) fn tell(self, mut place: InFlight) {
        place.leave();
        let (lifecycle, connection) = (place.lifecycle(), place.connection());
        let took = connection.age();
        lifecycle.meter().ended(took, (0, 0));
        if let Some(ending) = self.ending() {
            lifecycle.tally().count(ending);
        }
        if matches!(self, ChildEnding::Crashed(_)) {
            // No handler was left to log it.
            lifecycle.folding().log(Level::Error, connection, &self.to_string());
        }
        lifecycle.tell(|| Event::Ended {
            connection,
            outcome: match self.ending() {
                None => Outcome::Finished,
                Some(Ending::Disconnected) => Outcome::Disconnected(&self),
                Some(_) => Outcome::Failed(&self),
            },
            took,
            received: 0,
            sent: 0,
        });
    }

    fn ending(self) -> Option<Ending> {
        match self {
            ChildEnding::Finished | ChildEnding::Unknown => None,
            ChildEnding::Disconnected | ChildEnding::Killed => Some(Ending::Disconnected),
            ChildEnding::Failed(_) | ChildEnding::Crashed(_) => Some(Ending::Failed),
        }
    }
}

impl fmt::Display for ChildEnding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildEnding::Finished => f.write_str("the child process finished"),
            ChildEnding::Disconnected => f.write_str("the client of the child process went away"),
            ChildEnding::Failed(status) => {
                write!(f, "the handler failed: its child process ended with status {status}")
            }
            ChildEnding::Killed => f.write_str("the child process was killed with its request"),
            ChildEnding::Crashed(signal) => write!(f, "the child process was ended by {signal}"),
            ChildEnding::Unknown => f.write_str("the child process was reaped by somebody else"),
        }
    }
}

impl Error for ChildEnding {}
