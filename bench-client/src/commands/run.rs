//! The measurement of one server: one that runs already, or one started for it.

use std::time::Duration;

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::base::quantity;
use crate::commands::rounds::RoundOptions;
use crate::judge::gate::GateOptions;
use crate::machine::account::AccountOptions;
use crate::machine::invocation::ServerCommand;
use crate::plan::Plan;
use crate::plan::target::{Endpoint, Target};
use crate::plan::template::Template;
use crate::plan::workload::WorkloadOptions;
use crate::report::outputs::Outputs;
use crate::run::options::{LoadOptions, Phases};
use crate::run::outcome::Outcome;
use crate::run::sides::{self, Side, worst};
use crate::run::stage::Stage;
use crate::run::trial;
use crate::view::watch::Watch;

/// The measurement of one server.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOptions {
    /// tcp:// or udp://HOST:PORT, unix(gram):///PATH, http(s):// or ws(s)://HOST:PORT/PATH.
    ///
    /// With --spawn it may be left out; {address}, {port} or {path} in it is the
    /// server's: http://{address}/path, unixgram://{path}.
    #[arg(required_unless_present = "spawn")]
    pub(crate) target: Option<Template>,
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    #[command(flatten)]
    pub(crate) rounds: RoundOptions,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
    /// How long the server is measured.
    #[arg(short, long, default_value = "10s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long the server is warmed up before.
    #[arg(long, default_value = "2s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    #[command(flatten)]
    pub(crate) workload: WorkloadOptions,
    #[command(flatten)]
    pub(crate) account: AccountOptions,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// Measures the target and prints what was found.
///
/// # Errors
/// When none of the clients can connect, or a report cannot be written. The
/// rounds before are printed all the same.
pub(crate) fn run(options: &RunOptions) -> Result<Status, Failure> {
    options.outputs.check(&[options.load.client.journal.output()])?;
    let stage = Stage::find(options.rounds.places());
    let mut watch = stage.enter(&options.load.client)?;
    let mut rounds = Rounds::default();
    let ended = rounds.measure(options, &stage, &mut watch);
    watch.clear();
    let Rounds { sides, nobody } = rounds;
    let saved = sides::saved(&sides, &stage);
    match nobody {
        _ if !sides.is_empty() => options.outputs.publish(&saved)?,
        // There is nothing to print, and the counts are for whoever reads files.
        Some(nobody) => options.outputs.write(&sides::saved(&[nobody], &stage))?,
        None => {}
    }
    match ended {
        Err(Failure::Interrupted) if !sides.is_empty() => Ok(Status::Interrupted),
        ended => ended.and_then(|()| options.gates.pass(&saved.runs, worst(&sides))),
    }
}

/// What was measured until it ended.
#[derive(Default)]
struct Rounds {
    /// One for each round.
    sides: Vec<Side>,
    /// The round that ended it because nobody could connect.
    nobody: Option<Side>,
}

impl Rounds {
    fn measure(&mut self, options: &RunOptions, stage: &Stage, watch: &mut Watch) -> Result<(), Failure> {
        let name = name(options)?;
        for round in 0..options.rounds.repeat {
            watch.check()?;
            watch.turn_to(options.rounds.subject(&name, round));
            let outcome = match &options.rounds.spawn {
                Some(command) => measure_started(options, command, stage, watch)?,
                None => measure_running(options, watch)?,
            };
            let failure = outcome.failure();
            let side = Side {
                name: name.clone(),
                outcome,
            };
            match failure {
                None => self.sides.push(side),
                Some(failure) => {
                    self.nobody = Some(side);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }
}

/// A server that lives for this round.
fn measure_started(
    options: &RunOptions,
    command: &ServerCommand,
    stage: &Stage,
    watch: &mut Watch,
) -> Result<Outcome, Failure> {
    let plan = |endpoint: &Endpoint| {
        let template = options.target.clone();
        let template = template.unwrap_or_else(|| Template::natural(endpoint));
        plan(options, &template.at(endpoint)?)
    };
    trial::spawned(command, stage.places, plan, watch)
}

fn measure_running(options: &RunOptions, watch: &mut Watch) -> Result<Outcome, Failure> {
    let target = target(options)?;
    let plan = plan(options, &target)?;
    trial::running(plan, &options.account, watch)
}

/// The server that runs already.
fn target(options: &RunOptions) -> Result<Target, Failure> {
    let template = options.target.as_ref().ok_or_else(|| {
        Failure::Usage("there is nothing to measure; name a target, or start a server with --spawn".to_owned())
    })?;
    template.alone()
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
    let plan = options.outputs.equip(options.load.plan(&phases));
    options.workload.apply(target, target.resolve()?, plan)
}
