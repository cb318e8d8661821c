//! What a run measured, and the figures that follow from it.

use std::time::Duration;

use crate::client::Served;
use crate::failure::Status;
use crate::job::Plan;
use crate::recording::Times;
use crate::saved::Second;
use crate::tally::Tallied;
use crate::taxonomy::ErrorClass;

/// The part of a processor from which on a side counts as saturated.
const BUSY: f64 = 0.9;

/// Everything one run measured.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// What was asked for.
    pub(crate) plan: Plan,
    /// Clients that got their first answer.
    pub(crate) connected: u32,
    /// How long it took until all had it.
    pub(crate) connecting: Duration,
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
    pub(crate) offered: Option<f64>,
    /// The window second by second.
    pub(crate) series: Vec<Second>,
    /// Answers that counted.
    pub(crate) answers: u64,
    /// Bytes of those.
    pub(crate) bytes: u64,
    /// Who did how much.
    pub(crate) fairness: Fairness,
    /// Messages without an answer at the end.
    pub(crate) unfinished: u64,
    /// What went wrong, in all phases.
    pub(crate) faults: Vec<(ErrorClass, Tallied)>,
    /// Whether it was stopped before its time.
    pub(crate) interrupted: bool,
    /// How the server ended, if it did so by itself.
    pub(crate) server_end: Option<String>,
}

/// The measured time and what was used in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// How long it was.
    pub(crate) length: Duration,
    /// Processor time of the server.
    pub(crate) server_cpu: Option<Duration>,
    /// Processor time of this process.
    pub(crate) client_cpu: Option<Duration>,
    /// Resident memory of the server at its end, in bytes.
    pub(crate) server_resident: Option<u64>,
}

/// The server's resident memory at two numbers of clients, all of which had
/// exchanged one message and none of which was doing anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// The smaller number of clients.
    pub(crate) few: u32,
    /// The larger one.
    pub(crate) many: u32,
    /// Bytes with few.
    pub(crate) few_bytes: u64,
    /// Bytes with many.
    pub(crate) many_bytes: u64,
}

impl Memory {
    /// Of two readings, each a number of clients and the bytes then; `None`
    /// unless there are two that differ.
    pub(crate) fn between(few: (u32, Option<u64>), many: (u32, Option<u64>)) -> Option<Memory> {
        let memory = Memory {
            few: few.0,
            many: many.0,
            few_bytes: few.1?,
            many_bytes: many.1?,
        };
        (memory.many > memory.few).then_some(memory)
    }

    /// Bytes that one more client takes.
    pub(crate) fn per_client(&self) -> f64 {
        let grown = self.many_bytes as f64 - self.few_bytes as f64;
        grown / f64::from(self.many - self.few)
    }
}

/// How the echoes were spread over the clients.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fairness {
    /// Of the client with fewest.
    pub(crate) fewest: u64,
    /// Of the client with most.
    pub(crate) most: u64,
}

impl Fairness {
    /// Of all clients' work.
    pub(crate) fn of(served: &[Served]) -> Fairness {
        let echoes = || served.iter().map(|served| served.answers);
        Fairness {
            fewest: echoes().min().unwrap_or_default(),
            most: echoes().max().unwrap_or_default(),
        }
    }
}

impl Outcome {
    /// Echoes per second of the window.
    pub(crate) fn rate(&self) -> Option<f64> {
        let seconds = self.window?.length.as_secs_f64();
        (seconds > 0.0).then(|| self.answers as f64 / seconds)
    }

    /// Messages per second that the schedule had, in an open loop.
    pub(crate) fn offered_rate(&self) -> Option<f64> {
        let seconds = self.window?.length.as_secs_f64();
        (seconds > 0.0).then_some(self.offered? / seconds)
    }

    /// The times that stand for the server's: from the schedule's instant where
    /// there is a schedule.
    pub(crate) fn times(&self) -> &Times {
        self.response.as_ref().unwrap_or(&self.service)
    }

    /// The server's processor time for one echo, in microseconds.
    pub(crate) fn server_cpu_per_echo(&self) -> Option<f64> {
        let cpu = self.window?.server_cpu?.as_secs_f64();
        let echoes = self.answers;
        (echoes > 0).then(|| cpu * 1e6 / echoes as f64)
    }

    /// The part of one processor that the server used.
    pub(crate) fn server_share(&self) -> Option<f64> {
        self.share(|window| window.server_cpu)
    }

    /// The part of one processor that this process used.
    pub(crate) fn client_share(&self) -> Option<f64> {
        self.share(|window| window.client_cpu)
    }

    fn share(&self, cpu: impl Fn(&Window) -> Option<Duration>) -> Option<f64> {
        let window = self.window?;
        Some(cpu(&window)?.as_secs_f64() / window.length.as_secs_f64())
    }

    /// Whose processor time the rate was bounded by, if not the server's.
    pub(crate) fn bottleneck(&self) -> Option<&'static str> {
        let (server, client) = (self.server_share()?, self.client_share()?);
        match () {
            () if self.plan.idle || server >= BUSY => None,
            () if client >= BUSY => Some("client-limited: the client had no processor time left, the server had"),
            () => Some("neither side was saturated: too few clients, or other work on this machine"),
        }
    }

    /// How many things went wrong.
    pub(crate) fn errors(&self) -> u64 {
        self.faults.iter().map(|(_, tallied)| tallied.count).sum()
    }

    /// Why the figures are worth nothing, if they are.
    pub(crate) fn flaw(&self) -> Option<String> {
        if let Some(end) = &self.server_end {
            return Some(format!("the server ended by itself ({end})"));
        }
        if let Some((class, _)) = self.faults.iter().find(|(class, _)| class.is_client_resource()) {
            return Some(format!("the client was at its limits ({})", class.id()));
        }
        let Plan { clients, .. } = self.plan;
        (self.connected < clients).then(|| format!("only {} of {clients} clients connected", self.connected))
    }

    /// What the exit status should say of it.
    pub(crate) fn status(&self) -> Status {
        match (self.interrupted, self.flaw(), self.errors()) {
            (true, ..) => Status::Interrupted,
            (_, Some(_), _) => Status::Invalid,
            (_, None, 0) => Status::Fine,
            _ => Status::Errors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_a_slope() {
        let memory = Memory::between((50, Some(3_000_000)), (500, Some(7_500_000))).unwrap();
        assert_eq!(memory.per_client(), 10_000.0);
        assert!(Memory::between((50, None), (500, Some(1))).is_none());
        assert!(Memory::between((1, Some(1)), (1, Some(1))).is_none());
    }
}
