//! A target under several numbers of clients and sizes of messages.

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::base::percentile::{FEW, asked_or};
use crate::base::{format, quantity};
use crate::commands::steps::StepOptions;
use crate::plan::Plan;
use crate::plan::accepts::CeilingOptions;
use crate::plan::places::Places;
use crate::plan::sizes::Sizes;
use crate::report::table::Table;
use crate::report::text::knees;
use crate::run::options::ClientOptions;
use crate::run::outcome::Outcome;
use crate::run::sides::{self, Side, worst};
use crate::run::stage::Stage;
use crate::saved::{Run, Saved};
use crate::view::watch::Watch;

/// `bench-client sweep`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SweepOptions {
    #[command(flatten)]
    steps: StepOptions,
    /// Numbers of clients.
    #[arg(short, long, value_delimiter = ',', default_value = "1,10,100,500,1k,5k", value_parser = quantity::count)]
    clients: Vec<u32>,
    /// Message sizes; several may not include a list.
    #[arg(long, value_delimiter = ',', default_value = "64,1k,16k")]
    size: Vec<Sizes>,
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    ceiling: CeilingOptions,
}

/// One field of the matrix.
struct Cell {
    clients: u32,
    size: Sizes,
    side: Side,
}

/// Measures every combination and prints them as matrices.
///
/// # Errors
/// When nothing could be measured, or a report cannot be written.
pub(crate) fn run(options: &SweepOptions) -> Result<Status, Failure> {
    options.steps.outputs.check(&[options.client.journal.output()])?;
    let stage = Stage::find(Places::default());
    let mut watch = stage.enter(&options.client)?;
    let mut sweep = Sweep::default();
    let ended = sweep.measure(options, plans(options)?, &mut watch);
    watch.clear();
    match ended {
        Err(Failure::Interrupted) if !sweep.cells.is_empty() => {}
        ended => ended?,
    }
    let text = text(options, &sweep.cells);
    let sides: Vec<_> = sweep.cells.into_iter().map(|cell| cell.side).collect();
    let mut saved = sides::saved(&sides, &stage);
    saved.knees = saved.find_knees();
    let text = text + &conclusion(&saved, &sweep.failed);
    options.steps.outputs.publish_as(&saved, text)?;
    Ok(match watch.interrupted() {
        true => Status::Interrupted,
        false if sweep.failed.is_empty() => worst(&sides),
        false => worst(&sides).max(Status::Errors),
    })
}

fn plans(options: &SweepOptions) -> Result<Vec<Plan>, Failure> {
    let endpoint = options.steps.target.resolve()?;
    let combinations = options
        .size
        .iter()
        .flat_map(|size| options.clients.iter().map(move |clients| (*clients, size)));
    combinations
        .map(|(clients, size)| {
            let plan = Plan {
                calibration: options.ceiling.ceiling.clone(),
                ..options.client.plan(clients, size, &options.steps.phases())
            };
            options.steps.apply(endpoint.clone(), plan)
        })
        .collect()
}

/// What there is of the matrix, in the order of time.
#[derive(Default)]
struct Sweep {
    cells: Vec<Cell>,
    /// What could not be measured, and why.
    failed: Vec<String>,
}

impl Sweep {
    /// What fails alone is an empty field; the others say how the target does.
    fn measure(&mut self, options: &SweepOptions, plans: Vec<Plan>, watch: &mut Watch) -> Result<(), Failure> {
        let mut last = Ok(());
        for plan in plans {
            watch.check()?;
            let (clients, size) = (plan.clients, plan.sizes.clone());
            let name = format!("{clients} clients, {size} B");
            watch.turn_to(name.as_str());
            match options.steps.measure(plan, watch) {
                Ok(outcome) => self.cells.push(Cell {
                    clients,
                    size,
                    side: Side { name, outcome },
                }),
                Err(failure @ (Failure::Interrupted | Failure::SharedPort { .. })) => return Err(failure),
                Err(failure) => {
                    self.failed.push(format!("{name}: FAILED, {failure}"));
                    last = Err(failure);
                }
            }
        }
        match self.cells.is_empty() {
            true => last,
            false => Ok(()),
        }
    }
}

/// How a figure is shown.
type Show<'a> = dyn Fn(&Outcome) -> String + 'a;

fn text(options: &SweepOptions, cells: &[Cell]) -> String {
    let StepOptions { target, duration, .. } = &options.steps;
    let mut text = format!("{target}, {} s each\n", format::seconds(*duration));
    let rate = |outcome: &Outcome| format::or_none(outcome.rate(), format::thousands);
    let errors = |outcome: &Outcome| format::thousands(outcome.errors() as f64);
    let mut section =
        |label: &str, figure: &Show<'_>| text.push_str(&format!("\n{label}\n{}", matrix(options, cells, figure)));
    section("answers/s", &rate);
    for percentile in asked_or(&options.steps.outputs.percentiles, &FEW) {
        let time = |outcome: &Outcome| format::or_none(outcome.times().at(percentile), format::duration);
        section(&percentile.to_string(), &time);
    }
    section("errors", &errors);
    text
}

/// The knees, and what must be known of the fields.
fn conclusion(saved: &Saved, failed: &[String]) -> String {
    let remarks = saved.runs.iter().flat_map(Run::remarks);
    let lines: Vec<_> = knees(saved)
        .into_iter()
        .chain(remarks)
        .chain(failed.iter().cloned())
        .collect();
    format!("\n{}\n", lines.join("\n"))
}

/// A line for each number of clients, a column for each size.
fn matrix(options: &SweepOptions, cells: &[Cell], figure: &Show<'_>) -> Table {
    let mut table = Table::default();
    let sizes = options.size.iter().map(|size| format!("{size} B"));
    table.row(std::iter::once("clients".to_owned()).chain(sizes));
    for clients in &options.clients {
        let of = |size: &Sizes| cells.iter().find(|cell| cell.clients == *clients && cell.size == *size);
        let figures = options
            .size
            .iter()
            .map(|size| format::or_none(of(size), |cell| figure(&cell.side.outcome)));
        table.row(std::iter::once(format::thousands(f64::from(*clients))).chain(figures));
    }
    table
}
