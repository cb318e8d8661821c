//! What a supervisor is told before it starts.

use std::time::Duration;

use crate::error::{Error, Result};

/// What any longer duration is cut to, so that none is too long to be added to
/// an instant: a century.
pub(super) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// How many workers there are, and how long things may take.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) workers: usize,
    pub(super) grace: Duration,
    pub(super) ready_within: Duration,
    pub(super) least_delay: Duration,
    pub(super) most_delay: Duration,
    pub(super) most_failures: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            workers: std::thread::available_parallelism().map_or(1, Into::into),
            grace: Duration::from_secs(25),
            ready_within: Duration::from_secs(30),
            least_delay: Duration::from_millis(100),
            most_delay: Duration::from_secs(5),
            most_failures: 5,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<()> {
        for (option, value) in [("workers", self.workers), ("max_failed_starts", self.most_failures)] {
            if value == 0 {
                return Err(Error::InvalidOption {
                    option,
                    value: "0".to_owned(),
                    reason: "it must be 1 at least".to_owned(),
                });
            }
        }
        if self.least_delay > self.most_delay {
            return Err(Error::InvalidOption {
                option: "restart_delay",
                value: format!("{:?}", self.least_delay),
                reason: format!(
                    "the least must not be longer than the most, which is {:?}",
                    self.most_delay
                ),
            });
        }
        Ok(())
    }
}
