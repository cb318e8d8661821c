//! What may be concluded from a few rounds.
//!
//! The unit is the round, never the second: the seconds of one run depend on
//! one another, and what differs between two starts of a server is in none of
//! them.

mod bootstrap;
mod ranks;
mod sample;

pub(crate) use bootstrap::{Interval, ratio_interval};
pub(crate) use ranks::{fewest_rounds, mann_whitney, more_than};
pub(crate) use sample::slope;
pub(crate) use sample::{CONFIDENCE, mean, median, variance};

use statrs::distribution::{ContinuousCDF, Normal};

/// How often a difference may be claimed that is none.
pub(crate) const FALSE_POSITIVES: f64 = 1.0 - CONFIDENCE;
/// How often a difference that there is shall be found.
const POWER: f64 = 0.8;
/// The rank test needs this many times as many rounds as the t-test, on normal
/// data: pi / 3.
const RANKS_COST: f64 = std::f64::consts::PI / 3.0;
/// More rounds than these are never asked for: nobody runs them.
pub(crate) const MOST_ROUNDS: u32 = 1000;

/// The p-values corrected for their number by Holm's method: with those below
/// [`FALSE_POSITIVES`] shown, one or more of equal figures seem to differ in at
/// most that part of all comparisons, however many figures there are.
pub(crate) fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..p_values.len()).collect();
    order.sort_by(|one, other| p_values[*one].total_cmp(&p_values[*other]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 0.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        let left = (p_values.len() - place) as f64;
        least = least.max(p_values[index] * left).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

/// How many rounds of each side it would take to show a difference as large
/// as the one between `a` and `b`, beside `others` other figures; at most
/// [`MOST_ROUNDS`].
pub(crate) fn needed_rounds(a: &[f64], b: &[f64], figures: usize) -> u32 {
    let fewest = fewest_rounds(FALSE_POSITIVES / figures.max(1) as f64);
    let had = a.len().min(b.len()) as u32;
    let least = match had < fewest {
        true => fewest,
        false => had + 1,
    };
    rounds_for(a, b, figures).clamp(least.min(MOST_ROUNDS), MOST_ROUNDS)
}

/// The number for a normal sample of these means and variances.
fn rounds_for(a: &[f64], b: &[f64], figures: usize) -> u32 {
    if a.len() < 2 || b.len() < 2 {
        return 0;
    }
    let two_sided = FALSE_POSITIVES / 2.0 / figures.max(1) as f64;
    let quantiles = normal_quantile(1.0 - two_sided) + normal_quantile(POWER);
    let difference = mean(a) - mean(b);
    let rounds = quantiles.powi(2) * (variance(a) + variance(b)) / difference.powi(2) * RANKS_COST;
    // Saturates; not a number when neither differs from anything.
    match rounds.is_nan() {
        true => MOST_ROUNDS,
        false => rounds.ceil() as u32,
    }
}

/// The value that a share of a standard normal distribution stays below.
fn normal_quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(p_values: &[f64]) -> Vec<bool> {
        let adjusted = adjusted(p_values);
        adjusted.into_iter().map(|p_value| p_value < FALSE_POSITIVES).collect()
    }

    #[test]
    fn medians_are_of_what_there_is() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    /// Holm, "A simple sequentially rejective multiple test procedure" (1979):
    /// the smallest against 5 % / m, the next against 5 % / (m - 1), ...
    #[test]
    fn differences_are_shown_in_the_order_of_their_p_values() {
        assert_eq!(shown(&[0.01, 0.04, 0.03, 0.005]), [true, false, false, true]);
        assert_eq!(shown(&[0.02, 0.02]), [true, true]);
        assert_eq!(shown(&[0.03, 0.03]), [false, false]);
        assert_eq!(shown(&[]), Vec::<bool>::new());
    }

    /// R's `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`.
    #[test]
    fn what_is_corrected_grows_with_what_it_stands_for() {
        let found = adjusted(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in found.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
        assert_eq!(adjusted(&[0.7, 0.9]), [1.0, 1.0]);
    }

    #[test]
    fn the_fewer_the_rounds_the_more_are_needed() {
        let (a, b) = ([1.0, 2.0, 3.0], [11.0, 12.0, 13.0]);
        assert_eq!(needed_rounds(&a, &b, 1), 4);
        assert_eq!(needed_rounds(&a, &b, 5), 5);
        assert_eq!(needed_rounds(&[1.0], &[2.0], 1), 4);
        // Cohen, "Statistical Power Analysis" (1988), table 2.4.1: the t-test
        // takes 17 a side for a difference of one standard deviation; the
        // normal approximation 16, the ranks a twentieth more.
        let (a, b) = ([-1.0, 0.0, 1.0], [0.0, 1.0, 2.0]);
        assert_eq!(needed_rounds(&a, &b, 1), 17);
        assert_eq!(needed_rounds(&a, &a, 1), MOST_ROUNDS);
        assert_eq!(needed_rounds(&[1.0, 1.0], &[1.0, 1.0], 1), MOST_ROUNDS);
    }

    /// Two sets of five rounds of five independent figures, all from one
    /// distribution: a verdict on any of them is a false one.
    #[test]
    fn equals_seldom_seem_to_differ() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut draw = || (0..5).map(|_| random.f64()).collect::<Vec<_>>();
        let mut false_verdicts = 0;
        for _ in 0..2000 {
            let p_values: Vec<_> = (0..5).map(|_| mann_whitney(&draw(), &draw())).collect();
            false_verdicts += u32::from(shown(&p_values).contains(&true));
        }
        // 5 x 2/252 = 4 % at most; 2000 draws of that are 80 +- 9.
        assert!(false_verdicts < 120, "{false_verdicts} of 2000");
        assert!(false_verdicts > 20, "{false_verdicts} of 2000: it never finds anything");
    }

    /// One standard deviation apart five times over: always found.
    #[test]
    fn large_differences_are_found() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..200 {
            let a: Vec<_> = (0..5).map(|_| random.f64()).collect();
            let b: Vec<_> = (0..5).map(|_| random.f64() + 1.1).collect();
            assert!(shown(&[mann_whitney(&a, &b), 1.0, 1.0, 1.0, 1.0])[0]);
        }
    }
}
