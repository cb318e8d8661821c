//! The comparison of our two models, coroutine and thread, under one load.

use std::time::Duration;

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::base::quantity;
use crate::judge::gate::GateOptions;
use crate::machine::invocation::ServerCommand;
use crate::machine::{limits, pinning};
use crate::plan::model::Model;
use crate::plan::places::Places;
use crate::report::outputs::Outputs;
use crate::run::options::{LoadOptions, Phases};
use crate::run::outcome::Outcome;
use crate::run::sides::{self, Side, worst};
use crate::run::stage::Stage;
use crate::run::trial;
use crate::view::watch::Watch;

/// The comparison of our two models.
#[derive(Clone, Debug, Args)]
pub(crate) struct ComparisonOptions {
    #[command(flatten)]
    pub(crate) load: LoadOptions,
    /// How long each server is measured.
    #[arg(short, long, default_value = "5s", value_parser = quantity::positive_duration)]
    pub(crate) duration: Duration,
    /// How long each server is warmed up before.
    #[arg(long, default_value = "1s", value_parser = quantity::duration)]
    pub(crate) warmup: Duration,
    /// Worker threads of the coroutine server.
    #[arg(long, default_value = "1", value_parser = quantity::count)]
    pub(crate) server_workers: u32,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
    /// Let server and client run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

/// Measures both models and prints them side by side.
///
/// # Errors
/// When a server does not start, or none of the clients can connect. What was
/// measured before is printed all the same.
pub(crate) fn compare(options: &ComparisonOptions) -> Result<Status, Failure> {
    options.outputs.check(&[options.load.client.journal.output()])?;
    let stage = Stage::find(pinning::choose(options.no_pin));
    let mut watch = stage.enter(&options.load.client)?;
    limits::check_machine(options.load.clients)?;
    let mut sides = Vec::new();
    let mut gated = Status::Fine;
    let ended = measure_all(options, stage.places, &mut watch, &mut sides);
    watch.clear();
    if !sides.is_empty() {
        let saved = sides::saved(&sides, &stage);
        options.outputs.publish(&saved)?;
        gated = options.gates.pass(&saved.runs, worst(&sides))?;
    }
    match ended {
        Err(Failure::Interrupted) if !sides.is_empty() => Ok(Status::Interrupted),
        ended => ended.map(|()| gated),
    }
}

fn measure_all(
    options: &ComparisonOptions,
    places: Places,
    watch: &mut Watch,
    sides: &mut Vec<Side>,
) -> Result<(), Failure> {
    for model in [Model::Coroutine, Model::Thread] {
        watch.check()?;
        let outcome = measure(model, options, places, watch)?;
        sides.push(Side {
            name: model.id().to_owned(),
            outcome,
        });
    }
    Ok(())
}

fn measure(model: Model, options: &ComparisonOptions, places: Places, watch: &mut Watch) -> Result<Outcome, Failure> {
    watch.turn_to(model.id());
    let command = ServerCommand::ours(model.id(), model);
    let workers = options.server_workers as usize;
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let plan = |address| options.outputs.equip(options.load.plan(&phases)).at(address);
    trial::run(&command, workers, places, plan, watch)?.of_work()
}
