//! The highest rate at which a target keeps its promises.

mod options;
mod search;

use std::time::Duration;

use crate::base::failure::{Failure, Status};
use crate::base::format;
use crate::base::percentile::{FEW, Percentile, asked_or};
use crate::commands::steps::StepOptions;
use crate::plan::Plan;
use crate::plan::places::Places;
use crate::report::table::Table;
use crate::run::sides;
use crate::run::stage::Stage;
pub(crate) use options::FindMaxOptions;
use search::{Found, Kept, Search, Step};

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
            format!("{target}: INVALID: no valid run could confirm a rate that keeps {slo}\n")
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

    use crate::commands::find_max::options::Promises;

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
