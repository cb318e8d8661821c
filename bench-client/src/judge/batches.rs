//! How exactly one run knows its own mean: the method of batch means.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::base::statistics::{CONFIDENCE, mean, variance};
use crate::saved::{Run, Second};

/// Few enough for a batch to be longer than what makes neighbours alike.
const MOST_BATCHES: usize = 10;
/// Below this an interval says nothing.
const FEWEST_BATCHES: usize = 4;
/// A batch is at least so long, in seconds.
const SHORTEST_BATCH: f64 = 2.0;
/// A shorter part of an interval is the rest at the end of the window.
const WHOLE: f64 = 0.9;

/// Half the width of the interval of `run`'s mean answers per second, as a part
/// of that mean; `None` for one that [is too short](is_too_short), or that had
/// no answers.
pub(crate) fn within_run(run: &Run) -> Option<f64> {
    let rates: Vec<_> = whole(run).filter_map(Second::answers_per_s).collect();
    let (mean, half) = batch_means(&rates, batches(run))?;
    (mean > 0.0).then(|| half / mean)
}

/// Whether `run` has too few whole intervals, or too short ones, for four
/// batches of 2 s.
pub(crate) fn is_too_short(run: &Run) -> bool {
    batches(run) < FEWEST_BATCHES
}

fn batches(run: &Run) -> usize {
    let whole = whole(run).count();
    ((whole as f64 * run.sample_s / SHORTEST_BATCH) as usize).min(whole)
}

fn whole(run: &Run) -> impl Iterator<Item = &Second> {
    run.series
        .iter()
        .filter(|second| second.length_s >= WHOLE * run.sample_s)
}

/// The mean of `values` and half the width of its interval, from the means of
/// at most `batches` batches of neighbours: values that follow each other are
/// alike and count as fewer than they are.
fn batch_means(values: &[f64], batches: usize) -> Option<(f64, f64)> {
    let batches = batches.min(MOST_BATCHES);
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
        let (mean, half) = batch_means(&values, 10).expect("there are enough");
        assert_eq!(mean, 10.5);
        assert!((half - 2.262_157 * 6.055_301 / 10_f64.sqrt()).abs() < 1e-4, "{half}");
    }

    #[test]
    fn seconds_that_follow_each_other_do_not_count_twice() {
        let pairs = [1.0, 1.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0];
        let mixed = [1.0, 9.0, 9.0, 1.0, 1.0, 9.0, 9.0, 1.0];
        let half = |values: &[f64]| batch_means(values, 4).expect("there are enough").1;
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
        let within = |sample_s, length_s, intervals| {
            within_run(&Run {
                sample_s,
                series: vec![second(length_s); intervals],
                ..Run::example("a", 1.0)
            })
        };
        assert_eq!(within(1.0, 1.0, 7), None);
        assert_eq!(within(1.0, 1.0, 8), Some(0.0));
        assert_eq!(within(1.0, 0.3, 8), None);
        assert_eq!(within(0.125, 0.125, 8), None);
        assert_eq!(within(0.125, 0.125, 64), Some(0.0));
        assert_eq!(within(60.0, 60.0, 3), None);
        assert_eq!(within(60.0, 60.0, 4), Some(0.0));
        assert_eq!(within(1.0, 1.0, 0), None);
    }
}
