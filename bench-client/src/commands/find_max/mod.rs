//! The highest rate at which a target keeps its promises.

mod search;

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::base::percentile::{FEW, Percentile, asked_or};
use crate::base::{format, quantity};
use crate::commands::steps::StepOptions;
use crate::judge::gate::Gate;
use crate::plan::Plan;
use crate::plan::pace::Arrivals;
use crate::plan::places::Places;
use crate::report::table::Table;
use crate::run::options::LoadOptions;
use crate::run::sides;
use crate::run::stage::Stage;
use search::{Found, Kept, Search, Step};

/// `bench-client find-max`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FindMaxOptions {
    #[command(flatten)]
    steps: StepOptions,
    /// What must hold: conditions as for --fail-if, as 'p99<2ms,errors=0'.
    #[arg(long, default_value = "p99<10ms,errors=0")]
    slo: Promises,
    /// The search ends when the rate is known to this part of it.
    #[arg(long, value_name = "PART", default_value = "0.02", value_parser = precision)]
    precision: f64,
    /// How the messages follow one another.
    #[arg(long, value_enum, default_value = "uniform")]
    spacing: Arrivals,
    #[command(flatten)]
    load: LoadOptions,
    /// How long the run takes that confirms what was found.
    #[arg(long, default_value = "10s", value_parser = quantity::positive_duration)]
    confirm: Duration,
}

/// Conditions that a server is to keep.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Promises(Vec<Gate>);

impl FromStr for Promises {
    type Err = String;

    fn from_str(text: &str) -> Result<Promises, String> {
        let condition = |text: &str| match text.split_once('=') {
            // None of the figures is ever below nothing.
            Some((figure, limit)) if !figure.ends_with(['<', '>']) => format!("{figure}<={limit}").parse(),
            _ => text.parse(),
        };
        text.split(',').map(condition).collect::<Result<_, _>>().map(Promises)
    }
}

/// Searches, confirms, and prints both.
///
/// # Errors
/// When nothing could be measured, or a report cannot be written.
pub(crate) fn run(options: &FindMaxOptions) -> Result<Status, Failure> {
    options.steps.outputs.check(&[options.load.client.journal.output()])?;
    let stage = Stage::find(Places::default());
    let mut watch = stage.enter(&options.load.client)?;
    let mut search = Search::new(options, plan(options)?, &mut watch);
    let found = search.find();
    let steps = std::mem::take(&mut search.steps);
    watch.clear();
    let found = match found {
        Err(Failure::Interrupted) if !steps.is_empty() => None,
        found => Some(found?),
    };
    let text = format!(
        "{}\n{}{}",
        headline(options, found),
        table(options, &steps),
        remarks(&steps)
    );
    let sides: Vec<_> = steps.into_iter().map(|step| step.side).collect();
    options.steps.outputs.publish_as(&sides::saved(&sides, &stage), text)?;
    Ok(found.map_or(Status::Interrupted, Found::status))
}

/// A part of a rate that a search can end at.
fn precision(text: &str) -> Result<f64, String> {
    let part = quantity::number(text)?;
    match (0.001..=0.5).contains(&part) {
        true => Ok(part),
        false => Err(format!("{text:?} is no part to end a search at; give 0.001 to 0.5")),
    }
}

fn plan(options: &FindMaxOptions) -> Result<Plan, Failure> {
    let StepOptions { workload, target, .. } = &options.steps;
    if workload.rate.is_some() || workload.think.is_some() {
        return Err(Failure::Usage(
            "find-max chooses the rates; leave --rate and --think out".to_owned(),
        ));
    }
    let plan = options.load.plan(&options.steps.phases());
    if plan.requests.is_some() {
        return Err(Failure::Usage(
            "find-max measures for a time; leave --requests out".to_owned(),
        ));
    }
    options.steps.apply(target.resolve()?, plan)
}

fn headline(options: &FindMaxOptions, found: Option<Found>) -> String {
    let target = &options.steps.target;
    let texts: Vec<_> = options.slo.0.iter().map(ToString::to_string).collect();
    let slo = texts.join(", ");
    match found {
        None => format!("{target}: PARTIAL, interrupted before a rate was confirmed that keeps {slo}\n"),
        Some(Found::Rate(rate)) => format!("{target}: {} messages/s keep {slo}\n", format::thousands(rate)),
        Some(Found::Nothing) => format!("{target}: no rate was found that keeps {slo}\n"),
        Some(Found::NothingValid) => {
            format!("{target}: INVALID, no run was valid that could confirm a rate that keeps {slo}\n")
        }
    }
}

/// What must be known of the run that confirms, and why others are not valid.
fn remarks(steps: &[Step]) -> String {
    let last = steps.len().saturating_sub(1);
    let told = steps
        .iter()
        .enumerate()
        .filter(|(place, step)| *place == last || step.kept == Some(Kept::Invalid));
    told.flat_map(|(_, step)| step.run.remarks())
        .map(|remark| format!("{remark}\n"))
        .collect()
}

fn table(options: &FindMaxOptions, steps: &[Step]) -> Table {
    let mut table = Table::default();
    let percentiles = asked_or(&options.steps.outputs.percentiles, &FEW);
    let names = percentiles.iter().map(Percentile::to_string);
    let head = ["step", "answers/s"].map(str::to_owned).into_iter();
    table.row(head.chain(names).chain(["errors", "kept"].map(str::to_owned)));
    for Step { run, kept, .. } in steps {
        let time = |percentile| {
            let nanos = run.time().at(percentile);
            format::or_none(nanos.map(Duration::from_nanos), format::duration)
        };
        let first = [run.name.clone(), format::or_none(run.answers_per_s, format::thousands)];
        let rest = [
            format::thousands(run.errors() as f64),
            format::or_none(*kept, |kept| kept.word().to_owned()),
        ];
        table.row(first.into_iter().chain(percentiles.iter().map(time)).chain(rest));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_conditions() {
        let promises: Promises = "p99<2ms,errors=0,rps>=1k".parse().unwrap();
        let texts: Vec<_> = promises.0.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["p99<2ms", "errors<=0", "rps>=1k"]);
        for text in ["", "fast", "p99", "p99=", "p99<2ms,,"] {
            assert!(text.parse::<Promises>().is_err(), "{text}");
        }
    }
}
