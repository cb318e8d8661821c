//! How much worse a figure may become: `--gate 'p99 +5%'`.

use std::str::FromStr;

use crate::base::format::{self, signed_percent};
use crate::saved::Difference;
use crate::saved::figure::Figure;

/// A part by which a figure may be worse.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tolerance {
    figure: Figure,
    /// B's value as a part of A's, less one, beyond which it is breached.
    change: f64,
    /// As it was given.
    text: String,
}

impl FromStr for Tolerance {
    type Err = String;

    fn from_str(text: &str) -> Result<Tolerance, String> {
        let unreadable = || format!("{text:?} is no tolerance; write 'p99 +5%' or 'rps -5%'");
        let at = text.rfind(['+', '-']).ok_or_else(unreadable)?;
        let (figure, change) = text.split_at(at);
        let figure: Figure = figure.trim().parse()?;
        let percent = change
            .strip_suffix('%')
            .and_then(|change| change.trim().parse::<f64>().ok());
        let change = percent.filter(|percent| percent.is_finite()).ok_or_else(unreadable)? / 100.0;
        if matches!(figure, Figure::Errors(_) | Figure::Unfinished | Figure::Fairness) {
            return Err(format!(
                "{text:?}: {} has no percentage; use --fail-if with run",
                figure.name()
            ));
        }
        if (change > 0.0) == figure.more_is_better() && change != 0.0 {
            return Err(format!("{text:?} would ask for an improvement; turn the sign around"));
        }
        let text = text.to_owned();
        Ok(Tolerance { figure, change, text })
    }
}

impl Tolerance {
    /// How it is breached, if it is.
    fn check(&self, differences: &[Difference]) -> Option<String> {
        let found = differences.iter().find(|difference| difference.figure == self.figure);
        let change = found.and_then(Difference::change);
        let Some(change) = change else {
            let name = self.figure.name();
            return Some(format!(
                "gate {:?} breached: {name} was not measured on both sides",
                self.text
            ));
        };
        let breached = match self.figure.more_is_better() {
            true => change < self.change,
            false => change > self.change,
        };
        breached.then(|| {
            let (change, limit) = (signed_percent(change), signed_percent(self.change));
            format!(
                "gate {:?} breached: {} changed by {change}, the limit {limit}",
                self.text,
                self.figure.label()
            )
        })
    }
}

/// The tolerances of a comparison.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ToleranceOptions {
    /// Exit with status 3 only if the median of this figure is worse by more:
    /// 'p99 +5%', 'rps -5%', 'cpu +2%'; may be repeated. Without it any figure
    /// that is shown to be worse does.
    #[arg(long = "gate", value_name = "TOLERANCE")]
    tolerances: Vec<Tolerance>,
}

impl ToleranceOptions {
    /// `figures` and those that a tolerance names.
    pub(crate) fn figures(&self, figures: &[Figure]) -> Vec<Figure> {
        let mut all = figures.to_vec();
        for Tolerance { figure, .. } in &self.tolerances {
            if !all.contains(figure) {
                all.push(*figure);
            }
        }
        all
    }

    /// By how much `figure` may change, if anything was said of it.
    pub(crate) fn of(&self, figure: Figure) -> Option<f64> {
        let found = self.tolerances.iter().find(|one| one.figure == figure);
        found.map(|tolerance| tolerance.change)
    }

    /// In what B is worse than it may be.
    pub(crate) fn regressions(&self, differences: &[Difference]) -> Vec<String> {
        if !self.tolerances.is_empty() {
            let breached = self.tolerances.iter().filter_map(|one| one.check(differences));
            return breached.collect();
        }
        let worse = differences.iter().filter(|one| one.verdict.is_worse());
        worse
            .map(|one| {
                format!(
                    "regression: {} {}",
                    one.figure.label(),
                    format::or_none(one.change(), signed_percent)
                )
            })
            .collect()
    }
}

/// As they would be given on a command line.
#[cfg(any(test, fuzzing))]
impl<'a> FromIterator<&'a str> for ToleranceOptions {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> ToleranceOptions {
        let tolerances = texts.into_iter().map(|text| text.parse().expect("a tolerance"));
        ToleranceOptions {
            tolerances: tolerances.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::compare::{FIGURES, differences};
    use crate::saved::Run;

    fn breached(tolerances: &[&str], rate: f64, times: u64) -> Vec<String> {
        let a = Run::example("A", 1000.0);
        let mut b = Run::example("B", rate);
        b.service_time.p99 = b.service_time.p99.map(|nanos| nanos * times / 100);
        let options: ToleranceOptions = tolerances.iter().copied().collect();
        let differences = differences(&[a], &[b], &options.figures(&FIGURES)).unwrap();
        options.regressions(&differences)
    }

    #[test]
    fn a_figure_may_be_worse_by_so_much_and_no_more() {
        assert_eq!(breached(&["p99 +5%"], 1000.0, 104), [""; 0]);
        let beyond = breached(&["p99 +5%"], 1000.0, 107);
        assert_eq!(
            beyond,
            ["gate \"p99 +5%\" breached: p99 changed by +7.0 %, the limit +5.0 %"]
        );
        assert_eq!(breached(&["p99 +5%"], 1000.0, 50), [""; 0]);
        assert_eq!(breached(&["rps -5%"], 960.0, 100), [""; 0]);
        assert_eq!(breached(&["rps-5%", "p99+0%"], 940.0, 101).len(), 2);
    }

    #[test]
    fn what_was_not_measured_breaches() {
        let mut without = Run::example("A", 1000.0);
        without.server = None;
        let differences = differences(&[without.clone()], &[without], &FIGURES).unwrap();
        let options = ToleranceOptions::from_iter(["cpu +5%"]);
        assert_eq!(options.regressions(&differences).len(), 1);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "p99",
            "p99 5%",
            "p99 +5",
            "p99 -5%",
            "rps +5%",
            "errors +5%",
            "p98 +5%",
            "p99 +inf%",
        ] {
            assert!(text.parse::<Tolerance>().is_err(), "{text}");
        }
    }
}
