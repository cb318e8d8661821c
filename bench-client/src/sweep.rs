//! A target under several numbers of clients and sizes of messages.

use std::time::Duration;

use clap::Args;

use crate::account::Account;
use crate::ceiling::CeilingOptions;
use crate::cli::{ClientOptions, Phases};
use crate::failure::{Failure, Status};
use crate::job::Plan;
use crate::outcome::Outcome;
use crate::percentile::{FEW, asked_or};
use crate::pinning::Places;
use crate::report::outputs::Outputs;
use crate::report::table::Table;
use crate::report::{Side, json};
use crate::sizes::Sizes;
use crate::stage::Stage;
use crate::target::Target;
use crate::watch::Watch;
use crate::workload::WorkloadOptions;
use crate::{format, limits, load, quantity, verdict};

/// The knee lies where this part of the highest rate is reached.
const KNEE: f64 = 0.95;

/// `bench-client sweep`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SweepOptions {
    /// The server, as for run.
    target: Target,
    /// Numbers of clients.
    #[arg(short, long, value_delimiter = ',', default_value = "1,10,100,500,1k,5k", value_parser = quantity::count)]
    clients: Vec<u32>,
    /// Sizes of messages; with more than one, none of them a list.
    #[arg(long, value_delimiter = ',', default_value = "64,1k,16k")]
    size: Vec<Sizes>,
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    ceiling: CeilingOptions,
    #[command(flatten)]
    workload: WorkloadOptions,
    /// How long each measurement takes.
    #[arg(short, long, default_value = "3s", value_parser = quantity::positive_duration)]
    duration: Duration,
    /// How long each is warmed up before.
    #[arg(long, default_value = "500ms", value_parser = quantity::duration)]
    warmup: Duration,
    /// Account for the processor time and memory of process PID.
    #[arg(long, value_name = "PID")]
    server_pid: Option<i32>,
    #[command(flatten)]
    outputs: Outputs,
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
    options.outputs.check()?;
    let stage = Stage::find(Places::default());
    let mut watch = stage.enter(&options.client)?;
    let plans = plans(options)?;
    for plan in &plans {
        limits::check(plan)?;
    }
    let server = options.server_pid.map(Account::of).transpose()?;
    let mut cells = Vec::new();
    let ended = measure(plans, server, &mut watch, &mut cells);
    watch.clear();
    if let (Err(failure), true) = (ended, cells.is_empty()) {
        return Err(failure);
    }
    print!("{}", text(options, &cells));
    let runs: Vec<_> = cells.iter().map(|cell| cell.side.saved()).collect();
    let status = runs.iter().map(verdict::status).max();
    let sides: Vec<_> = cells.into_iter().map(|cell| cell.side).collect();
    options.outputs.write(&json::saved(&sides, &stage))?;
    Ok(match watch.interrupted() {
        true => Status::Interrupted,
        false => status.unwrap_or(Status::Fine),
    })
}

fn plans(options: &SweepOptions) -> Result<Vec<Plan>, Failure> {
    let phases = Phases {
        warmup: options.warmup,
        duration: options.duration,
    };
    let endpoint = options.target.resolve()?;
    let combinations = options
        .size
        .iter()
        .flat_map(|size| options.clients.iter().map(move |clients| (*clients, size)));
    combinations
        .map(|(clients, size)| {
            let plan = Plan {
                calibration: options.ceiling.ceiling.clone(),
                ..options.outputs.equip(options.client.plan(clients, size, &phases))
            };
            options.workload.apply(&options.target, endpoint.clone(), plan)
        })
        .collect()
}

/// What fails alone is left out; the others say how the target does.
fn measure(plans: Vec<Plan>, server: Option<Account>, watch: &mut Watch, cells: &mut Vec<Cell>) -> Result<(), Failure> {
    let mut failed = Ok(());
    for plan in plans {
        watch.check()?;
        let (clients, size) = (plan.clients, plan.sizes.clone());
        let name = format!("{clients} clients, {size} B");
        watch.turn_to(name.as_str());
        match load::run(plan, server, watch) {
            Ok(outcome) => cells.push(Cell {
                clients,
                size,
                side: Side { name, outcome },
            }),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            Err(failure) => {
                watch.warn(&format!("{name}: {failure}"));
                failed = Err(failure);
            }
        }
    }
    failed
}

/// How a figure is shown.
type Show<'a> = dyn Fn(&Outcome) -> String + 'a;

fn text(options: &SweepOptions, cells: &[Cell]) -> String {
    let mut text = format!("{}, {} s each\n", options.target, format::seconds(options.duration));
    let rate = |outcome: &Outcome| format::or_none(outcome.rate(), format::thousands);
    let errors = |outcome: &Outcome| format::thousands(outcome.errors() as f64);
    let mut section =
        |label: &str, figure: &Show<'_>| text.push_str(&format!("\n{label}\n{}", matrix(options, cells, figure)));
    section("answers/s", &rate);
    for percentile in asked_or(&options.outputs.percentiles, &FEW) {
        let time = |outcome: &Outcome| format::or_none(outcome.times().at(percentile), format::duration);
        section(&percentile.to_string(), &time);
    }
    section("errors", &errors);
    for size in &options.size {
        if let Some(clients) = knee(cells, size) {
            let part = format::percent(KNEE);
            text.push_str(&format!(
                "\n{size} B: {part} of the highest rate from {clients} clients on"
            ));
        }
    }
    for cell in cells {
        for reason in cell.side.saved().verdict.reasons {
            text.push_str(&format!("\n{}: INVALID, {reason}", cell.side.name));
        }
    }
    text + "\n"
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

/// The fewest clients with which nearly the highest rate is reached.
fn knee(cells: &[Cell], size: &Sizes) -> Option<u32> {
    let rates = || {
        let of_size = cells.iter().filter(|cell| cell.size == *size);
        of_size.filter_map(|cell| Some((cell.clients, cell.side.outcome.rate()?)))
    };
    let highest = rates().map(|(_, rate)| rate).fold(0.0, f64::max);
    rates()
        .filter(|(_, rate)| *rate >= KNEE * highest)
        .map(|(clients, _)| clients)
        .min()
}
