//! From the rounds of two servers to a verdict on each figure.

use serde_json::Value;

use crate::failure::Failure;
use crate::figure::Figure;
use crate::saved::{Run, Workload};
use crate::statistics::{self, Interval, mann_whitney, median, needed_rounds, ratio_interval};

/// The figures that every comparison gives a verdict on.
pub(crate) const FIGURES: [Figure; 5] = [Figure::Rate, Figure::P50, Figure::P99, Figure::Cpu, Figure::Memory];

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// Which.
    pub(crate) figure: Figure,
    /// The median over the rounds of A.
    pub(crate) a: f64,
    /// Over those of B.
    pub(crate) b: f64,
    /// B's median as a part of A's, less one: 0.05 for 5 % more.
    pub(crate) change: Option<f64>,
    /// Where that lies; `None` for a single round.
    pub(crate) interval: Option<Interval>,
    /// What may be said of B.
    pub(crate) verdict: Verdict,
}

/// What may be said of B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is better than A.
    Better,
    /// It is worse.
    Worse,
    /// Neither is shown, and for a difference as large as the one seen it would
    /// take so many rounds.
    NotShown {
        /// Rounds of each side.
        needed: u32,
    },
}

/// The differences in `figures` between the rounds of A and of B. A figure
/// that one side has none of, or that is nothing on both, is left out.
///
/// # Errors
/// When the sides are not comparable: see [`check`].
pub(crate) fn differences(a: &[Run], b: &[Run], figures: &[Figure]) -> Result<Vec<Difference>, Failure> {
    check(a, b)?;
    let measured: Vec<_> = figures.iter().filter_map(|figure| Sample::of(*figure, a, b)).collect();
    let p_values: Vec<_> = measured.iter().map(Sample::p_value).collect();
    let shown = statistics::shown(&p_values);
    let judged = measured.iter().zip(shown);
    Ok(judged
        .map(|(sample, shown)| sample.judge(shown, measured.len()))
        .collect())
}

/// One figure in every round of both sides.
struct Sample {
    figure: Figure,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Sample {
    fn of(figure: Figure, a: &[Run], b: &[Run]) -> Option<Sample> {
        let values = |runs: &[Run]| runs.iter().filter_map(|run| figure.of(run)).collect::<Vec<_>>();
        let (a, b) = (values(a), values(b));
        let anything = a.iter().chain(&b).any(|value| *value != 0.0);
        (anything && !a.is_empty() && !b.is_empty()).then_some(Sample { figure, a, b })
    }

    fn p_value(&self) -> f64 {
        mann_whitney(&self.a, &self.b)
    }

    /// The verdict, where the ranks of the rounds are `shown` to differ, as one
    /// of `figures` figures.
    fn judge(&self, shown: bool, figures: usize) -> Difference {
        // Samples are never empty.
        let a = median(&self.a).unwrap_or_default();
        let b = median(&self.b).unwrap_or_default();
        let interval = ratio_interval(&self.a, &self.b);
        let sure = interval.is_none_or(|interval| !interval.holds(1.0));
        Difference {
            figure: self.figure,
            a,
            b,
            change: (a > 0.0).then(|| b / a - 1.0),
            interval: interval.map(|interval| interval.less(1.0)),
            verdict: match (shown && sure && a != b, (b > a) == self.figure.more_is_better()) {
                (true, true) => Verdict::Better,
                (true, false) => Verdict::Worse,
                (false, _) => Verdict::NotShown {
                    needed: needed_rounds(&self.a, &self.b, figures),
                },
            },
        }
    }
}

/// Fails unless all rounds of both sides are of one load and may be believed.
///
/// # Errors
/// [`Failure::Usage`] when there is nothing to compare or the loads differ,
/// [`Failure::Invalid`] when a round is not to be believed.
pub(crate) fn check(a: &[Run], b: &[Run]) -> Result<(), Failure> {
    let (Some(first), false) = (a.first(), b.is_empty()) else {
        return Err(Failure::Usage(
            "there is no run to compare on one side; measure it first".to_owned(),
        ));
    };
    for run in a.iter().chain(b) {
        same_load(first, run)?;
        believable(run)?;
    }
    Ok(())
}

fn same_load(first: &Run, run: &Run) -> Result<(), Failure> {
    // The hash in a file may have been made by hand or by another version.
    if first.workload.hashed() == run.workload.hashed() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{} and {} had different loads ({}) and are not compared; measure both under one",
        first.name,
        run.name,
        what_differs(&first.workload, &run.workload).join(", "),
    )))
}

/// Field by field: `size: "64" and "4k"`.
fn what_differs(one: &Workload, other: &Workload) -> Vec<String> {
    let fields = |workload| match serde_json::to_value(workload) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let others = fields(other);
    let pairs = fields(one).into_iter().filter_map(|(name, one)| {
        let other = others.get(&name)?;
        let load = name != "hash" && name != "target";
        (load && *other != one).then(|| format!("{name}: {one} and {other}"))
    });
    pairs.collect()
}

fn believable(run: &Run) -> Result<(), Failure> {
    let reason = match (run.verdict.interrupted, run.verdict.valid) {
        (true, _) => "it was interrupted".to_owned(),
        (_, false) => run.verdict.reasons.join("; "),
        _ => return Ok(()),
    };
    Err(Failure::Invalid(format!(
        "a run of {} is worth nothing ({reason}) and is not compared; measure it again",
        run.name
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(rates: &[f64]) -> Vec<Run> {
        rates.iter().map(|rate| Run::example("a server", *rate)).collect()
    }

    fn of_rate(a: &[f64], b: &[f64]) -> Difference {
        let differences = differences(&rounds(a), &rounds(b), &FIGURES).unwrap();
        differences.into_iter().find(|one| one.figure == Figure::Rate).unwrap()
    }

    #[test]
    fn a_clear_difference_is_a_verdict() {
        let (a, b) = ([100.0, 101.0, 102.0, 103.0, 104.0], [110.0, 112.0, 113.0, 111.0, 114.0]);
        let better = of_rate(&a, &b);
        assert_eq!(better.verdict, Verdict::Better);
        assert!((better.change.unwrap() - 10.0 / 102.0).abs() < 1e-9, "{better:?}");
        assert!(!better.interval.unwrap().holds(0.0), "{better:?}");
        assert_eq!(of_rate(&b, &a).verdict, Verdict::Worse);
    }

    #[test]
    fn equals_and_too_few_rounds_are_no_verdict() {
        let a = [100.0, 101.0, 102.0, 103.0, 104.0];
        let b = [100.5, 101.5, 102.5, 103.5, 99.0];
        assert!(matches!(of_rate(&a, &b).verdict, Verdict::NotShown { needed } if needed > 5));
        let few = of_rate(&[100.0, 101.0], &[200.0, 201.0]);
        assert_eq!(few.verdict, Verdict::NotShown { needed: 5 });
        let one = of_rate(&[100.0], &[200.0]);
        assert_eq!((one.verdict, one.interval), (Verdict::NotShown { needed: 5 }, None));
    }

    #[test]
    fn a_longer_time_is_worse() {
        let a = rounds(&[100.0; 5]);
        let mut b = a.clone();
        for run in &mut b {
            run.service_time.p99 *= 2;
        }
        let differences = differences(&a, &b, &FIGURES).unwrap();
        let of = |figure| differences.iter().find(|one| one.figure == figure).unwrap();
        assert_eq!(of(Figure::P99).verdict, Verdict::Worse);
        assert!(matches!(of(Figure::P50).verdict, Verdict::NotShown { .. }));
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let a = rounds(&[100.0; 5]);
        let mut b = a.clone();
        for run in &mut b {
            run.memory = None;
        }
        let figures: Vec<_> = differences(&a, &b, &FIGURES)
            .unwrap()
            .into_iter()
            .map(|one| one.figure)
            .collect();
        assert_eq!(figures, [Figure::Rate, Figure::P50, Figure::P99, Figure::Cpu]);
    }

    #[test]
    fn other_loads_are_refused_field_by_field() {
        let a = rounds(&[100.0]);
        let mut b = a.clone();
        b[0].workload.target = "tcp://127.0.0.1:7001".to_owned();
        assert!(check(&a, &b).is_ok());
        b[0].workload.size = "4096".to_owned();
        b[0].workload.clients = 20;
        let message = check(&a, &b).unwrap_err().to_string();
        assert!(
            message.contains("(clients: 10 and 20, size: \"64\" and \"4096\")"),
            "{message}"
        );
    }

    #[test]
    fn what_is_not_to_be_believed_is_not_compared() {
        let a = rounds(&[100.0]);
        let mut b = a.clone();
        b[0].verdict.valid = false;
        b[0].verdict.reasons.push("the client was at its limits".to_owned());
        let message = check(&a, &b).unwrap_err().to_string();
        assert!(message.contains("the client was at its limits"), "{message}");
        let mut b = a.clone();
        b[0].verdict.interrupted = true;
        assert!(matches!(check(&b, &a), Err(Failure::Invalid(_))));
        assert!(check(&a, &[]).is_err());
    }
}
