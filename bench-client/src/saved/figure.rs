//! The figures of a run that gates and comparisons name.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::taxonomy::ErrorClass;
use crate::base::{format, quantity};
use crate::saved::{Run, Times};

/// One figure of a run. Times are in seconds, memory is in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) enum Figure {
    /// Answers per second.
    Rate,
    /// The time that half of the answers did not exceed.
    P50,
    /// That nine of ten did not exceed.
    P90,
    /// That 99 of 100 did not exceed.
    P99,
    /// That 999 of 1000 did not exceed.
    P999,
    /// The longest time.
    Max,
    /// The mean time.
    Mean,
    /// Processor time of the server for an answer.
    Cpu,
    /// What one more client costs the server.
    Memory,
    /// What the kernel keeps to map that.
    PageTables,
    /// Everything that went wrong, or one class of it.
    Errors(Option<ErrorClass>),
    /// Messages without an answer at the end.
    Unfinished,
    /// Jain's index of the answers of each client.
    Fairness,
    /// Connections opened per second.
    Opened,
}

/// All but the classes of errors, in the order of messages.
const NAMED: [(&str, Figure); 14] = [
    ("rps", Figure::Rate),
    ("p50", Figure::P50),
    ("p90", Figure::P90),
    ("p99", Figure::P99),
    ("p99.9", Figure::P999),
    ("max", Figure::Max),
    ("mean", Figure::Mean),
    ("cpu", Figure::Cpu),
    ("memory", Figure::Memory),
    ("page-tables", Figure::PageTables),
    ("errors", Figure::Errors(None)),
    ("unfinished", Figure::Unfinished),
    ("fairness", Figure::Fairness),
    ("opened", Figure::Opened),
];

impl FromStr for Figure {
    type Err = String;

    fn from_str(text: &str) -> Result<Figure, String> {
        if let Some(class) = text.strip_prefix("errors.") {
            return class_named(class).map(|class| Figure::Errors(Some(class)));
        }
        let named = NAMED.iter().find(|(name, _)| *name == text);
        named.map(|(_, figure)| *figure).ok_or_else(|| {
            let names = NAMED.map(|(name, _)| name).join(", ");
            format!("{text:?} is no figure; there are {names} and errors.CLASS")
        })
    }
}

impl TryFrom<String> for Figure {
    type Error = String;

    fn try_from(name: String) -> Result<Figure, String> {
        name.parse()
    }
}

impl From<Figure> for String {
    fn from(figure: Figure) -> String {
        figure.name()
    }
}

fn class_named(name: &str) -> Result<ErrorClass, String> {
    let found = ErrorClass::ALL.into_iter().find(|class| class.id() == name);
    found.ok_or_else(|| {
        let names = ErrorClass::ALL.map(ErrorClass::id).join(", ");
        format!("{name:?} is no class of errors; there are {names}")
    })
}

impl Figure {
    /// Its value in `run`, if it was measured.
    pub(crate) fn of(self, run: &Run) -> Option<f64> {
        match self {
            Figure::Rate => run.answers_per_s,
            Figure::Cpu => run.server.as_ref()?.cpu_us_per_answer.map(|micros| micros / 1e6),
            Figure::Memory => run.memory.map(|memory| memory.bytes_per_client),
            Figure::PageTables => run.memory?.page_table_bytes_per_client,
            Figure::Errors(None) => Some(run.errors() as f64),
            Figure::Errors(Some(class)) => Some(run.errors_of(class.id()) as f64),
            Figure::Unfinished => Some(run.unfinished as f64),
            Figure::Fairness => run.fairness.jain,
            Figure::Opened => run.connections.opened_per_s,
            _ => self.time(run.time()).map(|nanos| nanos / 1e9),
        }
    }

    /// In nanoseconds, of a run that had answers. What messages without one
    /// make unknown is none.
    fn time(self, times: &Times) -> Option<f64> {
        let all_answered = times.unanswered == 0;
        let nanos = match self {
            Figure::P50 => times.p50.map(|nanos| nanos as f64),
            Figure::P90 => times.p90.map(|nanos| nanos as f64),
            Figure::P99 => times.p99.map(|nanos| nanos as f64),
            Figure::P999 => times.p999.map(|nanos| nanos as f64),
            Figure::Max => all_answered.then_some(times.max as f64),
            Figure::Mean => all_answered.then_some(times.mean),
            _ => None,
        };
        nanos.filter(|_| times.count > 0)
    }

    /// Reads a value of it as a person types it: `2ms`, `50k`, `10k` bytes.
    pub(crate) fn read(self, text: &str) -> Result<f64, String> {
        match self {
            Figure::Rate | Figure::Opened => quantity::rate(text),
            Figure::Memory | Figure::PageTables => quantity::bytes(text).map(|bytes| bytes as f64),
            Figure::Errors(_) | Figure::Unfinished | Figure::Fairness => quantity::number(text),
            _ => quantity::duration(text).map(|time| time.as_secs_f64()),
        }
    }

    /// A value of it as a person reads it.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Figure::Rate | Figure::Opened => format!("{}/s", format::thousands(value)),
            Figure::Memory | Figure::PageTables => format::kib(value),
            Figure::Errors(_) | Figure::Unfinished => format::thousands(value),
            Figure::Fairness => format!("{value:.3}"),
            _ => format::duration(Duration::try_from_secs_f64(value).unwrap_or_default()),
        }
    }

    /// What reports call it.
    pub(crate) fn label(self) -> String {
        match self {
            Figure::Rate => "answers".to_owned(),
            Figure::Cpu => "server CPU per answer".to_owned(),
            Figure::Memory => "memory per client".to_owned(),
            Figure::PageTables => "page tables per client".to_owned(),
            Figure::Opened => "connections opened".to_owned(),
            _ => self.name(),
        }
    }

    /// What it is called on the command line.
    pub(crate) fn name(self) -> String {
        if let Figure::Errors(Some(class)) = self {
            return format!("errors.{}", class.id());
        }
        let named = NAMED.iter().find(|(_, figure)| *figure == self);
        named.map_or_else(String::new, |(name, _)| (*name).to_owned())
    }

    /// Whether more of it is better.
    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Figure::Rate | Figure::Fairness)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_found_under_its_name() {
        for (name, figure) in NAMED {
            assert_eq!(name.parse(), Ok(figure));
            assert_eq!(figure.name(), name);
        }
        let corrupt = Figure::Errors(Some(ErrorClass::Corrupt));
        assert_eq!("errors.corrupt".parse(), Ok(corrupt));
        assert_eq!(corrupt.name(), "errors.corrupt");
    }

    #[test]
    fn unknown_names_are_answered_with_the_known_ones() {
        for (name, known) in [("p95", "p99.9"), ("errors.corupt", "corrupt"), ("", "rps")] {
            let message = name.parse::<Figure>().unwrap_err();
            assert!(message.contains(known), "{message}");
        }
    }
}
