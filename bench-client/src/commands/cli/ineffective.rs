//! Options that were given and would do nothing: to leave them out silently
//! would report another load than was asked for.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory};

use super::grammar::Cli;
use crate::plan::protocol::Protocol;
use crate::plan::rate::Rate;

/// Fails if an option that was given has no effect.
///
/// # Errors
/// With the option, and why.
pub(super) fn check(matches: &ArgMatches) -> Result<(), clap::Error> {
    let given = Given(matches.subcommand().map_or(matches, |(_, matches)| matches));
    match RULES.iter().find(|rule| given.has(rule.option) && (rule.idle)(&given)) {
        None => Ok(()),
        Some(rule) => {
            let text = format!("--{} would do nothing: {}; leave it out", rule.option, rule.why);
            Err(Cli::command().error(ErrorKind::ArgumentConflict, text))
        }
    }
}

struct Rule {
    option: &'static str,
    idle: fn(&Given<'_>) -> bool,
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        option: "duration",
        idle: |given| given.has_stages(),
        why: "the stages of --rate say how long it takes",
    },
    Rule {
        option: "nodelay",
        idle: |given| given.speaks(|protocol| !protocol.is_tcp()),
        why: "only TCP has it",
    },
    Rule {
        option: "source",
        idle: |given| given.speaks(Protocol::has_path),
        why: "a path is connected to from no address",
    },
    Rule {
        option: "linger",
        idle: |given| given.speaks(Protocol::is_datagram),
        why: "datagrams have no connections to close",
    },
    Rule {
        option: "size",
        idle: |given| given.sends_no_message(),
        why: "messages are sent over http:// and https:// with --expect echo only",
    },
    Rule {
        option: "payload",
        idle: |given| given.sends_no_message(),
        why: "messages are sent over http:// and https:// with --expect echo only",
    },
];

/// What was typed behind a command.
struct Given<'a>(&'a ArgMatches);

impl Given<'_> {
    fn has(&self, option: &str) -> bool {
        let known = self.0.try_contains_id(option).is_ok();
        known && self.0.value_source(option) == Some(ValueSource::CommandLine)
    }

    /// The first value of `option`, as it was typed.
    fn text(&self, option: &str) -> Option<&str> {
        self.0.try_get_raw(option).ok()??.next()?.to_str()
    }

    /// Whether the target, if there is one that says so, is of `such` a protocol.
    fn speaks(&self, such: fn(Protocol) -> bool) -> bool {
        let scheme = self.text("target").and_then(|target| target.split_once("://"));
        let protocol = scheme.and_then(|(scheme, _)| Protocol::of_scheme(scheme));
        protocol.is_some_and(such)
    }

    fn has_stages(&self) -> bool {
        let rate = self.0.try_get_one::<Rate>("rate");
        rate.is_ok_and(|rate| rate.and_then(Rate::length).is_some())
    }

    fn sends_no_message(&self) -> bool {
        self.speaks(Protocol::is_http) && self.text("expect") != Some("echo")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> Option<String> {
        let words = std::iter::once("bench-client").chain(line.split(' '));
        let matches = Cli::command().try_get_matches_from(words).unwrap();
        check(&matches).err().map(|err| err.to_string())
    }

    #[test]
    fn an_option_without_effect_is_named() {
        for (line, option) in [
            ("run :1 --rate stages:1s@100,1s@200 -d 10s", "--duration"),
            ("run udp://:1 --nodelay false", "--nodelay"),
            ("run unix:///a --source 127.0.0.1", "--source"),
            ("run udp://:1 --linger rst", "--linger"),
            ("run HTTP://localhost --size 1k", "--size"),
            ("sweep http://localhost --payload pattern", "--payload"),
            ("ab --a x --b y --target udp://{address} --nodelay true", "--nodelay"),
        ] {
            let text = refused(line).unwrap_or_default();
            assert!(text.contains(&format!("{option} would do nothing")), "{line}: {text}");
        }
    }

    #[test]
    fn an_option_with_an_effect_and_a_default_are_not() {
        for line in [
            "run :1 --rate stages:1s@100,1s@200",
            "run :1 --rate 100 -d 10s",
            "run tcp://:1 --nodelay false --source 127.0.0.1 --linger rst",
            "run http://localhost --expect echo --size 1k",
            "run http://localhost",
            "doctor unix:///a",
            "--size 1k -d 1s",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }
}
