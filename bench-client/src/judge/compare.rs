//! From the rounds of two servers to a verdict on each figure.

use serde::Serialize;
use serde_json::Value;

use crate::base::failure::Failure;
use crate::base::format;
use crate::base::statistics::{FALSE_POSITIVES, adjusted, mann_whitney, median, needed_rounds, ratio_interval};
use crate::judge::ceiling::nearest_ceiling;
use crate::judge::precision::Precision;
use crate::judge::tolerance::ToleranceOptions;
use crate::saved::figure::Figure;
use crate::saved::{Difference, Judgement, Party, Run, Word};

/// The figures that every comparison gives a verdict on.
pub(crate) const FIGURES: [Figure; 5] = [Figure::Rate, Figure::P50, Figure::P99, Figure::Cpu, Figure::Memory];

/// One of the two that are compared.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    /// Who it is.
    pub(crate) party: Party,
    /// Its rounds, of one load.
    pub(crate) runs: Vec<Run>,
}

/// What may be said of `b` beside `a`, and whether it is worse than it may be.
///
/// # Errors
/// When the sides are not comparable: see [`check`].
pub(crate) fn judge(a: &Contender, b: &Contender, tolerance: &ToleranceOptions) -> Result<Judgement, Failure> {
    let mut figures = differences(&a.runs, &b.runs, &tolerance.figures(&FIGURES))?;
    for difference in &mut figures {
        difference.tolerance = tolerance.of(difference.figure);
    }
    Ok(Judgement {
        a: a.party.clone(),
        b: b.party.clone(),
        regressions: tolerance.regressions(&figures),
        remarks: [a, b]
            .into_iter()
            .flat_map(|one| remarks(&one.party.name, &one.runs))
            .collect(),
        figures,
    })
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
    let judged = measured.iter().zip(p_values.iter().zip(adjusted(&p_values)));
    Ok(judged
        .map(|(sample, (p_value, p_adjusted))| sample.judge(*p_value, p_adjusted, measured.len()))
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

    /// The difference, as one of `figures` figures.
    fn judge(&self, p_value: f64, p_adjusted: f64, figures: usize) -> Difference {
        // Samples are never empty.
        let a = median(&self.a).unwrap_or_default();
        let b = median(&self.b).unwrap_or_default();
        let interval = ratio_interval(&self.a, &self.b);
        let sure = interval.is_none_or(|interval| !interval.holds(1.0));
        let shown = p_adjusted < FALSE_POSITIVES && sure && a != b;
        Difference {
            figure: self.figure,
            a_median: a,
            b_median: b,
            a_rounds: self.a.len() as u32,
            b_rounds: self.b.len() as u32,
            ratio: (a > 0.0).then(|| b / a),
            interval,
            p_value,
            p_adjusted,
            verdict: match shown {
                true => Word::of(self.figure, b > a),
                false => Word::NotShown,
            },
            needed_rounds: (!shown).then(|| needed_rounds(&self.a, &self.b, figures)),
            tolerance: None,
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
        "{} and {} had different loads ({}) and are not compared; measure both under the same load",
        first.name,
        run.name,
        what_differs(&first.workload, &run.workload, &["hash", "target"]).join(", "),
    )))
}

/// Field by field but for those `left_out`: `size: "64" and "4k"`.
pub(crate) fn what_differs<T: Serialize>(one: &T, other: &T, left_out: &[&str]) -> Vec<String> {
    let fields = |value| match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let others = fields(other);
    let pairs = fields(one).into_iter().filter_map(|(name, one)| {
        let other = others.get(&name)?;
        let counts = !left_out.contains(&name.as_str());
        (counts && *other != one).then(|| format!("{name}: {one} and {other}"))
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
        "a run of {} is invalid ({reason}) and is not compared; measure it again",
        run.name
    )))
}

/// What must be known of a side before its figures are believed.
pub(crate) fn remarks(name: &str, runs: &[Run]) -> Vec<String> {
    let mut remarks = Vec::new();
    if let [only] = runs {
        let within = Precision::of(&[only]);
        remarks.push(format!(
            "{name}: one round only, answers/s {within}; how much rounds vary is unknown"
        ));
    }
    let errors: u64 = runs.iter().map(Run::errors).fold(0, u64::saturating_add);
    if errors > 0 {
        let rounds = match runs.len() {
            1 => "one round".to_owned(),
            rounds => format!("{rounds} rounds"),
        };
        remarks.push(format!(
            "{name}: {} errors in {rounds}",
            format::thousands(errors as f64)
        ));
    }
    remarks.extend(nearest_ceiling(runs).map(|ceiling| format!("{name}: {ceiling}")));
    remarks
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
        assert_eq!((better.verdict, better.needed_rounds), (Word::Faster, None));
        assert!((better.change().unwrap() - 10.0 / 102.0).abs() < 1e-9, "{better:?}");
        assert!(!better.interval.unwrap().holds(1.0), "{better:?}");
        // The two extreme of the 252 orders, and the least p-value of five.
        assert!((better.p_value - 2.0 / 252.0).abs() < 1e-12 && (better.p_adjusted - 10.0 / 252.0).abs() < 1e-12);
        assert_eq!((better.a_rounds, better.b_rounds), (5, 5));
        assert_eq!(of_rate(&b, &a).verdict, Word::Slower);
    }

    #[test]
    fn equals_and_too_few_rounds_are_no_verdict() {
        let a = [100.0, 101.0, 102.0, 103.0, 104.0];
        let b = [100.5, 101.5, 102.5, 103.5, 99.0];
        let equal = of_rate(&a, &b);
        assert!(
            equal.verdict == Word::NotShown && equal.needed_rounds > Some(5),
            "{equal:?}"
        );
        let few = of_rate(&[100.0, 101.0], &[200.0, 201.0]);
        assert_eq!((few.verdict, few.needed_rounds), (Word::NotShown, Some(5)));
        let one = of_rate(&[100.0], &[200.0]);
        assert_eq!(
            (one.verdict, one.needed_rounds, one.interval),
            (Word::NotShown, Some(5), None)
        );
    }

    #[test]
    fn a_longer_time_is_worse() {
        let a = rounds(&[100.0; 5]);
        let mut b = a.clone();
        for run in &mut b {
            run.service_time.p99 = run.service_time.p99.map(|nanos| nanos * 2);
        }
        let differences = differences(&a, &b, &FIGURES).unwrap();
        let of = |figure| differences.iter().find(|one| one.figure == figure).unwrap().verdict;
        assert_eq!((of(Figure::P99), of(Figure::P50)), (Word::Slower, Word::NotShown));
    }

    #[test]
    fn what_costs_more_is_not_called_slow() {
        assert_eq!(
            [true, false].map(|larger| Word::of(Figure::Cpu, larger)),
            [Word::More, Word::Less]
        );
        assert_eq!(
            [true, false].map(|larger| Word::of(Figure::Rate, larger)),
            [Word::Faster, Word::Slower]
        );
    }

    #[test]
    fn a_judgement_says_what_was_tolerated() {
        let contender = |name: &str, rates: &[f64]| Contender {
            party: Party {
                name: name.to_owned(),
                from: format!("{name}.json"),
            },
            runs: rounds(rates),
        };
        let tolerance = ToleranceOptions::from_iter(["rps -5%"]);
        let judgement = judge(&contender("a", &[100.0]), &contender("b", &[90.0]), &tolerance).unwrap();
        let of = |figure| {
            judgement
                .figures
                .iter()
                .find(|one| one.figure == figure)
                .unwrap()
                .tolerance
        };
        assert_eq!((of(Figure::Rate), of(Figure::P50)), (Some(-0.05), None));
        assert_eq!(
            (judgement.regressions.len(), judgement.status()),
            (1, crate::base::failure::Status::Errors)
        );
        assert!(
            judgement.remarks[0].starts_with("a: one round"),
            "{:?}",
            judgement.remarks
        );
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

    #[test]
    fn the_round_nearest_to_the_clients_ceiling_is_told() {
        let mut runs = [0; 5].map(|_| Run::example("server", 1.0));
        for (run, share) in runs.iter_mut().zip([0.5, 0.62, 0.4]) {
            run.ceiling = Some(crate::saved::Ceiling {
                answers_per_s: 1000.0,
                share,
                calibrated: "2026-11-21".to_owned(),
            });
        }
        assert_eq!(
            remarks("A", &runs),
            ["A: client at most at 62 % of its ceiling (calibrated 2026-11-21: 1,000 echoes/s)"]
        );
    }

    #[test]
    fn one_round_is_told_to_be_one() {
        let remarks = remarks("A", &[Run::example("server", 1.0)]);
        assert!(remarks[0].contains("one round"), "{remarks:?}");
    }
}
