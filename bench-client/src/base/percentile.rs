//! A percentile of times: the time that such a part of them does not exceed.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Digits behind the point: beyond the last of them lies one answer of
/// 100,000,000,000, and no run has as many.
const MOST_DECIMALS: usize = 9;

/// One percentile, between the shortest and the longest time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Percentile {
    /// In percent, without needless digits.
    percent: Cow<'static, str>,
    /// As a part of one.
    share: f64,
}

/// What a single run is told by, unless others are asked for.
pub(crate) static USUAL: [Percentile; 4] = [
    Percentile::known("50", 0.5),
    Percentile::known("90", 0.9),
    Percentile::known("99", 0.99),
    Percentile::known("99.9", 0.999),
];
/// The same where there is little room.
pub(crate) static FEW: [Percentile; 2] = [Percentile::known("50", 0.5), Percentile::known("99", 0.99)];

/// What is to be shown: what was `asked` for, or what is `usual`.
pub(crate) fn asked_or<'a>(asked: &'a [Percentile], usual: &'a [Percentile]) -> &'a [Percentile] {
    if asked.is_empty() { usual } else { asked }
}

/// Which part of `answered` times does not exceed what `share` of all messages
/// do not, where `unanswered` more took longer than any of them; `None` when
/// the answered ones do not reach that far.
pub(crate) fn among_answered(share: f64, answered: u64, unanswered: u64) -> Option<f64> {
    let place = (share * answered.saturating_add(unanswered) as f64).ceil().max(1.0);
    match unanswered {
        0 => (answered > 0).then_some(share),
        _ => (place <= answered as f64).then(|| place / answered as f64),
    }
}

impl Percentile {
    const fn known(percent: &'static str, share: f64) -> Percentile {
        Percentile {
            percent: Cow::Borrowed(percent),
            share,
        }
    }

    /// In percent: `99.9`.
    pub(crate) fn percent(&self) -> &str {
        &self.percent
    }

    /// As a part of one: 0.999.
    pub(crate) fn share(&self) -> f64 {
        self.share
    }

    /// Whether `count` times tell it: at least one lies beyond it. Otherwise it
    /// would be the longest of them under another name.
    pub(crate) fn is_told_by(&self, count: u64) -> bool {
        (self.share * count as f64).ceil() < count as f64
    }
}

impl FromStr for Percentile {
    type Err = String;

    fn from_str(text: &str) -> Result<Percentile, String> {
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        // With an exponent it is the number next to 0.999, which 99.9 / 100 is not.
        let share = format!("{text}e-2").parse::<f64>();
        match share {
            Ok(share) if is_decimal && share > 0.0 && share < 1.0 => {
                let percent = without_needless_digits(text)?;
                Ok(Percentile {
                    percent: percent.into(),
                    share,
                })
            }
            _ => Err(format!(
                "{text:?} is no percentile; give numbers above 0 and below 100, as in 50,99,99.9"
            )),
        }
    }
}

/// `99.9` of `099.90`.
fn without_needless_digits(text: &str) -> Result<String, String> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let (whole, decimals) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
    if decimals.len() > MOST_DECIMALS {
        return Err(format!(
            "{text:?} has {} digits behind the point, and no run has answers enough for more than {MOST_DECIMALS}; give fewer",
            decimals.len()
        ));
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(match decimals {
        "" => whole.to_owned(),
        decimals => format!("{whole}.{decimals}"),
    })
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_number_next_to_what_was_typed() {
        for (text, name, share) in [
            ("50", "p50", 0.5),
            ("99.9", "p99.9", 0.999),
            ("099.990", "p99.99", 0.9999),
            (".5", "p0.5", 0.005),
            ("33.", "p33", 0.33),
            ("99.999999999", "p99.999999999", 0.999_999_999_99),
        ] {
            let percentile: Percentile = text.parse().unwrap();
            assert_eq!((percentile.to_string().as_str(), percentile.share()), (name, share));
        }
        for usual in USUAL.iter().chain(&FEW) {
            assert_eq!(usual.percent().parse::<Percentile>().as_ref(), Ok(usual));
        }
    }

    #[test]
    fn nonsense_is_named() {
        for text in [
            "",
            "0",
            "100",
            "-1",
            "+5",
            "1e1",
            "nan",
            "99,9",
            "p99",
            "0.0",
            ".",
            "1.2.3",
            "99.9999999999",
        ] {
            let message = text.parse::<Percentile>().unwrap_err();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }

    #[test]
    fn what_had_no_answer_exceeds_every_time() {
        assert_eq!(among_answered(0.5, 100, 0), Some(0.5));
        assert_eq!(among_answered(0.5, 0, 0), None);
        // Half of 150 messages is three quarters of the 100 answered.
        assert_eq!(among_answered(0.5, 100, 50), Some(0.75));
        assert_eq!(among_answered(0.9, 100, 50), None);
        assert_eq!(among_answered(0.01, 0, 50), None);
        assert_eq!(among_answered(0.99, 99, 1), Some(1.0));
    }

    #[test]
    fn few_times_do_not_tell_a_high_percentile() {
        let told = |text: &str, count| text.parse::<Percentile>().unwrap().is_told_by(count);
        for (text, fewest) in [("50", 2), ("90", 10), ("99", 100), ("99.9", 1000), ("99.999", 100_000)] {
            assert!(told(text, fewest) && !told(text, fewest - 1), "{text}");
        }
        assert!(!told("0.1", 1) && !told("50", 0));
    }
}
