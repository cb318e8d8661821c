//! The highest rate at which a target keeps its promises.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::account::Account;
use crate::cli::LoadOptions;
use crate::failure::{Failure, Status};
use crate::gate::Gate;
use crate::job::Plan;
use crate::outcome::Outcome;
use crate::pace::{Arrivals, Loop};
use crate::percentile::{FEW, Percentile, asked_or};
use crate::pinning::Places;
use crate::rate::Rate;
use crate::report::table::Table;
use crate::report::{Side, json};
use crate::stage::Stage;
use crate::steps::StepOptions;
use crate::watch::Watch;
use crate::{format, load, quantity};

/// A rate counts as held when this part of it was answered.
const HELD: f64 = 0.99;
/// The search begins below this multiple of the closed loop's rate.
const BEYOND: f64 = 1.1;
/// A rate that was found but not confirmed is lowered by this factor.
const STEP_BACK: f64 = 0.95;
/// How often that is done.
const CONFIRMATIONS: u32 = 6;

/// `bench-client find-max`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FindMaxOptions {
    #[command(flatten)]
    steps: StepOptions,
    /// What must hold: conditions as for --fail-if, as 'p99<2ms,errors=0'.
    #[arg(long, default_value = "p99<10ms,errors=0")]
    slo: Promises,
    /// The search ends when the rate is known to this part of it.
    #[arg(long, default_value = "0.02", value_parser = quantity::number)]
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
    options.steps.outputs.check()?;
    let stage = Stage::find(Places::default());
    let mut watch = stage.enter(&options.load.client)?;
    let plan = plan(options)?;
    let mut search = Search {
        options,
        server: options.steps.server()?,
        watch: &mut watch,
        sides: Vec::new(),
        plan,
    };
    let found = search.find();
    let sides = std::mem::take(&mut search.sides);
    watch.clear();
    let status = match found {
        Err(Failure::Interrupted) if !sides.is_empty() => Status::Interrupted,
        Err(failure) => return Err(failure),
        Ok(Some(rate)) => {
            println!(
                "{}: {} messages/s keep {}",
                options.steps.target,
                format::thousands(rate),
                slo(options)
            );
            Status::Fine
        }
        Ok(None) => {
            println!(
                "{}: no rate was found that keeps {}",
                options.steps.target,
                slo(options)
            );
            Status::Errors
        }
    };
    print!("\n{}", table(options, &sides));
    options.steps.outputs.write(&json::saved(&sides, &stage))?;
    Ok(status)
}

fn plan(options: &FindMaxOptions) -> Result<Plan, Failure> {
    let StepOptions { workload, target, .. } = &options.steps;
    if workload.rate.is_some() || workload.think.is_some() {
        return Err(Failure::Usage(
            "find-max chooses the rates; leave --rate and --think out".to_owned(),
        ));
    }
    let plan = options.load.plan(&options.steps.phases());
    options.steps.apply(target.resolve()?, plan)
}

struct Search<'a> {
    options: &'a FindMaxOptions,
    server: Option<Account>,
    watch: &'a mut Watch,
    sides: Vec<Side>,
    plan: Plan,
}

impl Search<'_> {
    fn find(&mut self) -> Result<Option<f64>, Failure> {
        let highest = self
            .measure("closed loop", self.plan.clone())?
            .rate()
            .unwrap_or_default();
        let (mut kept, mut broken) = (0.0, highest * BEYOND);
        while broken - kept > self.options.precision * broken && broken >= 1.0 {
            let rate = f64::midpoint(kept, broken);
            match self.keeps(rate, self.options.steps.duration)? {
                true => kept = rate,
                false => broken = rate,
            }
        }
        self.confirm(kept)
    }

    /// A rate that a longer run keeps too.
    fn confirm(&mut self, found: f64) -> Result<Option<f64>, Failure> {
        let mut rate = found;
        for _ in 0..CONFIRMATIONS {
            if rate < 1.0 {
                break;
            }
            if self.keeps(rate, self.options.confirm)? {
                return Ok(Some(rate));
            }
            rate *= STEP_BACK;
        }
        Ok(None)
    }

    fn keeps(&mut self, rate: f64, duration: Duration) -> Result<bool, Failure> {
        let rate = rate.round().max(1.0);
        let plan = Plan {
            pace: Loop::Open {
                rate: Rate::constant(rate),
                arrivals: self.options.spacing,
                shed: None,
            },
            duration,
            ..self.plan.clone()
        };
        let name = format!("{} messages/s", format::thousands(rate));
        self.measure(&name, plan)?;
        Ok(self.sides.last().is_some_and(|side| holds(self.options, side)))
    }

    fn measure(&mut self, name: &str, plan: Plan) -> Result<&Outcome, Failure> {
        self.watch.check()?;
        self.watch.turn_to(name);
        let outcome = load::run(plan, self.server, self.watch)?;
        self.watch.check()?;
        self.sides.push(Side {
            name: name.to_owned(),
            outcome,
        });
        let last = self.sides.len() - 1;
        Ok(&self.sides[last].outcome)
    }
}

/// Whether the rate was held and every promise kept.
fn holds(options: &FindMaxOptions, side: &Side) -> bool {
    let outcome = &side.outcome;
    let held = match (outcome.rate(), outcome.offered_rate()) {
        (Some(rate), Some(offered)) => rate >= HELD * offered,
        _ => true,
    };
    let saved = side.saved();
    held && options.slo.0.iter().all(|promise| promise.is_true(&saved))
}

fn slo(options: &FindMaxOptions) -> String {
    let texts: Vec<_> = options.slo.0.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

fn table(options: &FindMaxOptions, sides: &[Side]) -> Table {
    let mut table = Table::default();
    let percentiles = asked_or(&options.steps.outputs.percentiles, &FEW);
    let names = percentiles.iter().map(Percentile::to_string);
    let head = ["step", "answers/s"].map(str::to_owned).into_iter();
    table.row(head.chain(names).chain(["errors", "kept"].map(str::to_owned)));
    for side in sides {
        let outcome = &side.outcome;
        let time = |percentile| format::or_none(outcome.times().at(percentile), format::duration);
        let kept = match (outcome.offered, holds(options, side)) {
            (None, _) => format::NONE,
            (_, true) => "yes",
            (_, false) => "no",
        };
        let step = [side.name.clone(), format::or_none(outcome.rate(), format::thousands)];
        let rest = [format::thousands(outcome.errors() as f64), kept.to_owned()];
        table.row(step.into_iter().chain(percentiles.iter().map(time)).chain(rest));
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
