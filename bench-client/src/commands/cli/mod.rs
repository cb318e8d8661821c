//! The command line.

mod help;
mod ineffective;

use clap::{FromArgMatches, Parser, Subcommand};

use crate::commands::ab::AbOptions;
use crate::commands::calibrate::CalibrateOptions;
use crate::commands::compare::CompareOptions;
use crate::commands::doctor::DoctorOptions;
use crate::commands::find_max::FindMaxOptions;
use crate::commands::models::ComparisonOptions;
use crate::commands::peers::options::PeersOptions;
use crate::commands::report::ReportOptions;
use crate::commands::run::RunOptions;
use crate::commands::selftest::SelftestOptions;
use crate::commands::serve::ServeOptions;
use crate::commands::sweep::SweepOptions;
use crate::machine::launch::LaunchOptions;

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
/// report is partial; 141 nobody reads its output any more.
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

impl Cli {
    /// Reads the words this program was started with; ends it with a message
    /// when they make no sense, or ask for help.
    pub(crate) fn read() -> Cli {
        let words = help::plain(std::env::args_os());
        let read = |words: Vec<_>| {
            let matches = help::command(&words).try_get_matches_from(words)?;
            ineffective::check(&matches)?;
            Cli::from_arg_matches(&matches)
        };
        read(words).unwrap_or_else(|err| err.exit())
    }
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure a server that runs already, or is started for it; may be left out before a target.
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::time::Duration;

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
            "run tcp://a:1 --workers 513",
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
