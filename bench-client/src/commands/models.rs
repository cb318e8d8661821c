//! The comparison of our two models, coroutine and thread, under one load.

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::base::quantity;
use crate::commands::turns::TurnOptions;
use crate::judge::gate::GateOptions;
use crate::machine::invocation::ServerCommand;
use crate::machine::{limits, pinning};
use crate::plan::model::Model;
use crate::plan::places::Places;
use crate::run::outcome::Outcome;
use crate::run::sides::{self, Side, worst};
use crate::run::stage::Stage;
use crate::run::trial;
use crate::view::watch::Watch;

/// The comparison of our two models.
#[derive(Clone, Debug, Args)]
pub(crate) struct ModelsOptions {
    #[command(flatten)]
    pub(crate) turns: TurnOptions,
    /// Worker threads of the coroutine server.
    #[arg(long, default_value = "1", value_parser = quantity::count)]
    pub(crate) server_workers: u32,
    #[command(flatten)]
    pub(crate) gates: GateOptions,
}

/// Measures both models and prints them side by side.
///
/// # Errors
/// When a server does not start, or none of the clients can connect. What was
/// measured before is printed all the same.
pub(crate) fn compare(options: &ModelsOptions) -> Result<Status, Failure> {
    let turns = &options.turns;
    turns.outputs.check(&[turns.load.client.journal.output()])?;
    let stage = Stage::find(pinning::choose(turns.no_pin));
    let mut watch = stage.enter(&turns.load.client)?;
    limits::check_machine(turns.load.clients)?;
    let mut sides = Vec::new();
    let mut gated = Status::Fine;
    let ended = measure_all(options, stage.places, &mut watch, &mut sides);
    watch.clear();
    if !sides.is_empty() {
        let saved = sides::saved(&sides, &stage);
        turns.outputs.publish(&saved)?;
        gated = options.gates.pass(&saved.runs, worst(&sides))?;
    }
    match ended {
        Err(Failure::Interrupted) if !sides.is_empty() => Ok(Status::Interrupted),
        ended => ended.map(|()| gated),
    }
}

fn measure_all(
    options: &ModelsOptions,
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

fn measure(model: Model, options: &ModelsOptions, places: Places, watch: &mut Watch) -> Result<Outcome, Failure> {
    watch.turn_to(model.id());
    let command = ServerCommand::ours(model.id(), model);
    let workers = options.server_workers as usize;
    let plan = |address| options.turns.plan().at(address);
    trial::run(&command, workers, places, plan, watch)?.of_work()
}
