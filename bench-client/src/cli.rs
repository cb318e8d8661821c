//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::ab::AbOptions;
use crate::account::AccountOptions;
use crate::calibrate::CalibrateOptions;
use crate::doctor::DoctorOptions;
use crate::find_max::FindMaxOptions;
use crate::gate::GateOptions;
use crate::job::{Churn, Linger, Network, Plan, Verify};
use crate::journal::JournalOptions;
use crate::launch::LaunchOptions;
use crate::pace::Loop;
use crate::payload::Content;
use crate::peers::Probe;
use crate::pinning::Cpus;
use crate::protocol::Protocol;
use crate::quantity;
use crate::regression::CompareOptions;
use crate::report::outputs::Outputs;
use crate::rerender::ReportOptions;
use crate::rounds::RoundOptions;
use crate::selftest::SelftestOptions;
use crate::serve::ServeOptions;
use crate::sizes::Sizes;
use crate::source::Sources;
use crate::sweep::SweepOptions;
use crate::template::Template;
use crate::verdict::VerdictOptions;
use crate::view::ViewOptions;
use crate::workload::WorkloadOptions;

/// Measures echo servers with clients that verify every byte.
///
/// Without a command it starts greenserve's echo server twice, once with a
/// coroutine per client and once with a thread per client, and compares them.
///
/// Exit status: 0 all was well; 1 could not start or connect; 2 the command
/// line makes no sense, or two loads cannot be compared; 3 there were errors, a
/// gate was breached, or what was compared is worse; 4 the figures are worth nothing
/// (fewer clients connected than asked for, the client was at its limits, two
/// servers share the port, ...: the report says why); 130 interrupted, the
/// report is partial.
#[derive(Clone, Debug, Parser)]
#[command(name = "bench-client", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// For the comparison that is made without a command.
    #[command(flatten)]
    pub(crate) comparison: ComparisonOptions,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a server that runs already, or is started for it.
    Run(Box<RunOptions>),
    /// Measure a target with several numbers of clients and sizes of messages.
    Sweep(Box<SweepOptions>),
    /// Search the highest rate at which a target keeps its promises.
    FindMax(Box<FindMaxOptions>),
    /// Measure what this client can drive on these processors.
    Calibrate(Box<CalibrateOptions>),
    /// Start two servers in turn, measure both, and say which one is faster.
    Ab(Box<AbOptions>),
    /// Compare two saved measurements of one load: is the newer one worse?
    Compare(CompareOptions),
    /// Measure our server beside others, in interleaved rounds on one core.
    Peers(Box<PeersOptions>),
    /// Show a saved measurement again, as text, page, table or plots.
    Report(ReportOptions),
    /// Look for what would spoil a measurement; makes none.
    Doctor(DoctorOptions),
    /// Serve tcp, udp, unix, unixgram or http, rightly or with known faults.
    Serve(Box<ServeOptions>),
    /// Check that every class of errors is counted, with faults of the server.
    Selftest(SelftestOptions),
    /// Start a server; for this program's own use.
    #[command(hide = true)]
    Launch(LaunchOptions),
}

/// What the clients do, in all commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoadOptions {
    /// Simulated clients, each with one connection and one message at a time.
    #[arg(short, long, default_value = "500", value_parser = quantity::count)]
    pub(crate) clients: u32,
    /// Bytes in a message: 64, 1..4k, 64:0.9,16k:0.1, lognormal:512,1.2.
    #[arg(long, default_value = "64")]
    pub(crate) size: Sizes,
    #[command(flatten)]
    pub(crate) client: ClientOptions,
}

/// What all clients have in common.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClientOptions {
    /// How far answers are checked.
    #[arg(long, value_enum, default_value = "full")]
    pub(crate) verify: Verify,
    /// What the messages are a function of.
    #[arg(long, default_value_t = 42)]
    pub(crate) seed: u64,
    /// Worker threads of the client.
    #[arg(long, default_value = "1", value_parser = quantity::count)]
    pub(crate) workers: u32,
    /// Addresses to connect from; on loopback, many connections or short ones
    /// come from 127.0.0.0/26 by themselves.
    #[arg(long, value_name = "BLOCK")]
    pub(crate) source: Option<Sources>,
    /// How long connecting may take.
    #[arg(long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) connect_timeout: Duration,
    /// How long a read or a write may take.
    #[arg(long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) verdict: VerdictOptions,
    /// Processors this client may use: 1, or 0,2-3
    #[arg(long, value_name = "LIST", help_heading = "Machine")]
    pub(crate) cpus: Option<Cpus>,
    #[command(flatten)]
    pub(crate) view: ViewOptions,
    #[command(flatten)]
    pub(crate) journal: JournalOptions,
}

impl LoadOptions {
    /// The plan of a closed loop of echoes over TCP, at an address that is to
    /// be set.
    pub(crate) fn plan(&self, phases: &Phases) -> Plan {
        self.client.plan(self.clients, &self.size, phases)
    }
}

impl ClientOptions {
    /// As [`LoadOptions::plan`], with `clients` clients and messages of `sizes`.
    pub(crate) fn plan(&self, clients: u32, sizes: &Sizes, phases: &Phases) -> Plan {
        Plan {
            protocol: Protocol::Tcp,
            endpoint: SocketAddr::from(([127, 0, 0, 1], 0)).into(),
            request: None,
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
            accepts: self.verdict,
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

/// The comparison of our two models.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComparisonOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long each server is measured.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    /// Worker threads of the coroutine server.
    #[arg(long, default_value = "1", value_parser = quantity::count)]
    pub(crate) server_workers: u32,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
    /// Let server and client run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// The measurement of one server.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOptions {
    /// The server: tcp:// or udp://HOST:PORT, unix:// or unixgram:///PATH, http://HOST:PORT/PATH.
    ///
    /// With --spawn it may be left out; {address} or {port} in it is the
    /// server's: http://{address}/path.
    #[arg(required_unless_present = "spawn")]
    pub(crate) target: Option<Template>,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) rounds: RoundOptions,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
    /// How long the server is measured.
    #[arg(short, long, default_value = "10s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long the server is warmed up before.
    #[arg(long, default_value = "2s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    #[command(flatten)]
    pub(crate) workload: WorkloadOptions,
    #[command(flatten)]
    pub(crate) account: AccountOptions,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// The measurement of our server beside its peers.
#[derive(Clone, Debug, Args)]
pub(crate) struct PeersOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long each measurement takes.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    /// How often everything is measured: in the order A B C, then C B A, ...
    #[arg(long, default_value = "3", value_parser = quantity::count)]
    pub(crate) rounds: u32,
    /// Measure these peers only.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    /// What to measure.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "echo,churn,memory,many")]
    pub(crate) probe: Vec<Probe>,
    /// Clients of the measurement with many.
    #[arg(long, default_value = "15000", value_parser = quantity::count)]
    pub(crate) many: u32,
    /// Let server and client run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
    /// Where the peers' sources are.
    #[arg(long, value_name = "DIR", default_value_os_t = crate::peers::sources())]
    pub(crate) peers_dir: PathBuf,
    /// Draw the medians as bars to FILE, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) bars: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_has_a_default() {
        let cli = Cli::parse_from(["bench-client"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.comparison.load.clients, 500);
        assert_eq!(cli.comparison.duration, Duration::from_secs(5));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "run",
            "run tcp://a:1 -c 0",
            "run tcp://{address}:1",
            "run tcp://a:1 --fail-if p98>1ms",
            "ab --a server",
            "ab --a server --b 'server",
            "run tcp://a:1 -d 0s",
            "run tcp://a:1 --size 0",
            "run tcp://a:1 --size 1000m",
            "run tcp://a:1 --idle --churn per-request",
            "-c 5 run tcp://a:1",
            "peers --probe speed",
        ] {
            let words = std::iter::once("bench-client").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_err(), "{line}");
        }
    }
}
