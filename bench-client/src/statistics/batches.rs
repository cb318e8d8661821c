//! How exactly one run knows its own mean: the method of batch means.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{CONFIDENCE, mean, variance};
use crate::saved::Second;

/// Few enough for a batch to be longer than what makes neighbours alike.
const MOST_BATCHES: usize = 10;
/// Below this an interval says nothing.
const FEWEST_BATCHES: usize = 4;
const FEWEST_SECONDS: usize = 2;
/// A shorter one is the rest at the end of the window.
const WHOLE: f64 = 0.9;

/// Half the width of the interval of `series`' mean answers per second, as a
/// part of that mean; `None` for fewer than 8 whole seconds, or no answers.
pub(crate) fn within_run(series: &[Second]) -> Option<f64> {
    let whole = series.iter().filter(|second| second.length_s >= WHOLE);
    let rates: Vec<_> = whole.map(|second| second.answers as f64 / second.length_s).collect();
    let (mean, half) = batch_means(&rates)?;
    (mean > 0.0).then(|| half / mean)
}

/// The mean of `values` and half the width of its interval, from the means of
/// batches of neighbours: values that follow each other are alike and count as
/// fewer than they are.
fn batch_means(values: &[f64]) -> Option<(f64, f64)> {
    let batches = (values.len() / FEWEST_SECONDS).min(MOST_BATCHES);
    if batches < FEWEST_BATCHES {
        return None;
    }
    let means: Vec<_> = values
        .chunks_exact(values.len() / batches)
        .take(batches)
        .map(mean)
        .collect();
    let freedom = StudentsT::new(0.0, 1.0, batches as f64 - 1.0).ok()?;
    let quantile = freedom.inverse_cdf(1.0 - (1.0 - CONFIDENCE) / 2.0);
    Some((mean(&means), quantile * (variance(&means) / batches as f64).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten batches of two: their means are 1.5, 3.5, ..., with a standard
    /// deviation of 6.0553; Student's t for 9 degrees of freedom is 2.2622.
    #[test]
    fn neighbours_are_one_observation() {
        let values: Vec<_> = (1..=20).map(f64::from).collect();
        let (mean, half) = batch_means(&values).expect("there are enough");
        assert_eq!(mean, 10.5);
        assert!((half - 2.262_157 * 6.055_301 / 10_f64.sqrt()).abs() < 1e-4, "{half}");
    }

    #[test]
    fn seconds_that_follow_each_other_do_not_count_twice() {
        let pairs = [1.0, 1.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0];
        let mixed = [1.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0, 1.0];
        let half = |values: &[f64]| batch_means(values).expect("there are enough").1;
        assert!(half(&pairs) > 5.0);
        assert_eq!(half(&mixed), 0.0);
    }

    #[test]
    fn a_short_run_says_nothing() {
        let second = |length_s| Second {
            length_s,
            answers: 100,
            ..Second::default()
        };
        assert_eq!(within_run(&vec![second(1.0); 7]), None);
        assert_eq!(within_run(&vec![second(1.0); 8]), Some(0.0));
        assert_eq!(within_run(&vec![second(0.3); 8]), None);
        assert_eq!(within_run(&[]), None);
    }
}
