//! The options of `bench-client find-max`.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::base::quantity;
use crate::commands::steps::StepOptions;
use crate::judge::gate::Gate;
use crate::plan::pace::Arrivals;
use crate::run::options::LoadOptions;

/// `bench-client find-max`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FindMaxOptions {
    #[command(flatten)]
    pub(super) steps: StepOptions,
    /// What must hold: conditions as for --fail-if, as 'p99<2ms,errors=0'.
    #[arg(long, default_value = "p99<10ms,errors=0")]
    pub(super) slo: Promises,
    /// End the search when the rate is known to this fraction.
    #[arg(long, value_name = "PART", default_value = "0.02", value_parser = precision)]
    pub(super) precision: f64,
    /// How the messages are spaced.
    #[arg(long, value_enum, default_value = "uniform")]
    pub(super) spacing: Arrivals,
    #[command(flatten)]
    pub(super) load: LoadOptions,
    /// Length of the run that confirms the result.
    #[arg(long, default_value = "10s", value_parser = quantity::positive_duration)]
    pub(super) confirm: Duration,
}

/// Conditions that a server is to keep.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Promises(pub(super) Vec<Gate>);

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

/// A part of a rate that a search can end at.
pub(crate) fn precision(text: &str) -> Result<f64, String> {
    let part = quantity::number(text)?;
    match (0.001..=0.5).contains(&part) {
        true => Ok(part),
        false => Err(format!("{text:?} is no part to end a search at; give 0.001 to 0.5")),
    }
}
