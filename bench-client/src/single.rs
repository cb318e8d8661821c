//! The measurement of one server: one that runs already, or one started for it.

use crate::cli::{Phases, RunOptions};
use crate::failure::{Failure, Status};
use crate::invocation::ServerCommand;
use crate::job::Plan;
use crate::listeners;
use crate::outcome::Outcome;
use crate::report::{Side, json, one, rounds, worst};
use crate::stage::Stage;
use crate::target::Target;
use crate::watch::Watch;
use crate::{limits, load, trial};

/// Measures the target and prints what was found.
///
/// # Errors
/// When none of the clients can connect, or a report cannot be written. The
/// rounds before are printed all the same.
pub(crate) fn run(options: &RunOptions) -> Result<Status, Failure> {
    let stage = Stage::find(options.rounds.places());
    let mut watch = stage.enter(&options.load.client)?;
    let mut measured = Measured::default();
    let ended = measure_all(options, &stage, &mut watch, &mut measured);
    watch.clear();
    let Measured { sides, pid } = measured;
    let saved = json::saved(&sides, &stage);
    match &sides[..] {
        [] => {}
        [only] => print!("{}", one::report(only, pid)),
        _ => print!("{}", rounds::report(&sides, &saved.runs)),
    }
    if let (Some(path), false) = (&options.json, sides.is_empty()) {
        json::write(path, &saved)?;
    }
    match ended {
        Err(Failure::Interrupted) if !sides.is_empty() => Ok(Status::Interrupted),
        ended => ended.map(|()| options.gates.pass(&saved.runs, worst(&sides))),
    }
}

/// What there is so far.
#[derive(Default)]
struct Measured {
    /// One for each round.
    sides: Vec<Side>,
    /// The server's process in the last of them.
    pid: Option<i32>,
}

fn measure_all(options: &RunOptions, stage: &Stage, watch: &mut Watch, measured: &mut Measured) -> Result<(), Failure> {
    let name = name(options)?;
    for round in 0..options.rounds.repeat {
        watch.check()?;
        watch.turn_to(options.rounds.subject(&name, round));
        let (outcome, pid) = match &options.rounds.spawn {
            Some(command) => measure_started(options, command, stage, watch)?,
            None => measure_running(options, watch)?,
        };
        measured.pid = pid;
        measured.sides.push(Side {
            name: name.clone(),
            outcome,
        });
    }
    Ok(())
}

/// A server that lives for this round.
fn measure_started(
    options: &RunOptions,
    command: &ServerCommand,
    stage: &Stage,
    watch: &mut Watch,
) -> Result<(Outcome, Option<i32>), Failure> {
    let template = options.target.clone().unwrap_or_default();
    let plan = |address| plan(options, &template.at(address)?);
    let (outcome, pid) = trial::spawned(command, stage.places, plan, watch)?;
    Ok((outcome, Some(pid)))
}

fn measure_running(options: &RunOptions, watch: &mut Watch) -> Result<(Outcome, Option<i32>), Failure> {
    let target = target(options)?;
    let plan = plan(options, &target)?;
    limits::check(&plan)?;
    let (server, remarks) = listeners::choose(&plan.site(), &options.account)?;
    let outcome = load::run(plan, server, watch)?;
    let gone = server.filter(|server| !server.is_alive());
    let outcome = Outcome {
        server_end: gone.map(|server| format!("process {} is gone", server.pid())),
        remarks,
        ..outcome
    };
    Ok((outcome, server.map(|server| server.pid())))
}

/// The server that runs already.
fn target(options: &RunOptions) -> Result<Target, Failure> {
    // The command line asks for it where none is started.
    options.target.clone().unwrap_or_default().alone()
}

/// What reports call the server.
fn name(options: &RunOptions) -> Result<String, Failure> {
    match &options.rounds.spawn {
        Some(command) => Ok(command.name.clone()),
        None => Ok(target(options)?.to_string()),
    }
}

fn plan(options: &RunOptions, target: &Target) -> Result<Plan, Failure> {
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let plan = options.load.plan(&phases);
    options.workload.apply(target, target.resolve()?, plan)
}
