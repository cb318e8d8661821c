//! What a run measured, and the figures that follow from it.

use std::time::Duration;

use crate::base::failure::Failure;
use crate::base::tally::Tallied;
use crate::base::taxonomy::ErrorClass;
use crate::judge::ceiling::Yardstick;
use crate::plan::Plan;
use crate::run::recording::Times;
use crate::run::remedy;
use crate::run::turnover::Opened;
use crate::saved::{Fairness, Host, Second, TlsSessions, Usage};

/// Everything one run measured.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What was asked for.
    pub(crate) plan: Plan,
    /// A hash of the file that messages are made of.
    pub(crate) payload_hash: Option<String>,
    /// Clients that got their first answer.
    pub(crate) connected: u32,
    /// How long it took until all had it.
    pub(crate) connecting: Duration,
    /// Connections they opened; `None` where a message is a datagram.
    pub(crate) opened: Option<Opened>,
    /// TLS sessions they made, by what was agreed on.
    pub(crate) sessions: Vec<TlsSessions>,
    /// How long each waited for it, connecting included.
    pub(crate) arrivals: Times,
    /// What the clients cost the server in memory, if it was looked at.
    pub(crate) memory: Option<Memory>,
    /// The measured time; `None` when it was interrupted before.
    pub(crate) window: Option<Window>,
    /// From sending to the answer.
    pub(crate) service: Times,
    /// From the schedule's instant to the answer, in an open loop.
    pub(crate) response: Option<Times>,
    /// How late the client sent, by its own fault, in an open loop.
    pub(crate) lag: Option<Times>,
    /// Messages that the schedule had for the window, in an open loop.
    pub(crate) offered: Option<u64>,
    /// How long this program stood still in the window, if that was noticed.
    pub(crate) stopped: Duration,
    /// The window interval by interval.
    pub(crate) series: Vec<Second>,
    /// Answers that counted.
    pub(crate) answers: u64,
    /// Bytes of those.
    pub(crate) bytes: u64,
    /// Who did how much.
    pub(crate) fairness: Fairness,
    /// What the kernel counted from the first connection on.
    pub(crate) host: Host,
    /// Messages without an answer at the end.
    pub(crate) unfinished: u64,
    /// What went wrong, in all phases.
    pub(crate) faults: Vec<(ErrorClass, Tallied)>,
    /// Whether it was stopped before its time.
    pub(crate) interrupted: bool,
    /// How the server ended, if it did so by itself.
    pub(crate) server_end: Option<String>,
    /// What was found before the load.
    pub(crate) remarks: Vec<String>,
    /// What the client is held against.
    pub(crate) yardstick: Yardstick,
}

/// The measured time and what was used in it.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// How long it was.
    pub(crate) length: Duration,
    /// What the server used.
    pub(crate) server: Option<Usage>,
    /// What this process used.
    pub(crate) client: Option<Usage>,
}

/// The server's memory at two numbers of clients, all of which had exchanged one
/// message and none of which was doing anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// With the smaller number of clients.
    pub(crate) few: Held,
    /// With the larger one.
    pub(crate) many: Held,
}

/// What a server held for so many clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// How many.
    pub(crate) clients: u32,
    /// Bytes of resident memory.
    pub(crate) resident: u64,
    /// Bytes of the page tables that map it, if the kernel tells.
    pub(crate) page_tables: Option<u64>,
}

impl Memory {
    /// Of two readings; `None` unless there are two that differ.
    pub(crate) fn between(few: Option<Held>, many: Option<Held>) -> Option<Memory> {
        let memory = Memory { few: few?, many: many? };
        (memory.many.clients > memory.few.clients).then_some(memory)
    }

    /// Bytes of resident memory that one more client takes.
    pub(crate) fn per_client(&self) -> f64 {
        self.slope(self.few.resident, self.many.resident)
    }

    /// Bytes of page tables that one more client takes.
    pub(crate) fn tables_per_client(&self) -> Option<f64> {
        Some(self.slope(self.few.page_tables?, self.many.page_tables?))
    }

    fn slope(&self, few: u64, many: u64) -> f64 {
        let grown = many as f64 - few as f64;
        grown / f64::from(self.many.clients - self.few.clients)
    }
}

impl Outcome {
    /// Why there is nothing to tell of the server, if no client got as far as to
    /// work.
    pub(crate) fn failure(&self) -> Option<Failure> {
        (self.connected == 0).then(|| Failure::NobodyConnected {
            clients: self.plan.clients,
            target: self.plan.target(),
            detail: remedy::explain(&self.faults, self.plan.protocol),
        })
    }

    /// The outcome of a run that somebody worked in.
    ///
    /// # Errors
    /// [`Failure::NobodyConnected`].
    pub(crate) fn of_work(self) -> Result<Outcome, Failure> {
        match self.failure() {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }

    /// Answers per second of the window.
    pub(crate) fn rate(&self) -> Option<f64> {
        let seconds = self.window.as_ref()?.length.as_secs_f64();
        (seconds > 0.0).then(|| self.answers as f64 / seconds)
    }

    /// Connections opened per second of the window.
    pub(crate) fn opened_rate(&self) -> Option<f64> {
        let seconds = self.window.as_ref()?.length.as_secs_f64();
        (seconds > 0.0).then_some(self.opened?.in_window as f64 / seconds)
    }

    /// Pings of the server that were answered, where there are any to be.
    pub(crate) fn pings(&self) -> Option<u64> {
        let opened = self.opened.filter(|_| self.plan.protocol.is_websocket());
        opened.map(|opened| opened.pings)
    }

    /// Messages per second that the schedule had, in an open loop.
    pub(crate) fn offered_rate(&self) -> Option<f64> {
        let seconds = self.window.as_ref()?.length.as_secs_f64();
        (seconds > 0.0).then_some(self.offered? as f64 / seconds)
    }

    /// The times that stand for the server's: from the schedule's instant where
    /// there is a schedule.
    pub(crate) fn times(&self) -> &Times {
        self.response.as_ref().unwrap_or(&self.service)
    }

    /// The server's processor time for one echo, in microseconds.
    pub(crate) fn server_cpu_per_echo(&self) -> Option<f64> {
        let answers = self.answers;
        let cpu_s = self.server()?.cpu_s;
        (answers > 0).then(|| cpu_s * 1e6 / answers as f64)
    }

    /// What the server used.
    pub(crate) fn server(&self) -> Option<&Usage> {
        self.window.as_ref()?.server.as_ref()
    }

    /// What this process used.
    pub(crate) fn client(&self) -> Option<&Usage> {
        self.window.as_ref()?.client.as_ref()
    }

    /// The part of one processor that the server used.
    pub(crate) fn server_share(&self) -> Option<f64> {
        self.server().map(|usage| usage.cpu_share)
    }

    /// The part of one processor that this process used.
    pub(crate) fn client_share(&self) -> Option<f64> {
        self.client().map(|usage| usage.cpu_share)
    }

    /// How many things went wrong.
    pub(crate) fn errors(&self) -> u64 {
        self.faults.iter().map(|(_, tallied)| tallied.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(clients: u32, resident: u64, page_tables: Option<u64>) -> Option<Held> {
        Some(Held {
            clients,
            resident,
            page_tables,
        })
    }

    #[test]
    fn memory_is_a_slope_and_page_tables_are_another() {
        let few = held(50, 3_000_000, Some(100_000));
        let memory = Memory::between(few, held(500, 7_500_000, Some(325_000))).unwrap();
        assert_eq!(memory.per_client(), 10_000.0);
        assert_eq!(memory.tables_per_client(), Some(500.0));
        let memory = Memory::between(few, held(500, 7_500_000, None)).unwrap();
        assert_eq!(memory.tables_per_client(), None);
        assert!(Memory::between(None, held(500, 1, None)).is_none());
        assert!(Memory::between(held(1, 1, None), held(1, 1, None)).is_none());
    }
}
