//! Waiting for what nothing reports, by asking again.

use std::time::Duration;

use crate::error::WaitError;
use crate::runtime::{self, Task, earlier};

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(16);

/// The pauses between one question and the next: each twice as long as the one
/// before, up to 16 ms.
#[derive(Debug)]
pub(super) struct Polling {
    pause: Duration,
}

impl Polling {
    pub(super) fn new() -> Self {
        Polling { pause: SHORTEST }
    }

    /// Waits until it is time to ask again, or for `deadline`.
    pub(super) fn pause(&mut self, deadline: u64) -> Result<(), WaitError> {
        let again = runtime::after(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
        let task = Task::current();
        match task.park(earlier(deadline, again)) {
            Err(WaitError::Deadline) => task.may_wait(deadline),
            paused => paused,
        }
    }
}
