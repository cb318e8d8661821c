//! Durations, sizes and counts as a person types them.

use std::time::Duration;

/// Reads a duration: `10s`, `1.5s`, `500ms`, `2m`, `1h`, `250us`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let seconds = match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        _ => return Err(unreadable("duration", text, "10s, 1.5s, 500ms, 2m or 1h")),
    };
    number
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite() && *value >= 0.0)
        .and_then(|value| Duration::try_from_secs_f64(value * seconds).ok())
        .ok_or_else(|| unreadable("duration", text, "10s, 1.5s, 500ms, 2m or 1h"))
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
    let factor = match unit {
        "" => 1.0,
        "k" | "K" => 1e3,
        "m" | "M" => 1e6,
        _ => return Err(unreadable("rate", text, "50k, 1.5m or 20000")),
    };
    number(digits)
        .map(|value| value * factor)
        .map_err(|_| unreadable("rate", text, "50k, 1.5m or 20000"))
}

/// Reads a number that is not negative: `0`, `0.95`.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok();
    value
        .filter(|value| value.is_finite() && *value >= 0.0)
        .ok_or_else(|| unreadable("number", text, "0 or 0.95"))
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
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "s", "-1s", "1 s", "1d", "1.2.3s", "nans", "1e99h"] {
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
        for (text, value) in [("20000", 2e4), ("50k", 5e4), ("1.5m", 1.5e6), ("0", 0.0)] {
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
