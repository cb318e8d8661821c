//! What the program can be told to do: one file or folder a subcommand, and the
//! command line that tells them apart.

pub(crate) mod ab;
pub(crate) mod calibrate;
pub(crate) mod cli;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod find_max;
pub(crate) mod models;
pub(crate) mod peers;
pub(crate) mod report;
pub(crate) mod rounds;
pub(crate) mod run;
pub(crate) mod selftest;
pub(crate) mod serve;
pub(crate) mod steps;
pub(crate) mod sweep;
pub(crate) mod tasks;
pub(crate) mod turns;

use cli::{Cli, Command};

use crate::base::failure::{Failure, Status};
use crate::machine::launch;

/// Does what the command line says.
///
/// # Errors
/// As the command.
pub(crate) fn perform(cli: &Cli) -> Result<Status, Failure> {
    match &cli.command {
        None => models::compare(&cli.models),
        Some(Command::Run(options)) => run::run(options),
        Some(Command::Sweep(options)) => sweep::run(options),
        Some(Command::FindMax(options)) => find_max::run(options),
        Some(Command::Calibrate(options)) => calibrate::run(options),
        Some(Command::Ab(options)) => ab::run(options),
        Some(Command::Compare(options)) => compare::compare(options),
        Some(Command::Peers(options)) => peers::run(options),
        Some(Command::Selftest(options)) => selftest::run(options),
        Some(Command::Report(options)) => report::render(options),
        Some(Command::Serve(options)) => serve::serve(options).map(|()| Status::Fine),
        Some(Command::Doctor(options)) => doctor::doctor(options),
        Some(Command::Tasks(options)) => tasks::run(options).map(|()| Status::Fine),
        Some(Command::Launch(options)) => Err(launch::launch(options)),
    }
}
