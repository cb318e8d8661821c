//! One axis of a plot: where a value lies, and which values are named.

/// A direction with its unit.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// Values with a line through the plot, each with its name.
    ticks: Vec<(f64, String)>,
}

/// About what a letter takes, to know when there is no room for more.
pub(super) const LETTER: f64 = 7.0;
/// Steps of about this many make a linear axis.
const STEPS: f64 = 5.0;
/// From this ratio of the ends on, an axis is logarithmic.
const WIDE: f64 = 20.0;
/// Ratios nearer to 1 than this all look like it.
const NARROW: f64 = 0.01;
/// From this ratio of the ends on, an axis of ratios names 1, 2, 5, 10.
const FAR: f64 = 3.0;
/// The shares that the axis of percentiles names: the nines.
const NINES: i32 = 9;

impl Axis {
    /// From zero to `high`, or a little more.
    pub(crate) fn linear(high: f64, show: impl Fn(f64) -> String) -> Axis {
        let high = if high.is_finite() && high > 0.0 { high } else { 1.0 };
        let step = round_step(high / STEPS);
        let steps = (high / step).ceil() as u32;
        let ticks = (0..=steps).map(|index| f64::from(index) * step);
        Axis {
            low: 0.0,
            high: f64::from(steps) * step,
            logarithmic: false,
            ticks: ticks.map(|value| (value, show(value))).collect(),
        }
    }

    /// The same for what comes in whole numbers.
    pub(crate) fn counts(high: f64, show: impl Fn(f64) -> String) -> Axis {
        Axis::linear(high.max(STEPS), show)
    }

    /// From zero to exactly `high`, for time.
    pub(crate) fn exact(high: f64, show: impl Fn(f64) -> String) -> Axis {
        let mut axis = Axis::linear(high, show);
        if high.is_finite() && high > 0.0 {
            axis.high = high;
            axis.ticks.retain(|(value, _)| *value <= high);
        }
        axis
    }

    /// For positive values from `low` to `high`: logarithmic if they lie far
    /// from each other.
    pub(crate) fn positive(low: f64, high: f64, show: impl Fn(f64) -> String) -> Axis {
        let low = low.max(1.0);
        match high / low >= WIDE {
            true => Axis::logarithmic(low, high, show),
            false => Axis::linear(high, show),
        }
    }

    fn logarithmic(low: f64, high: f64, show: impl Fn(f64) -> String) -> Axis {
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let values = |parts: &'static [f64]| {
            (first..=last).flat_map(move |exponent| parts.iter().map(move |part| part * 10_f64.powi(exponent)))
        };
        let ends: Vec<_> = values(&[1.0, 2.0, 5.0]).collect();
        let low = ends.iter().copied().rfind(|end| *end <= low).unwrap_or(low);
        let high = ends.iter().copied().find(|end| *end >= high).unwrap_or(high);
        // Few decades leave room for what lies between them.
        let named: &[f64] = match high / low > 1000.0 {
            true => &[1.0],
            false => &[1.0, 2.0, 5.0],
        };
        let inside = values(named).filter(|value| (low..=high).contains(value));
        Axis {
            low,
            high,
            logarithmic: true,
            ticks: inside.map(|value| (value, show(value))).collect(),
        }
    }

    /// For ratios from `low` to `high`, both positive, with 1 among them: the
    /// double is as far from it as the half.
    pub(crate) fn around_one(low: f64, high: f64, show: impl Fn(f64) -> String) -> Axis {
        let (low, high) = (low.min(1.0 - NARROW), high.max(1.0 + NARROW));
        if high / low >= FAR {
            return Axis::logarithmic(low, high, show);
        }
        let step = round_step((high - low) / STEPS);
        let (first, last) = ((low / step).floor() as i32, (high / step).ceil() as i32);
        let ticks = (first..=last).map(|index| f64::from(index) * step);
        Axis {
            low: f64::from(first) * step,
            high: f64::from(last) * step,
            logarithmic: first > 0,
            ticks: ticks.map(|value| (value, show(value))).collect(),
        }
    }

    /// Of `values`, which are positive and in order: each is named, and decades
    /// are equally far apart.
    pub(crate) fn at(values: &[f64], show: impl Fn(f64) -> String) -> Axis {
        Axis {
            low: values.first().copied().unwrap_or(1.0),
            high: values.last().copied().unwrap_or(1.0),
            logarithmic: true,
            ticks: values.iter().map(|value| (*value, show(*value))).collect(),
        }
    }

    /// Of 1/(1-q) up to `most`: every nine takes as much room as the one before.
    pub(crate) fn percentiles(most: f64) -> Axis {
        let nines = (1..=NINES).map(|nines| (10_f64.powi(nines), percent_of_nines(nines)));
        let named = [(1.0, "0 %".to_owned()), (2.0, "50 %".to_owned())];
        let high = most.max(10.0);
        let ticks = named.into_iter().chain(nines);
        Axis {
            low: 1.0,
            high,
            logarithmic: true,
            ticks: ticks.filter(|(value, _)| *value <= high).collect(),
        }
    }

    /// Where `value` lies: 0 at the low end, 1 at the high one.
    pub(crate) fn position(&self, value: f64) -> f64 {
        let position = match self.logarithmic {
            true => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        match position.is_finite() {
            true => position.clamp(0.0, 1.0),
            false => 0.0,
        }
    }

    /// Where on `length` the names are that do not overlap.
    pub(crate) fn named(&self, length: f64) -> Vec<(f64, &str)> {
        let mut free = f64::NEG_INFINITY;
        let mut named = Vec::new();
        for (value, name) in &self.ticks {
            let place = length * self.position(*value);
            let half = LETTER * name.chars().count() as f64 / 2.0;
            if place - half > free {
                named.push((place, name.as_str()));
                free = place + half + 2.0 * LETTER;
            }
        }
        named
    }

    /// The named values with their names.
    pub(crate) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

/// The next of 1, 2, 5, 10, ... that is no less than `step`.
fn round_step(step: f64) -> f64 {
    let decade = 10_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().map(|part| part * decade);
    round.into_iter().find(|round| *round >= step).unwrap_or(10.0 * decade)
}

/// `90 %`, `99 %`, `99.9 %`, ...
fn percent_of_nines(nines: i32) -> String {
    match nines {
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        _ => format!("99.{} %", "9".repeat((nines - 2) as usize)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(axis: &Axis) -> Vec<&str> {
        axis.ticks().iter().map(|(_, name)| name.as_str()).collect()
    }

    #[test]
    fn steps_are_round_and_hold_everything() {
        let axis = Axis::linear(83_000.0, |value| value.to_string());
        assert_eq!(names(&axis), ["0", "20000", "40000", "60000", "80000", "100000"]);
        assert_eq!(axis.position(50_000.0), 0.5);
    }

    #[test]
    fn a_count_has_no_halves() {
        let axis = Axis::counts(2.0, |value| value.to_string());
        assert_eq!(names(&axis), ["0", "1", "2", "3", "4", "5"]);
    }

    #[test]
    fn decades_are_equally_far_apart() {
        let axis = Axis::positive(10.0, 100_000.0, |value| value.to_string());
        assert_eq!(names(&axis), ["10", "100", "1000", "10000", "100000"]);
        assert!((axis.position(1000.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn ratios_lie_around_one() {
        let near = Axis::around_one(0.93, 1.0, |value| format!("{value:.2}"));
        assert_eq!(names(&near), ["0.92", "0.94", "0.96", "0.98", "1.00", "1.02"]);
        let far = Axis::around_one(0.06, 2.0, |value| value.to_string());
        assert!((far.position(1.0) - far.position(0.5) - (far.position(2.0) - far.position(1.0))).abs() < 1e-9);
    }

    #[test]
    fn names_without_room_are_left_out() {
        let axis = Axis::at(&[1.0, 2.0, 100.0], |value| value.to_string());
        assert_eq!(axis.named(1000.0).len(), 3);
        let named: Vec<_> = axis.named(100.0).into_iter().map(|(_, name)| name).collect();
        assert_eq!(named, ["1", "100"]);
    }

    #[test]
    fn nines_are_equally_far_apart() {
        let axis = Axis::percentiles(10_000.0);
        assert_eq!(names(&axis), ["0 %", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert!((axis.position(100.0) - 0.5).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn every_value_has_a_place_and_the_ticks_are_few(low: f64, high: f64, value: f64) {
            let axes = [
                Axis::linear(high, |value| value.to_string()),
                Axis::exact(high, |value| value.to_string()),
                Axis::positive(low, high.clamp(0.0, 1e20), |value| value.to_string()),
                Axis::percentiles(high),
                Axis::at(&[low, high], |value| value.to_string()),
                Axis::around_one(low.abs().clamp(0.01, 100.0), high.abs().clamp(0.01, 100.0), |value| value.to_string()),
            ];
            for axis in axes {
                prop_assert!((0.0..=1.0).contains(&axis.position(value)));
                prop_assert!(axis.ticks().len() < 30, "{:?}", axis);
            }
        }
    }
}
