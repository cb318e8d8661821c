//! Two servers, started in turn and measured under one load.

use std::time::Duration;

use crate::base::failure::{Failure, Status};
use crate::base::quantity;
use crate::judge::compare::{Contender, judge};
use crate::judge::rounds;
use crate::judge::tolerance::ToleranceOptions;
use crate::machine::invocation::ServerCommand;
use crate::machine::{limits, pinning};
use crate::plan::places::Places;
use crate::plan::target::Endpoint;
use crate::plan::template::Template;
use crate::plan::workload::WorkloadOptions;
use crate::report::outputs::Outputs;
use crate::run::options::{LoadOptions, Phases};
use crate::run::outcome::Outcome;
use crate::run::sides::{self, Side, worst};
use crate::run::stage::Stage;
use crate::run::trial;
use crate::saved::{Judgement, Party, Run};
use crate::view::watch::Watch;

/// What reports call the two.
const NAMES: [&str; 2] = ["A", "B"];

/// Two servers and a load.
///
/// Each server is started anew for each round, in the order A B B A A B ...;
/// {port} or {address} in a command becomes a free one, {path} a new socket's, and
/// a command without must print "listening on ADDRESS" or "listening on unix:/PATH". The exit status is 3 when B is worse.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AbOptions {
    /// The baseline: 'server --port {port}'.
    #[arg(long, value_name = "CMD")]
    a: ServerCommand,
    /// The candidate, which is judged.
    #[arg(long, value_name = "CMD")]
    b: ServerCommand,
    /// How often each is measured; fewer than 5 rounds show nothing.
    #[arg(long, default_value = "5", value_parser = quantity::count)]
    rounds: u32,
    /// What to measure: http://{address}/path, unixgram://{path};
    /// echoes over TCP or a Unix socket by default.
    #[arg(long, value_name = "TARGET")]
    target: Option<Template>,
    #[command(flatten)]
    load: LoadOptions,
    #[command(flatten)]
    workload: WorkloadOptions,
    /// How long each round is measured.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    warmup: Duration,
    #[command(flatten)]
    tolerance: ToleranceOptions,
    /// Let servers and client run on any CPU.
    #[arg(long)]
    no_pin: bool,
    #[command(flatten)]
    outputs: Outputs,
}

/// Measures both and prints the verdict; [`Status::Errors`] when B is worse.
///
/// # Errors
/// When a server does not start, none of the clients can connect, or a round
/// is not to be believed.
pub(crate) fn run(options: &AbOptions) -> Result<Status, Failure> {
    options.outputs.check(&[options.load.client.journal.output()])?;
    let stage = Stage::find(pinning::choose(options.no_pin));
    let mut watch = stage.enter(&options.load.client)?;
    limits::check_machine(options.load.clients)?;
    let mut sides = Vec::new();
    let ended = measure_all(options, stage.places, &mut watch, &mut sides);
    watch.clear();
    let mut saved = sides::saved(&sides, &stage);
    let judged = ended.and_then(|()| verdict(options, &saved.runs));
    saved.judgements.extend(judged.as_ref().ok().cloned());
    if !sides.is_empty() {
        options.outputs.publish(&saved)?;
    }
    match judged {
        Err(Failure::Interrupted) if !sides.is_empty() => Ok(Status::Interrupted),
        judged => Ok(judged?.status().max(worst(&sides))),
    }
}

fn verdict(options: &AbOptions, runs: &[Run]) -> Result<Judgement, Failure> {
    let contender = |index: usize, command: &ServerCommand| Contender {
        party: Party {
            name: NAMES[index].to_owned(),
            from: command.name.clone(),
        },
        runs: rounds::named(runs, NAMES[index]),
    };
    judge(&contender(0, &options.a), &contender(1, &options.b), &options.tolerance)
}

fn measure_all(options: &AbOptions, places: Places, watch: &mut Watch, sides: &mut Vec<Side>) -> Result<(), Failure> {
    for round in 0..options.rounds {
        for index in rounds::order(NAMES.len(), round) {
            watch.check()?;
            watch.turn_to(rounds::subject(NAMES[index], round, options.rounds));
            let command = [&options.a, &options.b][index];
            sides.push(Side {
                name: NAMES[index].to_owned(),
                outcome: measure(options, command, places, watch)?,
            });
            watch.check()?;
        }
    }
    Ok(())
}

fn measure(
    options: &AbOptions,
    command: &ServerCommand,
    places: Places,
    watch: &mut Watch,
) -> Result<Outcome, Failure> {
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let plan = |endpoint: &Endpoint| {
        let template = options.target.clone();
        let template = template.unwrap_or_else(|| Template::natural(endpoint));
        let target = template.at(endpoint)?;
        let plan = options.outputs.equip(options.load.plan(&phases));
        options.workload.apply(&target, target.resolve()?, plan)
    };
    trial::spawned(command, places, plan, watch)?.of_work()
}
