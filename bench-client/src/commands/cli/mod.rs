//! The command line.

mod grammar;
mod help;
mod ineffective;

use clap::FromArgMatches;

pub(crate) use grammar::{Cli, Command};

/// Reads the words this program was started with; ends it with a message when
/// they make no sense, or ask for help.
pub(crate) fn read() -> Cli {
    let words = help::plain(std::env::args_os());
    let read = |words: Vec<_>| {
        let matches = help::command(&words).try_get_matches_from(words)?;
        ineffective::check(&matches)?;
        Cli::from_arg_matches(&matches)
    };
    read(words).unwrap_or_else(|err| err.exit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};
    use std::time::Duration;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn everything_has_a_default() {
        let cli = Cli::parse_from(["bench-client"]);
        assert!(cli.command.is_none());
        assert_eq!(cli.models.turns.load.clients, 500);
        assert_eq!(cli.models.turns.duration, Duration::from_secs(5));
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
