//! The axes of charts: where they begin and end, and what is written at them.

use std::fmt::Display;

use crate::base::format;

/// One axis; its labels are evenly spaced from its begin to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// Its begin and its end.
    pub(super) bounds: [f64; 2],
    /// From begin to end.
    pub(super) labels: Vec<String>,
}

/// Nanoseconds in units of time, by powers of 1000.
const UNITS: [&str; 4] = ["ns", "µs", "ms", "s"];

impl Axis {
    /// From nothing to a round number that `largest` does not exceed.
    pub(super) fn of_rates(largest: f64) -> Axis {
        let end = round_up(largest);
        Axis {
            bounds: [0.0, end],
            labels: [0.0, end / 2.0, end].map(rate).to_vec(),
        }
    }

    /// From the begin of the window to its present end, in seconds.
    pub(super) fn of_seconds(last: f64) -> Axis {
        let end = if last.is_nan() {
            SHORTEST
        } else {
            last.clamp(SHORTEST, LONGEST)
        };
        Axis {
            bounds: [0.0, end],
            labels: vec!["0".to_owned(), format!("{} s", format::thousands(end))],
        }
    }

    /// Powers of ten around `times` in nanoseconds, at most `rows` of them
    /// with a label; the bounds are logarithms.
    pub(super) fn of_times(times: impl Iterator<Item = u64>, rows: u16) -> Axis {
        let logs = || times.filter(|time| *time > 0).map(logarithm);
        let (least, most) = logs().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), log| {
            (least.min(log), most.max(log))
        });
        if least > most {
            return Axis::of_decades(3, 6, rows);
        }
        let begin = least.floor() as u32;
        Axis::of_decades(begin, (most.ceil() as u32).max(begin + 1), rows)
    }

    /// Whether `value` lies on it.
    pub(super) fn has(&self, value: f64) -> bool {
        (self.bounds[0]..=self.bounds[1]).contains(&value)
    }

    /// From 10 to the `begin` nanoseconds to 10 to the `end`, or beyond where
    /// the labels do not meet the end.
    fn of_decades(begin: u32, end: u32, rows: u16) -> Axis {
        let gaps = u32::from(rows).saturating_sub(1).max(1);
        let step = (end - begin).div_ceil(gaps);
        let labels = (end - begin).div_ceil(step);
        Axis {
            bounds: [f64::from(begin), f64::from(begin + labels * step)],
            labels: (0..=labels).map(|label| decade(begin + label * step)).collect(),
        }
    }
}

/// An axis of time is never shorter, in seconds.
const SHORTEST: f64 = 5.0;
/// No axis is longer: what a chart makes of the largest numbers overflows.
const LONGEST: f64 = 1e15;

/// Where `nanos`, which is not 0, lies on an axis of times.
pub(super) fn logarithm(nanos: u64) -> f64 {
    (nanos as f64).log10()
}

/// 10 to the `power` nanoseconds: `100 µs`.
fn decade(power: u32) -> String {
    let unit = (power / 3).min(3);
    let value = 10f64.powi((power - 3 * unit) as i32);
    format!("{} {}", format::thousands(value), UNITS[unit as usize])
}

/// With few letters: `250k`.
fn rate(value: f64) -> String {
    let short = |value: f64, unit: &dyn Display| format!("{}{unit}", (value * 100.0).round() / 100.0);
    match value {
        _ if value >= 1e12 => format!("{value:.0e}"),
        _ if value >= 1e9 => short(value / 1e9, &'G'),
        _ if value >= 1e6 => short(value / 1e6, &'M'),
        _ if value >= 1e3 => short(value / 1e3, &'k'),
        _ => short(value, &""),
    }
}

/// The least of 1, 2, 5, 10, 20, 50, ... that is not less.
fn round_up(value: f64) -> f64 {
    if value.is_nan() || value <= 1.0 {
        return 1.0;
    }
    let value = value.min(LONGEST);
    let power = 10f64.powf(value.log10().floor());
    let digits = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    digits.into_iter().find(|round| *round >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_end_at_a_round_number() {
        for (largest, labels) in [
            (0.0, ["0", "0.5", "1"]),
            (82_113.0, ["0", "50k", "100k"]),
            (1_000.0, ["0", "500", "1k"]),
            (1_200_000.0, ["0", "1M", "2M"]),
            (f64::NAN, ["0", "0.5", "1"]),
        ] {
            let axis = Axis::of_rates(largest);
            assert_eq!(axis.labels, labels, "{largest}");
            assert!(largest.is_nan() || axis.bounds[1] >= largest);
        }
    }

    #[test]
    fn times_lie_between_powers_of_ten() {
        let axis = |times: &[u64], rows| Axis::of_times(times.iter().copied(), rows);
        let wide = axis(&[0, 45_000, 2_000_000], 10);
        assert_eq!(wide.labels, ["10 µs", "100 µs", "1 ms", "10 ms"]);
        assert_eq!(wide.bounds, [4.0, 7.0]);
        assert_eq!(axis(&[1_000], 10).labels, ["1 µs", "10 µs"]);
        assert_eq!(axis(&[0], 10).bounds, [3.0, 6.0]);
    }

    #[test]
    fn few_rows_have_few_labels_and_the_spacing_stays_even() {
        let axis = Axis::of_times([1, 60_000_000_000].into_iter(), 3);
        assert_eq!(axis.labels, ["1 ns", "1 ms", "1,000 s"]);
        assert_eq!(axis.bounds, [0.0, 12.0]);
        assert_eq!(Axis::of_times([u64::MAX].into_iter(), 0).labels.len(), 2);
    }

    #[test]
    fn the_axis_of_time_grows() {
        assert_eq!(Axis::of_seconds(1.0).labels, ["0", "5 s"]);
        assert_eq!(Axis::of_seconds(60.0).bounds, [0.0, 60.0]);
        assert_eq!(Axis::of_seconds(f64::INFINITY).bounds, [0.0, LONGEST]);
        assert_eq!(Axis::of_seconds(f64::NAN).bounds, [0.0, SHORTEST]);
    }
}
