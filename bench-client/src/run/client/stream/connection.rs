//! How a client comes by its connection, and how it parts with it.

use std::time::{Duration, Instant};

use greenserve::runtime;

use super::StreamClient;
use crate::base::taxonomy::{ErrorClass, Fault};
use crate::plan::churn::Linger;
use crate::plan::origin::Origin;
use crate::run::client::codec::Reader;
use crate::run::client::desk::Trouble;
use crate::run::client::dial::dial;
use crate::run::client::line::Line;
use crate::run::job::Phase;

/// Pause after the second failure in a row; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl StreamClient {
    /// A new connection, which has carried nothing.
    pub(super) fn connect(&mut self, origin: Origin) -> Result<(), Trouble> {
        let job = &self.desk.job;
        let due = Instant::now() + job.plan.connect_timeout;
        let (line, doing) = dial(&job.plan, self.tls.as_ref(), origin)?;
        if let Line::Tls(line) = &line {
            job.sessions.note(line);
        }
        job.turnover.opened(job.phase() == Phase::Measure);
        self.line = Some(line);
        self.doing = doing;
        self.carried = 0;
        self.connected = Instant::now();
        self.open(origin, due)
    }

    /// If there is no connection for what is on its way, sends it again over a
    /// new one.
    ///
    /// That is so when the client left a connection of its own accord: a server
    /// that says `Connection: close` has not processed what came behind (RFC
    /// 9112, section 9.6), and one that is out of step answers none of it in its
    /// place. It ends: a connection is left for an answer or a counted fault.
    pub(super) fn resume(&mut self) -> Result<(), Trouble> {
        let Some(origin) = self.flights.front().map(|oldest| oldest.origin) else {
            return Ok(());
        };
        if self.line.is_some() {
            return Ok(());
        }
        self.connect(origin)?;
        for flight in &self.flights {
            self.desk.job.encode(flight.origin, self.outbox.end());
        }
        if let Some(oldest) = self.flights.front_mut() {
            oldest.awaited = Instant::now();
        }
        self.carried = self.flights.len() as u64;
        self.leaving = self.desk.job.plan.churn.is_over(self.carried, self.connected);
        Ok(())
    }

    /// The server closes, or says that it will. A client that was about to
    /// leave has asked for it.
    pub(super) fn server_closes(&self) {
        if !self.leaving {
            self.desk.job.turnover.closed_by_server();
        }
    }

    /// Closes the connection if it is to carry no more.
    pub(super) fn part(&mut self) {
        if self.leaving {
            self.farewell();
            self.disconnect();
        }
    }

    /// Ends the connection and what is on its way.
    pub(super) fn hang_up(&mut self) {
        self.flights.clear();
        self.disconnect();
    }

    /// Ends the connection; what is on its way stays to be sent again.
    pub(super) fn disconnect(&mut self) {
        self.outbox.clear();
        self.inbox.clear();
        self.reader = Reader::default();
        self.unanswered = 0;
        self.in_doubt = false;
        self.leaving = false;
        let Some(line) = self.line.take() else {
            return;
        };
        match self.desk.job.plan.linger {
            Linger::Fin => line.close(),
            Linger::Rst => {
                if let Err(err) = line.abort() {
                    log::debug!("client {}: closes without a reset: {err}", self.desk.connection);
                }
            }
        }
    }

    /// Counts the fault, and each further message that went down with the
    /// connection; the next message makes a new one.
    pub(super) fn recover(&mut self, fault: Fault) {
        for _ in 1..self.flights.len() {
            self.desk.note(behind(&fault));
        }
        self.desk.note(fault);
        self.hang_up();
        self.failures += 1;
        self.pause();
    }

    /// A server that fails again and again is not hammered.
    pub(super) fn pause(&self) {
        if self.failures > 1 {
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 2).min(10));
            // Told to stop: the phase says so too.
            let _ = runtime::sleep(pause.min(LONGEST_PAUSE));
        }
    }
}

/// What becomes of a message behind the one that `fault` befell: of its answer
/// nothing had come.
fn behind(fault: &Fault) -> Fault {
    match fault.class {
        ErrorClass::Short => Fault {
            class: ErrorClass::ClosedEarly,
            detail: "the server closed in the middle of an earlier answer".to_owned(),
        },
        class => Fault {
            class,
            detail: fault.detail.clone(),
        },
    }
}
