//! How far a median would move if other rounds had been made: the bootstrap.

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::sample::{CONFIDENCE, median};

/// Enough for the ends of the interval to be known to a fraction of its width.
const RESAMPLES: usize = 4000;
/// The same rounds give the same interval.
const SEED: u64 = 0x6772_6e73;

/// Where a value lies with a probability of [`CONFIDENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// Its lower end.
    pub(crate) low: f64,
    /// Its upper end.
    pub(crate) high: f64,
}

impl Interval {
    /// Whether it may be `value`.
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The interval of the median of `b` divided by that of `a`; `None` unless both
/// sides have two rounds and `a` is positive.
pub(crate) fn ratio_interval(a: &[f64], b: &[f64]) -> Option<Interval> {
    interval(a, b, |a, b| (a > 0.0).then(|| b / a))
}

/// The interval of `statistic` of both medians: the percentiles of it over
/// resampled rounds.
fn interval(a: &[f64], b: &[f64], statistic: impl Fn(f64, f64) -> Option<f64>) -> Option<Interval> {
    if a.len() < 2 || b.len() < 2 {
        return None;
    }
    let mut random = Rng::with_seed(SEED);
    let mut values = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let (a, b) = (resampled(a, &mut random), resampled(b, &mut random));
        values.push(statistic(median(&a)?, median(&b)?)?);
    }
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let at = |share: f64| values[(share * (RESAMPLES - 1) as f64).round() as usize];
    Some(Interval {
        low: at(tail),
        high: at(1.0 - tail),
    })
}

/// As many rounds, drawn from these with replacement.
fn resampled(rounds: &[f64], random: &mut Rng) -> Vec<f64> {
    let draw = |_| rounds[random.usize(..rounds.len())];
    (0..rounds.len()).map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(a: &[f64], b: &[f64]) -> Option<Interval> {
        interval(a, b, |a, b| Some(b - a))
    }

    /// The median of five resampled from 1..=5 is 1 or less when three are:
    /// P = sum over k = 3..=5 of C(5,k) 0.2^k 0.8^(5-k) = 5.8 %; so 2.5 % is
    /// at 1 and 97.5 % at 5 (Efron & Tibshirani, "An Introduction to the
    /// Bootstrap" (1993), chapter 13).
    #[test]
    fn the_interval_is_that_of_all_resamples() {
        let rounds = [1.0, 2.0, 3.0, 4.0, 5.0];
        let (low, high) = (1.0, 5.0);
        assert_eq!(difference(&[0.0, 0.0], &rounds), Some(Interval { low, high }));
        assert_eq!(ratio_interval(&[1.0, 1.0], &rounds), Some(Interval { low, high }));
    }

    #[test]
    fn it_is_the_same_every_time() {
        let (a, b) = ([1.0, 1.5, 1.2, 1.9], [2.0, 2.5, 2.1, 2.2]);
        assert_eq!(ratio_interval(&a, &b), ratio_interval(&a, &b));
    }

    #[test]
    fn there_is_none_of_nothing() {
        assert_eq!(ratio_interval(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(ratio_interval(&[0.0, 0.0], &[1.0, 2.0]), None);
    }

    /// 200 comparisons of 15 rounds whose medians differ by 10: the interval
    /// holds that in about 95 of 100. A bootstrap of medians errs a little to
    /// the safe side.
    #[test]
    fn it_covers_what_it_says() {
        let mut random = Rng::with_seed(3);
        let mut held = 0;
        for _ in 0..200 {
            let a: Vec<_> = (0..15).map(|_| random.f64()).collect();
            let b: Vec<_> = (0..15).map(|_| random.f64() + 10.0).collect();
            let interval = difference(&a, &b).expect("there are rounds");
            held += u32::from(interval.holds(10.0));
        }
        assert!((180..=200).contains(&held), "{held} of 200");
    }
}
