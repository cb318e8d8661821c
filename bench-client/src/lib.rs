//! A load generator for TCP, UDP, Unix and HTTP/1.1 servers that verifies every
//! byte it counts.
//!
//! Each simulated client is a coroutine of greenserve, written as straight
//! code: connect, send, receive, compare.
//!
//! # The tour
//!
//! - What is asked for: [`cli`] reads the command line, with [`quantity`],
//!   [`target`], [`template`] and [`workload`]; [`comparison`], [`single`],
//!   [`sweep`], [`find_max`], [`calibrate`], [`peers`], [`doctor`]
//!   and [`selftest`] are the commands, [`steps`] what two of them share. A run is held to its [`gate`]s; [`ab`] and [`regression`] compare
//!   two sides, in [`rounds`], by way of [`comparing`], which names [`figure`]s and
//!   asks [`statistics`], within a [`tolerance`]; a saved side comes from [`archive`];
//!   a sweep looks for the [`knee`].
//! - What happens: [`stage`] sets the process up within its [`limits`] and on
//!   its place ([`pinning`]); [`trial`] is one server's turn; [`child`] starts
//!   it from its [`invocation`] by way of [`launch`], our own being in [`serve`]; [`load`] leads a run,
//!   [`crew`] is its clients, [`job`] what they share in each [`phase`], [`client`] one of them,
//!   which connects ([`dial`]) over a [`mod@line`] from one of its [`source`]s and
//!   keeps it for as long as its [`churn`] says.
//! - When it is sent: [`pace`], from a [`rate`]. What is sent and checked:
//!   [`codec`], bare messages ([`payload`] of [`sizes`], [`random`]) or
//!   [`http`]; [`verify`]; what can go wrong: [`taxonomy`], counted by [`tally`], with a [`remedy`].
//! - What is written down: [`recording`] the times (a [`percentile`] tells them), [`series`] interval by interval ([`sampling`]),
//!   [`account`] what both ends used ([`listeners`] finds the server, [`family`]
//!   its workers) and [`host`] what the kernel did, in its [`ticks`], both read by
//!   [`books`]; [`fairness`] who got how much; [`standstill`] whether the client was stopped; [`ceiling`] how much more the client
//!   could have driven; [`outcome`] all of it, [`machine`]
//!   on what; [`saved`] is the file's form of it, made by [`saving`] (a [`fingerprint`] tells loads apart), and
//!   [`verdict`] says whether it may be believed.
//! - What is shown, on [`mod@stdout`]: by [`watch`] while it runs, its [`progress`] in a [`view`]
//!   and its seconds in a [`journal`];
//!   [`report`] after it, and of a file ([`archive`]) again by [`rerender`].
//! - What reads the network or a file is given noise by `fuzzing`.
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the tour is for who reads the source; the public item is main"
)]
#![allow(clippy::print_stderr, reason = "a program tells its user on stderr why it ends")]

mod ab;
mod accepts;
mod account;
mod archive;
mod books;
mod bounded;
mod calibrate;
mod calibration;
mod ceiling;
mod child;
mod churn;
mod cli;
mod client;
mod codec;
mod comparing;
mod comparison;
mod crew;
mod dial;
mod doctor;
mod failure;
mod fairness;
mod family;
mod figure;
mod find_max;
mod fingerprint;
mod format;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod host;
mod http;
mod invocation;
mod job;
mod journal;
mod knee;
mod launch;
mod limits;
mod line;
mod listeners;
mod load;
mod machine;
mod options;
mod origin;
mod outcome;
mod pace;
mod payload;
mod peers;
mod percentile;
mod phase;
mod pinning;
mod places;
mod plan;
mod precision;
mod progress;
mod protocol;
mod quantity;
mod random;
mod rate;
mod recording;
mod regression;
mod remedy;
mod report;
mod rerender;
mod round_options;
mod rounds;
mod sampling;
mod saved;
mod saving;
mod selftest;
mod series;
mod serve;
mod sides;
mod single;
mod site;
mod sizes;
mod source;
mod stage;
mod standstill;
mod statistics;
mod stdout;
mod steps;
mod sweep;
mod tally;
mod target;
mod taxonomy;
mod template;
mod ticks;
mod tolerance;
mod trial;
mod verdict;
mod verify;
mod view;
mod watch;
mod workload;

use std::process::ExitCode;

use cli::{Cli, Command};
use failure::{Failure, Status};

/// The program: reads the command line, does what it says, and tells the user
/// on standard error why it could not.
pub fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn"))
        .format_timestamp(None)
        .target(env_logger::Target::Pipe(Box::new(view::terminal::Log)))
        .init();
    let status = match perform(&Cli::read()) {
        Ok(status) => status,
        // Nobody reads, and nothing is wrong.
        Err(failure @ Failure::Unread) => failure.status(),
        Err(failure) => {
            eprintln!("bench-client: {failure}");
            failure.status()
        }
    };
    status.into()
}

fn perform(cli: &Cli) -> Result<Status, Failure> {
    match &cli.command {
        None => comparison::compare(&cli.comparison),
        Some(Command::Run(options)) => single::run(options),
        Some(Command::Sweep(options)) => sweep::run(options),
        Some(Command::FindMax(options)) => find_max::run(options),
        Some(Command::Calibrate(options)) => calibrate::run(options),
        Some(Command::Ab(options)) => ab::run(options),
        Some(Command::Compare(options)) => regression::compare(options),
        Some(Command::Peers(options)) => peers::run(options),
        Some(Command::Selftest(options)) => selftest::run(options),
        Some(Command::Report(options)) => rerender::render(options),
        Some(Command::Serve(options)) => serve::serve(options).map(|()| Status::Fine),
        Some(Command::Doctor(options)) => doctor::doctor(options),
        Some(Command::Launch(options)) => Err(launch::launch(options)),
    }
}
