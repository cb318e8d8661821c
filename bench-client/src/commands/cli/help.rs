//! What `-h` and `--help` print: the options in sections, a line for each.
//!
//! `-h` has what is needed every day, `--help` everything.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, CommandFactory};

use super::grammar::Cli;

/// One section of the options that commands share. The other options are a
/// command's own, and stay under `Options`.
struct Section {
    heading: &'static str,
    /// In both.
    everyday: &'static [&'static str],
    /// In `--help` only.
    seldom: &'static [&'static str],
}

const SECTIONS: &[Section] = &[
    Section {
        heading: "Load",
        everyday: &[
            "clients", "duration", "warmup", "rate", "requests", "depth", "churn", "repeat",
        ],
        seldom: &[
            "arrivals",
            "shed",
            "think",
            "until",
            "ramp",
            "connect_rate",
            "linger",
            "idle",
        ],
    },
    Section {
        heading: "Payload",
        everyday: &["size", "verify"],
        seldom: &["payload", "text", "seed"],
    },
    Section {
        heading: "HTTP and TLS",
        everyday: &[],
        seldom: &["method", "headers", "body", "expect", "ca", "insecure", "tls_resume"],
    },
    Section {
        heading: "Network",
        everyday: &["timeout"],
        seldom: &["source", "connect_timeout", "nodelay", "rcvbuf", "sndbuf"],
    },
    Section {
        heading: "Machine",
        everyday: &["spawn", "server_pid"],
        seldom: &[
            "workers",
            "server_workers",
            "cpus",
            "no_pin",
            "no_server_account",
            "ceiling",
        ],
    },
    Section {
        heading: "Output",
        everyday: &["quiet", "tui", "json", "html"],
        seldom: &["sample", "ndjson", "csv", "md", "svg", "hgrm", "hdr_log", "percentiles"],
    },
    Section {
        heading: "Gate",
        everyday: &["gates", "tolerances"],
        seldom: &["allow_client_limited"],
    },
];

/// No line is longer, however wide the terminal is.
const WIDTH: usize = 100;

/// The command line as it is described to who typed `words`.
pub(super) fn command(words: &[OsString]) -> Command {
    let complete = words.iter().any(|word| word == "--help");
    dress(Cli::command().max_term_width(WIDTH), complete)
}

/// What is said shortly as what it means: `help COMMAND` is `COMMAND --help`,
/// and a target without a command is to be `run`.
pub(super) fn plain(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<_> = words.collect();
    match words.get(1).and_then(|word| word.to_str()) {
        Some("help") => {
            words.remove(1);
            words.push("--help".into());
        }
        Some(target) if target.contains("://") => words.insert(1, "run".into()),
        _ => {}
    }
    words
}

/// `command` and its subcommands, with sections and our way to ask for help.
fn dress(command: Command, complete: bool) -> Command {
    let about = command.get_long_about().filter(|_| complete).cloned();
    let command = match about {
        Some(about) => command.about(about),
        None => command,
    };
    command
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .mut_args(|arg| sort(arg, complete))
        .arg(help_flag())
        .mut_subcommands(|command| dress(command, complete))
}

/// Short help twice: the long one spends three lines on an option.
fn help_flag() -> Arg {
    Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::HelpShort)
        .help("Print help: -h the everyday options, --help all of them")
}

/// Puts `arg` into its section, and says all there is to say of it if the help
/// is to be `complete`.
fn sort(arg: Arg, complete: bool) -> Arg {
    let id = arg.get_id().as_str();
    let section = SECTIONS
        .iter()
        .find(|section| section.everyday.contains(&id) || section.seldom.contains(&id));
    let hidden = !complete && section.is_some_and(|section| section.seldom.contains(&id));
    let long = arg.get_long_help().filter(|_| complete).cloned();
    let arg = match long {
        Some(long) => arg.help(long),
        None => arg,
    };
    match section {
        Some(section) => arg.help_heading(section.heading).hide_short_help(hidden),
        None => arg,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_alone_is_to_be_run() {
        let words = |text: &str| -> Vec<OsString> { text.split(' ').map(OsString::from).collect() };
        for (said, meant) in [
            ("x tcp://a:1 -c 5", "x run tcp://a:1 -c 5"),
            ("x help run", "x run --help"),
            ("x -c 5", "x -c 5"),
            ("x doctor tcp://a:1", "x doctor tcp://a:1"),
        ] {
            assert_eq!(plain(words(said).into_iter()), words(meant));
        }
    }

    /// What is printed for `words`, on a terminal of 100 columns.
    fn help(words: &str) -> String {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        let words = plain(std::iter::once("bench-client".into()).chain(words));
        let err = command(&words)
            .term_width(WIDTH)
            .try_get_matches_from(words)
            .unwrap_err();
        assert_eq!(err.kind(), clap::error::ErrorKind::DisplayHelp, "{err}");
        err.to_string()
    }

    fn assert_fits(words: &str, lines: usize) {
        let text = help(words);
        let count = text.lines().count();
        assert!(count <= lines, "{words} has {count} lines:\n{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{words}: {line}");
        }
    }

    fn visible_commands() -> Vec<String> {
        let command = Cli::command();
        let visible = command.get_subcommands().filter(|command| !command.is_hide_set());
        visible.map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn short_help_fits_one_screen_and_all_of_it_two() {
        assert_fits("-h", 50);
        assert_fits("--help", 100);
        for command in visible_commands() {
            assert_fits(&format!("{command} -h"), 50);
            assert_fits(&format!("{command} --help"), 100);
        }
    }

    #[test]
    fn the_short_help_leaves_out_what_is_seldom_needed_and_the_long_one_nothing() {
        let (short, long) = (help("run -h"), help("run --help"));
        for (option, everyday) in [
            ("--clients", true),
            ("--rcvbuf", false),
            ("--sndbuf", false),
            ("--json", true),
        ] {
            assert_eq!(short.contains(option), everyday, "{option}");
            assert!(long.contains(option), "{option}");
        }
        assert!(long.contains("counts from the scheduled instant"), "{long}");
    }

    #[test]
    fn an_option_of_run_is_in_a_section() {
        let run = command(&["--help".into()]);
        let run = run.find_subcommand("run").unwrap();
        let homeless = |arg: &&Arg| arg.get_help_heading().is_none() && !arg.is_positional() && arg.get_id() != "help";
        let homeless: Vec<_> = run.get_arguments().filter(homeless).map(Arg::get_id).collect();
        assert!(homeless.is_empty(), "{homeless:?}");
    }

    #[test]
    fn every_option_of_a_section_is_one() {
        let complete = command(&["--help".into()]);
        let commands = || complete.get_subcommands().chain([&complete]);
        for id in SECTIONS
            .iter()
            .flat_map(|section| section.everyday.iter().chain(section.seldom))
        {
            let known = commands().any(|command| command.get_arguments().any(|arg| arg.get_id() == id));
            assert!(known, "{id}");
        }
    }

    #[test]
    fn help_is_a_word_as_well() {
        assert_eq!(help("help run"), help("run --help"));
        assert!(help("help").contains("Exit status"));
    }
}
