//! The load that all measuring commands share.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::base::quantity;
use crate::machine::pinning::Cpus;
use crate::plan::accepts::{CeilingOptions, Source, VerdictOptions};
use crate::plan::churn::{Churn, Linger};
use crate::plan::pace::Loop;
use crate::plan::payload::Content;
use crate::plan::protocol::Protocol;
use crate::plan::sampling::{Sampling, SamplingOptions};
use crate::plan::sizes::Sizes;
use crate::plan::source::Sources;
use crate::plan::verify::Verify;
use crate::plan::{Network, Plan};
use crate::view::journal::JournalOptions;
use crate::view::screens::ViewOptions;

/// What the clients do, in all commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadOptions {
    /// Simulated clients, each with one connection.
    #[arg(short, long, default_value = "500", value_parser = quantity::count)]
    pub(crate) clients: u32,
    /// Bytes in a message: 64, 1..4k, 64:0.9,16k:0.1, lognormal:512,1.2.
    #[arg(long, default_value = "64")]
    pub(crate) size: Sizes,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
    #[command(flatten)]
    pub(crate) ceiling: CeilingOptions,
}

/// What all clients have in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClientOptions {
    /// How much of each answer is checked.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) verify: Verify,
    /// Seed of the messages' contents.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Worker threads of the client.
    #[arg(long, default_value = "1", value_parser = workers)]
    pub(crate) workers: u32,
    /// Addresses to connect from [default on loopback, for many connections or
    /// short ones: 127.0.0.0/26]
    #[arg(long, value_name = "BLOCK")]
    pub(crate) source: Option<Sources>,
    /// How long connecting may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) connect_timeout: Duration,
    /// How long a complete answer, or a write, may take.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) verdict: VerdictOptions,
    /// Processors this client may use: 1, or 0,2-3
    #[arg(long, value_name = "LIST")]
    pub(crate) cpus: Option<Cpus>,
    #[command(flatten)]
    pub(crate) view: ViewOptions,
    #[command(flatten)]
    pub(crate) sampling: SamplingOptions,
    #[command(flatten)]
    pub(crate) journal: JournalOptions,
}

impl LoadOptions {
    /// The plan of a closed loop of echoes over TCP, at an address that is to
    /// be set.
    pub(crate) fn plan(&self, phases: &Phases) -> Plan {
        Plan {
            calibration: self.ceiling.ceiling.clone(),
            ..self.client.plan(self.clients, &self.size, phases)
        }
    }
}

impl ClientOptions {
    /// As [`LoadOptions::plan`], with `clients` clients and messages of `sizes`.
    pub(crate) fn plan(&self, clients: u32, sizes: &Sizes, phases: &Phases) -> Plan {
        Plan {
            protocol: Protocol::Tcp,
            endpoint: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            request: None,
            opening: None,
            tls: None,
            sources: self.source,
            clients,
            few: (clients / 5).max(1),
            ramp: Duration::ZERO,
            warmup: phases.warmup,
            duration: phases.duration,
            requests: None,
            most_errors: None,
            pace: Loop::Closed(None),
            depth: 1,
            sizes: sizes.clone(),
            content: Content::Random,
            seed: self.seed,
            verify: self.verify,
            churn: Churn::Never,
            linger: Linger::Fin,
            idle: false,
            network: Network::default(),
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            sampling: Sampling::of(self.sampling),
            accepts: self.verdict,
            calibration: Source::Nowhere,
        }
    }
}

/// How long the phases of a run are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phases {
    /// Before anything counts.
    pub(crate) warmup: Duration,
    /// While everything counts.
    pub(crate) duration: Duration,
}

fn workers(text: &str) -> Result<u32, String> {
    match quantity::count(text)? {
        count if count > MOST_WORKERS => Err(format!(
            "{count} worker threads are never faster than {MOST_WORKERS}; give at most one for each processor"
        )),
        count => Ok(count),
    }
}

/// More the runtime does not take.
const MOST_WORKERS: u32 = 512;
