//! How a client comes by its connection, and how it parts with it.

use std::io;
use std::time::{Duration, Instant};

use greenserve::runtime;

use super::StreamClient;
use crate::dial::dial;
use crate::job::Linger;
use crate::payload::Origin;
use crate::taxonomy::Fault;

/// Pause after the second failure in a row; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl StreamClient {
    /// A new connection, which has carried nothing.
    pub(super) fn connect(&mut self, origin: Origin) -> io::Result<()> {
        let (line, doing) = dial(&self.desk.job.plan, origin)?;
        self.line = Some(line);
        self.doing = doing;
        self.carried = 0;
        self.connected = Instant::now();
        Ok(())
    }

    /// Closes the connection if it is to carry no more.
    pub(super) fn part(&mut self) {
        if self.leaving {
            self.hang_up();
        }
    }

    pub(super) fn hang_up(&mut self) {
        self.flights.clear();
        self.outbox.clear();
        self.inbox.clear();
        self.unanswered = 0;
        self.leaving = false;
        let Some(line) = self.line.take() else {
            return;
        };
        if self.desk.job.plan.linger == Linger::Rst
            && let Err(err) = line.abort()
        {
            log::debug!("client {}: closes without a reset: {err}", self.desk.connection);
        }
    }

    /// Counts the fault, for each message it was the end of; the next message
    /// makes a new connection. A server that refuses again and again is not
    /// hammered.
    pub(super) fn recover(&mut self, fault: Fault) {
        for _ in 1..self.flights.len() {
            self.desk.note(Fault {
                class: fault.class,
                detail: fault.detail.clone(),
            });
        }
        self.desk.note(fault);
        self.hang_up();
        if self.failures > 0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(10));
            // Told to stop: the phase says so too.
            let _ = runtime::sleep(pause.min(LONGEST_PAUSE));
        }
        self.failures += 1;
    }
}
