//! Durations, sizes and counts as a person types them.

use std::time::Duration;

/// The longest duration: an instant so far away still is one, and to seconds
/// and back it is the same.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Reads a duration: `10s`, `1.5s`, `500ms`, `2m`, `1h`, `250us`, `10ns`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = split(text);
    let (exponent, seconds) = match unit {
        "h" => (0, 3600.0),
        "m" => (0, 60.0),
        "s" => (0, 1.0),
        "ms" => (-3, 1.0),
        "us" | "µs" => (-6, 1.0),
        "ns" => (-9, 1.0),
        _ => return Err(unreadable("duration", text, "10s, 1.5s, 500ms, 2m or 1h")),
    };
    let value = decimal(digits, exponent).and_then(|value| Duration::try_from_secs_f64(value * seconds).ok());
    match value.ok_or_else(|| unreadable("duration", text, "10s, 1.5s, 500ms, 2m or 1h"))? {
        long if long > LONGEST => Err(format!("{text:?} is too long; give at most 8760h, which is a year")),
        time => Ok(time),
    }
}

/// Reads a duration longer than nothing.
pub(crate) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("{text:?} is no time at all; give a positive duration")),
        positive => Ok(positive),
    }
}

/// Reads a number of bytes: `64`, `4k`, `1m`; k and m are powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let factor = match split(text).1 {
        "" => 1,
        "k" | "K" | "KiB" => 1024,
        "m" | "M" | "MiB" => 1024 * 1024,
        _ => return Err(unreadable("size", text, "64, 4k or 1m")),
    };
    whole(text, factor).ok_or_else(|| unreadable("size", text, "64, 4k or 1m"))
}

/// Reads a positive count: `500`, `5k`, `15_000`; k is 1000.
pub(crate) fn count(text: &str) -> Result<u32, String> {
    let plain = text.replace('_', "");
    let factor = match split(&plain).1 {
        "" => 1,
        "k" | "K" => 1000,
        _ => return Err(unreadable("count", text, "500, 5k or 15_000")),
    };
    whole(&plain, factor)
        .and_then(|value| u32::try_from(value).ok())
        .filter(|value| *value > 0)
        .ok_or_else(|| unreadable("positive count", text, "500, 5k or 15_000"))
}

/// Reads a number per second: `50k`, `1.5m`, `20000`; k is 1000, m a million.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let (digits, unit) = split(text);
    let exponent = match unit {
        "" => 0,
        "k" | "K" => 3,
        "m" | "M" => 6,
        _ => return Err(unreadable("rate", text, "50k, 1.5m or 20000")),
    };
    decimal(digits, exponent).ok_or_else(|| unreadable("rate", text, "50k, 1.5m or 20000"))
}

/// Reads a number that is not negative: `0`, `0.95`.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    finite(text).ok_or_else(|| unreadable("number", text, "0 or 0.95"))
}

/// `digits` times a power of ten, rounded once: 1.001 thousands are 1001.
fn decimal(digits: &str, exponent: i32) -> Option<f64> {
    finite(&format!("{digits}e{exponent}"))
}

fn finite(text: &str) -> Option<f64> {
    let value = text.parse::<f64>().ok()?;
    (value.is_finite() && value >= 0.0).then_some(value)
}

/// Reads a positive count that may be large: `500`, `5k`, `10m`.
pub(crate) fn large_count(text: &str) -> Result<u64, String> {
    match rate(&text.replace('_', "")) {
        Ok(value) if value >= 1.0 && value.fract() == 0.0 && value < 1e15 => Ok(value as u64),
        _ => Err(unreadable("positive count", text, "500, 5k or 10m")),
    }
}

fn whole(text: &str, factor: usize) -> Option<usize> {
    split(text).0.parse::<usize>().ok()?.checked_mul(factor)
}

/// The number and the unit behind it.
fn split(text: &str) -> (&str, &str) {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

fn unreadable(what: &str, text: &str, examples: &str) -> String {
    format!("{text:?} is no {what}; write {examples}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [
            ("10s", 10_000),
            ("1.5s", 1_500),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0s", 0),
            ("2000us", 2),
            ("2000µs", 2),
            ("2000000ns", 2),
            ("8760h", 31_536_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "10",
            "s",
            "-1s",
            "1 s",
            "1d",
            "1.2.3s",
            "nans",
            "1e99h",
            "8761h",
            "3000000000000000h",
        ] {
            let message = duration(text).unwrap_err();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
        assert!(positive_duration("0ms").is_err());
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, size) in [("64", 64), ("4k", 4096), ("1M", 1 << 20), ("2KiB", 2048)] {
            assert_eq!(bytes(text), Ok(size), "{text}");
        }
        for text in ["", "k", "-1", "1.5k", "4g", "99999999999999999999", "64 "] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_powers_of_1000() {
        for (text, value) in [
            ("20000", 2e4),
            ("50k", 5e4),
            ("1.5m", 1.5e6),
            ("1.001k", 1001.0),
            ("0", 0.0),
        ] {
            assert_eq!(rate(text), Ok(value), "{text}");
        }
        for text in ["", "k", "-1", "5g", "1e3", "inf"] {
            let message = rate(text).unwrap_err();
            assert!(message.contains(&format!("{text:?}")), "{message}");
        }
    }

    #[test]
    fn counts_are_positive() {
        for (text, value) in [("500", 500), ("5k", 5_000), ("15_000", 15_000)] {
            assert_eq!(count(text), Ok(value), "{text}");
        }
        for text in ["", "0", "0k", "-3", "1.5k", "5m", "99999999999"] {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
