//! A load generator for TCP, UDP, Unix, HTTP/1.1, HTTPS and WebSocket servers
//! that verifies every byte it counts.
//!
//! Each simulated client is a coroutine of greenserve, written as straight code:
//! connect, send, receive, compare.
//!
//! # The tour
//!
//! From the command line to the page. Each folder uses only folders that stand
//! below it in this list; `tests/architecture.rs` holds them to that.
//!
//! - [`commands`]: the command line ([`commands::cli`]) leads to a subcommand, one
//!   file or folder each. What it measures becomes a plan, a run of it an outcome,
//!   and outcomes a report.
//! - [`report`]: every form of what was saved: text, page, table, plots, logs.
//!   It knows nothing of how a run is made, so that a file can be shown again.
//! - [`run`]: one run. [`run::stage`] sets the process up, [`run::trial`] starts or
//!   finds the server, [`run::load`] leads the [`run::crew`] through the phases of a
//!   [`run::job`]; a [`run::client`] connects, sends and verifies,
//!   [`run::recording`] keeps its times, and [`run::saving`] makes of the
//!   [`run::outcome`] what is saved.
//! - [`judge`]: whether the figures may be believed ([`judge::verdict`]), whether one
//!   side is better ([`judge::compare`]), whether a limit was kept ([`judge::gate`]).
//! - [`machine`]: what both ends used ([`machine::account`]), who listens
//!   ([`machine::listeners`]), and the server as a child ([`machine::child`]).
//! - [`view`]: what is seen meanwhile: a bar, lines or the whole terminal
//!   ([`view::screens`]), a [`view::journal`] of intervals, [`mod@view::stdout`].
//! - [`mod@plan`]: what shall be done: to whom ([`plan::target`]), when
//!   ([`plan::rate`], [`plan::pace`]), what is sent ([`plan::payload`],
//!   [`plan::http`]) and how far it is checked ([`plan::verify`]).
//! - [`saved`]: what a report file holds, and nothing that fills it in.
//! - [`base`]: what all of it is made of: [`base::failure`], [`base::quantity`],
//!   [`mod@base::format`], [`base::taxonomy`], [`base::statistics`].
//!
//! What reads the network, a file or a user's text is given noise by `fuzzing`.
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
