//! What the clients of one run share: the plan, the phase and the books.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use greenserve::runtime;

use crate::payload::Payload;
use crate::recording::Recorder;
use crate::source::Sources;
use crate::tally::Tally;
use crate::verdict::VerdictOptions;

/// More connections than this come from more than one address: the kernel
/// looks through half of an address's ports before it tries the other half.
const MANY: u32 = 10_000;

/// How far answers are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verify {
    /// Every byte.
    Full,
    /// Their length only.
    Off,
}

impl Verify {
    /// Its name on the command line and in reports.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Verify::Full => "full",
            Verify::Off => "off",
        }
    }
}

/// How long a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Churn {
    /// From the first message to the last.
    Never,
    /// For one message.
    PerRequest,
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) address: SocketAddr,
    /// Where the clients connect from, if it matters.
    pub(crate) sources: Option<Sources>,
    /// How many simulated clients.
    pub(crate) clients: u32,
    /// With how many of them connected the server's memory is read first; it is
    /// not looked at if that is all of them.
    pub(crate) few: u32,
    /// How long they work before anything counts.
    pub(crate) warmup: Duration,
    /// How long what they do counts.
    pub(crate) duration: Duration,
    /// Bytes in a message.
    pub(crate) size: usize,
    /// What the messages are a function of.
    pub(crate) seed: u64,
    /// How far answers are checked.
    pub(crate) verify: Verify,
    /// How long a connection is used.
    pub(crate) churn: Churn,
    /// Whether the clients only hold their connections.
    pub(crate) idle: bool,
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
    /// How long a read or a write may take.
    pub(crate) timeout: Duration,
    /// What the user accepts.
    pub(crate) accepts: VerdictOptions,
}

impl Plan {
    /// The same plan with the source addresses it needs, if none were chosen:
    /// many connections to this machine do not fit on one.
    pub(crate) fn with_sources(self) -> Plan {
        let loopback = matches!(self.address.ip(), IpAddr::V4(ip) if ip.is_loopback());
        let many = self.churn == Churn::PerRequest || self.clients > MANY;
        let own = (loopback && many).then_some(Sources::LOOPBACK);
        Plan {
            sources: self.sources.or(own),
            ..self
        }
    }
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The clients connect, or work without being measured.
    WarmUp,
    /// What the clients do counts.
    Measure,
    /// The clients finish what they are at.
    Over,
}

/// Shared by the clients of one run and by who leads it.
#[derive(Debug)]
pub(crate) struct Job {
    /// What is to be done.
    pub(crate) plan: Plan,
    /// What is sent.
    pub(crate) payload: Payload,
    /// How long first echoes took, connecting included.
    pub(crate) arrivals: Recorder,
    /// How long the measured echoes took.
    pub(crate) echoes: Recorder,
    /// What went wrong, in all phases.
    pub(crate) faults: Tally,
    phase: AtomicU8,
}

impl Job {
    /// A job that has not begun.
    pub(crate) fn new(plan: Plan) -> Job {
        let workers = runtime::workers();
        Job {
            payload: Payload::new(plan.seed, plan.size),
            plan,
            arrivals: Recorder::new(workers),
            echoes: Recorder::new(workers),
            faults: Tally::new(),
            phase: AtomicU8::new(Phase::WarmUp as u8),
        }
    }

    /// Where the run is.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::WarmUp,
            1 => Phase::Measure,
            _ => Phase::Over,
        }
    }

    /// Goes on to `phase`.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }
}
