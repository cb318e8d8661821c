//! How much the client's memory grows while it works.

use std::time::Duration;

use crate::base::format;
use crate::base::statistics::slope;
use crate::saved::Second;

/// From here on a run is long enough to tell a slope from noise.
const LONG: Duration = Duration::from_secs(60);
/// Bytes a minute in a long run.
const SLOPE: f64 = 1e6;
/// Bytes in all in a short one: pages that are used late for the first time
/// are fewer.
const GROWTH: f64 = 2e6;
/// The first seconds do not count: every client's stack and buffers come to
/// their size. Of a short run, no more than a part of it.
const SETTLING: Duration = Duration::from_secs(5);
const SETTLING_PART: f64 = 0.4;

/// A bound on the growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// On the slope, in a long run.
    Slope,
    /// On the growth in all: the slope of a short run is noise.
    Growth,
}

impl Bound {
    /// For a run of `length`.
    pub(super) fn of(length: Duration) -> Bound {
        match length >= LONG {
            true => Bound::Slope,
            false => Bound::Growth,
        }
    }

    /// In words: `memory below 1.00 MB/min`.
    pub(super) fn text(self) -> String {
        format!("memory below {}", self.with_unit(self.limit()))
    }

    /// The growth over `series`, in bytes or bytes a minute; `None` when it is
    /// not known.
    pub(super) fn growth(self, series: &[Second]) -> Option<f64> {
        let settled = settled(series);
        match self {
            Bound::Slope => slope(&settled).map(|slope| slope * 60.0),
            Bound::Growth => match settled[..] {
                [first, .., last] => Some(last.1 - first.1),
                _ => None,
            },
        }
    }

    /// Whether `growth` is too much.
    pub(super) fn is_exceeded_by(self, growth: f64) -> bool {
        growth >= self.limit()
    }

    /// A growth with its sign and its unit.
    pub(super) fn show(self, growth: f64) -> String {
        let sign = if growth < 0.0 { "" } else { "+" };
        format!("{sign}{}", self.with_unit(growth))
    }

    fn with_unit(self, growth: f64) -> String {
        let unit = match self {
            Bound::Slope => "MB/min",
            Bound::Growth => "MB",
        };
        format!("{} {unit}", format::three_digits(growth / 1e6))
    }

    fn limit(self) -> f64 {
        match self {
            Bound::Slope => SLOPE,
            Bound::Growth => GROWTH,
        }
    }
}

/// Seconds and bytes, once they are settled.
fn settled(series: &[Second]) -> Vec<(f64, f64)> {
    let end = series.last().map_or(0.0, |second| second.end_s);
    let begin = SETTLING.as_secs_f64().min(end * SETTLING_PART);
    let point = |second: &Second| Some((second.end_s, second.client_resident_bytes? as f64));
    let counting = series.iter().filter(|second| second.end_s > begin);
    counting.filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of `seconds` that begins with 10 MB, takes 5 MB in its first
    /// second and `rate` bytes in every one.
    fn series(seconds: u32, rate: u64) -> Vec<Second> {
        let second = |end: u32| Second {
            client_resident_bytes: Some(15_000_000 - 5_000_000 * u64::from(end == 0) + u64::from(end) * rate),
            ..Second::example(end)
        };
        (0..=seconds).map(second).collect()
    }

    #[test]
    fn a_leak_in_a_long_run_is_a_slope() {
        let bound = Bound::of(Duration::from_secs(60));
        assert_eq!(bound, Bound::Slope);
        for (rate, exceeded) in [(0, false), (16_000, false), (17_000, true)] {
            let growth = bound.growth(&series(60, rate)).unwrap();
            assert!((growth - rate as f64 * 60.0).abs() < 1.0, "{growth}");
            assert_eq!(bound.is_exceeded_by(growth), exceeded, "{rate}");
        }
    }

    #[test]
    fn a_leak_in_a_short_run_is_its_growth() {
        let bound = Bound::of(Duration::from_secs(2));
        assert_eq!(bound, Bound::Growth);
        for (rate, exceeded) in [(0, false), (1_900_000, false), (2_000_000, true)] {
            let growth = bound.growth(&series(2, rate)).unwrap();
            assert_eq!(growth, rate as f64);
            assert_eq!(bound.is_exceeded_by(growth), exceeded, "{rate}");
        }
    }

    #[test]
    fn the_unit_tells_which_bound_it_is() {
        assert_eq!(Bound::Slope.text(), "memory below 1.00 MB/min");
        assert_eq!(Bound::Growth.show(-120_000.0), "-0.12 MB");
        assert_eq!(Bound::Slope.show(120_000.0), "+0.12 MB/min");
    }

    #[test]
    fn without_readings_there_is_no_growth() {
        for bound in [Bound::Slope, Bound::Growth] {
            assert_eq!(bound.growth(&[]), None);
            assert_eq!(bound.growth(&[Second::example(1), Second::example(2)]), None);
        }
    }
}
