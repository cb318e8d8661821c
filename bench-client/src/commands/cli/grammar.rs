//! The commands there are, and the options of each.

use clap::{Parser, Subcommand};

use crate::commands::ab::AbOptions;
use crate::commands::calibrate::CalibrateOptions;
use crate::commands::compare::CompareOptions;
use crate::commands::doctor::DoctorOptions;
use crate::commands::find_max::FindMaxOptions;
use crate::commands::models::ModelsOptions;
use crate::commands::peers::options::PeersOptions;
use crate::commands::report::ReportOptions;
use crate::commands::run::RunOptions;
use crate::commands::selftest::SelftestOptions;
use crate::commands::serve::ServeOptions;
use crate::commands::sweep::SweepOptions;
use crate::commands::tasks::TaskOptions;
use crate::machine::launch::LaunchOptions;

/// Measures echo servers with clients that verify every byte.
///
/// Without a command it starts greenserve's echo server twice, once with a
/// coroutine per client and once with a thread per client, and compares them.
///
/// Exit status: 0 success; 1 could not start or connect; 2 the command line is
/// wrong, or two loads cannot be compared; 3 there were errors, a gate was
/// breached, or what was compared is worse; 4 a run is invalid: its figures say
/// nothing about the server (fewer clients connected than asked for, the client
/// was at its limits, two servers share the port, ...: the report says why);
/// 130 interrupted, the report is partial; 141 the reader of its output is gone.
#[derive(Clone, Debug, Parser)]
#[command(name = "bench-client", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// For the comparison that is made without a command.
    #[command(flatten)]
    pub(crate) models: ModelsOptions,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure one server, running or to be started; `run` may be left out before a target.
    Run(Box<RunOptions>),
    /// Measure a target with several numbers of clients and message sizes.
    Sweep(Box<SweepOptions>),
    /// Find the highest rate at which a target keeps its promises.
    FindMax(Box<FindMaxOptions>),
    /// Measure how much load this client can generate on these processors.
    Calibrate(Box<CalibrateOptions>),
    /// Start two servers in turn, measure both, and say which is faster.
    Ab(Box<AbOptions>),
    /// Compare two saved measurements of the same load: is the newer one worse?
    Compare(CompareOptions),
    /// Measure our server against others, in interleaved rounds on one core.
    Peers(Box<PeersOptions>),
    /// Show a saved measurement again, as text, page, table or plots.
    Report(ReportOptions),
    /// Check for what would spoil a measurement, without making one.
    Doctor(DoctorOptions),
    /// Serve tcp, udp, unix, unixgram, http(s) or ws(s), correctly or with injected faults.
    Serve(Box<ServeOptions>),
    /// Check, with injected faults, that every class of error is counted.
    Selftest(SelftestOptions),
    /// Start a server; for this program's own use.
    #[command(hide = true)]
    Launch(LaunchOptions),
    /// Time this library's coroutines; for this program's own use.
    #[command(hide = true)]
    Tasks(TaskOptions),
}
