//! How exactly a rate is known, and by what that was found.

use std::fmt;

use crate::base::statistics::median;
use crate::judge::batches::{is_too_short, within_run};
use crate::saved::Run;

/// What is known of a rate besides its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Precision {
    /// Half the interval of one run's mean, as a part of it. It says nothing of
    /// how rounds differ.
    Within(f64),
    /// The distance of the round farthest from the median, as a part of it.
    Between {
        /// That part.
        part: f64,
        /// How many rounds there are.
        rounds: usize,
    },
    /// One run that is too short for an interval: batch means take 8 s in four
    /// intervals.
    TooShort,
    /// There were no answers.
    NoAnswers,
}

impl Precision {
    /// Of the rounds of one server.
    pub(crate) fn of(runs: &[&Run]) -> Precision {
        match runs {
            [only] if is_too_short(only) => Precision::TooShort,
            [only] => within_run(only).map_or(Precision::NoAnswers, Precision::Within),
            rounds => {
                let rates: Vec<_> = rounds.iter().filter_map(|run| run.answers_per_s).collect();
                let rounds = rates.len();
                spread(&rates).map_or(Precision::NoAnswers, |part| Precision::Between { part, rounds })
            }
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Precision::Within(part) => write!(f, "{} (batch means)", plus_minus(*part)),
            Precision::Between { part, rounds } => write!(f, "{} ({rounds} rounds)", plus_minus(*part)),
            Precision::TooShort => f.write_str("± n/a: shorter than 8 s"),
            Precision::NoAnswers => f.write_str("± n/a: no answers"),
        }
    }
}

/// `± 0.9 %`.
pub(crate) fn plus_minus(part: f64) -> String {
    format!("± {:.1} %", part * 100.0)
}

/// The largest distance from the median, as a part of it.
pub(crate) fn spread(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let distance = values.iter().map(|value| (value - middle).abs()).fold(0.0, f64::max);
    (middle > 0.0).then_some(distance / middle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Second;

    fn lasting(seconds: u32) -> Run {
        Run {
            series: (1..=seconds).map(Second::example).collect(),
            ..Run::example("server", 1000.0)
        }
    }

    #[test]
    fn one_run_has_the_interval_of_its_batches_if_it_is_long_enough() {
        assert_eq!(Precision::of(&[&lasting(8)]).to_string(), "± 0.0 % (batch means)");
        assert_eq!(Precision::of(&[&lasting(7)]).to_string(), "± n/a: shorter than 8 s");
        let mut silent = lasting(8);
        silent.series.iter_mut().for_each(|second| second.answers = 0);
        assert_eq!(Precision::of(&[&silent]), Precision::NoAnswers);
    }

    #[test]
    fn several_rounds_have_their_spread_however_long_they_are() {
        let runs = [900.0, 1000.0, 1050.0].map(|rate| Run::example("server", rate));
        let rounds: Vec<_> = runs.iter().collect();
        assert_eq!(Precision::of(&rounds).to_string(), "± 10.0 % (3 rounds)");
        assert_eq!(
            Precision::of(&[&lasting(9), &lasting(9)]).to_string(),
            "± 0.0 % (2 rounds)"
        );
        assert_eq!(Precision::of(&[]), Precision::NoAnswers);
    }

    #[test]
    fn the_spread_is_of_the_round_farthest_away() {
        assert_eq!(spread(&[100.0, 110.0, 95.0]), Some(0.1));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[0.0, 0.0]), None);
    }
}
