//! A load generator for TCP, UDP, Unix and HTTP/1.1 servers that verifies every
//! byte it counts.
//!
//! Each simulated client is a coroutine of greenserve, written as straight
//! code: connect, send, receive, compare.
//!
//! # The tour
//!
//! - What is asked for: [`cli`](mod@commands::cli) reads the command line, with [`quantity`](mod@base::quantity),
//!   [`target`](mod@plan::target), [`template`](mod@plan::template) and [`workload`](mod@plan::workload); [`comparison`](mod@commands::models), [`single`](mod@commands::run),
//!   [`sweep`](mod@commands::sweep), [`find_max`](mod@commands::find_max), [`calibrate`](mod@commands::calibrate), [`peers`](mod@commands::peers), [`doctor`](mod@commands::doctor)
//!   and [`selftest`](mod@commands::selftest) are the commands, [`steps`](mod@commands::steps) what two of them share. A run is held to its [`gate`](mod@judge::gate)s; [`ab`](mod@commands::ab) and [`regression`](mod@commands::compare) compare
//!   two sides, in [`rounds`](mod@judge::rounds), by way of [`comparing`](mod@judge::compare), which names [`figure`](mod@saved::figure)s and
//!   asks [`statistics`](mod@base::statistics), within a [`tolerance`](mod@judge::tolerance); a saved side comes from [`archive`](mod@saved::archive);
//!   a sweep looks for the [`knee`](mod@judge::knee).
//! - What happens: [`stage`](mod@run::stage) sets the process up within its [`limits`](mod@machine::limits) and on
//!   its place ([`pinning`](mod@machine::pinning)); [`trial`](mod@run::trial) is one server's turn; [`child`](mod@machine::child) starts
//!   it from its [`invocation`](mod@machine::invocation) by way of [`launch`](mod@machine::launch), our own being in [`serve`](mod@commands::serve); [`load`](mod@run::load) leads a run,
//!   [`crew`](mod@run::crew) is its clients, [`job`](mod@run::job) what they share in each [`phase`](mod@run::phase), [`client`](mod@run::client) one of them,
//!   which connects ([`dial`](mod@run::client::dial)) over a [`line`](mod@run::client::line) from one of its [`source`](mod@plan::source)s and
//!   keeps it for as long as its [`churn`](mod@plan::churn) says.
//! - When it is sent: [`pace`](mod@plan::pace), from a [`rate`](mod@plan::rate). What is sent and checked:
//!   [`codec`](mod@run::client::codec), bare messages ([`payload`](mod@plan::payload) of [`sizes`](mod@plan::sizes), [`random`](mod@base::random)) or
//!   [`http`](mod@plan::http); [`verify`](mod@plan::verify); what can go wrong: [`taxonomy`](mod@base::taxonomy), counted by [`tally`](mod@base::tally), with a [`remedy`](mod@run::remedy).
//! - What is written down: [`recording`](mod@run::recording) the times (a [`percentile`](mod@base::percentile) tells them), [`series`](mod@run::series) interval by interval ([`sampling`](mod@plan::sampling)),
//!   [`account`](mod@machine::account) what both ends used ([`listeners`](mod@machine::listeners) finds the server, [`family`](mod@machine::account::family)
//!   its workers) and [`host`](mod@machine::host) what the kernel did, in its [`ticks`](mod@machine::account::ticks), both read by
//!   [`books`](mod@run::books); [`fairness`](mod@run::fairness) who got how much; [`standstill`](mod@run::standstill) whether the client was stopped; [`ceiling`](mod@judge::ceiling) how much more the client
//!   could have driven; [`outcome`](mod@run::outcome) all of it, [`machine`](mod@machine::identity)
//!   on what; [`saved`](mod@saved) is the file's form of it, made by [`saving`](mod@run::saving) (a [`fingerprint`](mod@base::fingerprint) tells loads apart), and
//!   [`verdict`](mod@judge::verdict) says whether it may be believed.
//! - What is shown, on [`stdout`](mod@view::stdout): by [`watch`](mod@view::watch) while it runs, its [`progress`](mod@view::progress) in a [`view`](mod@view::screens)
//!   and its seconds in a [`journal`](mod@view::journal);
//!   [`report`](mod@report) after it, and of a file ([`archive`](mod@saved::archive)) again by [`rerender`](mod@commands::report).
//! - What reads the network or a file is given noise by `fuzzing`.
#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the tour is for who reads the source; the public item is main"
)]
#![allow(clippy::print_stderr, reason = "a program tells its user on stderr why it ends")]

mod base;
mod commands;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod judge;
mod machine;
mod plan;
mod report;
mod run;
mod saved;
mod view;

use std::process::ExitCode;

use base::failure::Failure;
use commands::{cli, perform};

/// The program: reads the command line, does what it says, and tells the user
/// on standard error why it could not.
pub fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn"))
        .format_timestamp(None)
        .target(env_logger::Target::Pipe(Box::new(view::terminal::Log)))
        .init();
    let status = match perform(&cli::read()) {
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
