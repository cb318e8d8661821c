//! How much of the long self-test is done.

use std::str::FromStr;
use std::time::Duration;

/// The part of the durations and of the numbers: more than 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale(f64);

impl Default for Scale {
    fn default() -> Scale {
        Scale(1.0)
    }
}

impl FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Scale, String> {
        let part = text.parse::<f64>().ok();
        part.filter(|part| *part > 0.0 && *part <= 1.0)
            .map(Scale)
            .ok_or_else(|| format!("{text:?} is no part of the whole; write a number above 0 and at most 1, as 0.1"))
    }
}

impl Scale {
    /// A part of `whole` things, but at least `least`.
    pub(super) fn number(self, whole: u32, least: u32) -> u32 {
        // No more than `whole`.
        ((f64::from(whole) * self.0).round() as u32).max(least)
    }

    /// A part of `whole` seconds, but at least `least`.
    pub(super) fn seconds(self, whole: f64, least: f64) -> f64 {
        (whole * self.0).max(least)
    }

    /// A part of `whole`, but at least `least`.
    pub(super) fn duration(self, whole: Duration, least: Duration) -> Duration {
        whole.mul_f64(self.0).max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_part_of_the_whole() {
        assert_eq!("0.5".parse(), Ok(Scale(0.5)));
        assert_eq!("1".parse(), Ok(Scale::default()));
        for text in ["0", "-0.1", "1.01", "nan", "inf", "", "half", "10%"] {
            let message = text.parse::<Scale>().unwrap_err();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }

    #[test]
    fn there_is_a_least_of_everything() {
        let [whole, tenth] = [1.0, 0.1].map(Scale);
        assert_eq!(
            (whole.number(20, 4), tenth.number(20, 4), tenth.number(70, 4)),
            (20, 4, 7)
        );
        let [minute, least] = [60, 10].map(Duration::from_secs);
        assert_eq!(whole.duration(minute, least), minute);
        assert_eq!(tenth.duration(minute, least), least);
    }
}
