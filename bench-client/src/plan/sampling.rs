//! How often what happens is taken down, and how much of it is kept.

use std::time::{Duration, Instant};

use clap::Args;

use crate::base::failure::Failure;
use crate::base::{format, quantity};

/// Below this the processor time of an interval is all rounding: the kernel
/// counts that of a running thread at its scheduler's ticks.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);
/// Intervals of a run. What a run takes in memory is bounded by them: some
/// 150 bytes each, and about a kilobyte where their histograms are kept. They
/// are refused and not merged, since a series whose intervals are not those
/// that were asked for would be read as if they were.
const MOST: u128 = 36_000;

/// How often it is taken down, in all commands that measure.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct SamplingOptions {
    /// Length of the intervals over time, 10ms to 60s.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub(crate) sample: Duration,
}

/// What a run's series is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampling {
    /// The length of an interval.
    pub(crate) every: Duration,
    /// Whether each keeps its histogram of times.
    pub(crate) histograms: bool,
}

impl Sampling {
    /// As `options` say, without histograms.
    pub(crate) fn of(options: SamplingOptions) -> Sampling {
        Sampling {
            every: options.sample,
            histograms: false,
        }
    }

    /// Fails when a run of `duration` has more intervals than are kept.
    ///
    /// # Errors
    /// [`Failure::Usage`].
    pub(crate) fn check(&self, duration: Duration) -> Result<(), Failure> {
        let intervals = duration.as_nanos().div_ceil(self.every.as_nanos().max(1));
        if intervals <= MOST {
            return Ok(());
        }
        let enough = duration.as_millis().div_ceil(MOST);
        let remedy = match enough <= LONGEST.as_millis() {
            true => format!("give --sample {enough}ms or more"),
            false => "measure for a shorter time".to_owned(),
        };
        Err(Failure::Usage(format!(
            "{} s in intervals of --sample {} s are {intervals} intervals, and at most {MOST} are kept; {remedy}",
            format::seconds(duration),
            format::seconds(self.every),
        )))
    }

    /// The end of the interval that goes on at `now`, if an earlier one ended at
    /// `tick`. Who was kept from taking one down makes it longer, instead of
    /// taking down the next ones with nothing in them.
    pub(crate) fn next(&self, tick: Instant, now: Instant) -> Instant {
        let late = now.saturating_duration_since(tick).as_nanos() / self.every.as_nanos().max(1);
        tick + self.every * u32::try_from(late).unwrap_or(u32::MAX - 1).saturating_add(1)
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    match quantity::duration(text)? {
        length if (SHORTEST..=LONGEST).contains(&length) => Ok(length),
        _ => Err(format!("{text:?} is no interval of a series; give 10ms to 60s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(100);

    fn every(length: Duration) -> Sampling {
        Sampling {
            every: length,
            histograms: false,
        }
    }

    #[test]
    fn an_interval_has_bounds_that_the_message_names() {
        for text in ["10ms", "100ms", "1s", "1m"] {
            assert!(interval(text).is_ok(), "{text}");
        }
        for text in ["9ms", "0s", "61s", "fast"] {
            let message = interval(text).unwrap_err();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
        assert!(interval("9ms").unwrap_err().contains("10ms to 60s"));
    }

    #[test]
    fn a_series_that_would_not_end_is_refused_with_one_that_would() {
        let minute = Duration::from_secs(60);
        for (length, duration) in [(EVERY, 60 * minute), (SHORTEST, 6 * minute), (10 * EVERY, 600 * minute)] {
            assert!(every(length).check(duration).is_ok(), "{length:?}");
            let message = every(length).check(duration + length).unwrap_err().to_string();
            assert!(message.contains("36001 intervals"), "{message}");
        }
        let message = every(EVERY).check(120 * minute).unwrap_err().to_string();
        assert!(message.contains("--sample 200ms or more"), "{message}");
        assert!(every(2 * EVERY).check(120 * minute).is_ok());
        let message = every(EVERY).check(1_000_000 * minute).unwrap_err().to_string();
        assert!(message.contains("shorter time"), "{message}");
    }

    #[test]
    fn what_was_missed_is_one_long_interval() {
        let begin = Instant::now();
        let next = |millis| every(EVERY).next(begin, begin + Duration::from_millis(millis)) - begin;
        assert_eq!(next(0), EVERY);
        assert_eq!(next(99), EVERY);
        assert_eq!(next(250), 3 * EVERY);
    }
}
