//! Two servers, started in turn and measured under one load.

use std::time::Duration;

use crate::cli::{LoadOptions, Phases};
use crate::comparing::{FIGURES, differences};
use crate::failure::{Failure, Status};
use crate::invocation::ServerCommand;
use crate::outcome::Outcome;
use crate::pinning::Places;
use crate::report::differences::{Rounds, report};
use crate::report::outputs::Outputs;
use crate::report::{Side, json, worst};
use crate::saved::Run;
use crate::stage::Stage;
use crate::target::Endpoint;
use crate::template::Template;
use crate::tolerance::ToleranceOptions;
use crate::watch::Watch;
use crate::workload::WorkloadOptions;
use crate::{limits, quantity, regression, rounds, trial};

/// What reports call the two.
const NAMES: [&str; 2] = ["A", "B"];

/// Two servers and a load.
///
/// Each server is started anew for each round, in the order A B B A A B ...;
/// {port} or {address} in a command becomes a free one, {path} a new socket's, and
/// a command without must print "listening on ADDRESS" or "listening on unix:/PATH". The exit status is 3 when B is worse.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AbOptions {
    /// The one to compare with: 'server --port {port}'.
    #[arg(long, value_name = "CMD")]
    a: ServerCommand,
    /// The one to judge.
    #[arg(long, value_name = "CMD")]
    b: ServerCommand,
    /// How often each is measured; fewer than 5 rounds show nothing.
    #[arg(long, default_value = "5", value_parser = quantity::count)]
    rounds: u32,
    /// What is measured of them: http://{address}/path, unixgram://{path};
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
    options.outputs.check()?;
    let stage = Stage::find(Places::choose(options.no_pin));
    let mut watch = stage.enter(&options.load.client)?;
    limits::check_machine(options.load.clients)?;
    let mut sides = Vec::new();
    let ended = measure_all(options, stage.places, &mut watch, &mut sides);
    watch.clear();
    let saved = json::saved(&sides, &stage);
    if !sides.is_empty() {
        options.outputs.write(&saved)?;
    }
    introduce(options, &saved.runs, stage.places);
    match ended {
        Err(Failure::Interrupted) if !sides.is_empty() => Ok(Status::Interrupted),
        ended => {
            ended?;
            Ok(judge(options, &saved.runs)?.max(worst(&sides)))
        }
    }
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
    let (outcome, _) = trial::spawned(command, places, plan, watch)?;
    Ok(outcome)
}

/// Prints who they are, under what load, and what was odd about them.
fn introduce(options: &AbOptions, runs: &[Run], places: Places) {
    let Some(first) = runs.first() else {
        return;
    };
    println!("{}", first.workload.headline());
    println!("{places}; {} rounds, A B B A ...", options.rounds);
    println!("A: {}\nB: {}\n", options.a.name, options.b.name);
    let mut said = Vec::new();
    for remark in runs.iter().flat_map(Run::remarks) {
        if !said.contains(&remark) {
            println!("{remark}");
            said.push(remark);
        }
    }
}

fn judge(options: &AbOptions, runs: &[Run]) -> Result<Status, Failure> {
    let [a, b] = NAMES.map(|name| regression::named(runs, name));
    let differences = differences(&a, &b, &options.tolerance.figures(&FIGURES))?;
    let [a, b] = [(NAMES[0], &a), (NAMES[1], &b)].map(|(name, runs)| Rounds { name, runs });
    print!("{}", report(a, b, &differences));
    Ok(regression::verdict(&options.tolerance.regressions(&differences)))
}
