//! Figures as a person reads them.

use std::time::Duration;

use crate::base::tally::Tallied;
use crate::base::taxonomy::ErrorClass;

/// What stands for a figure that there is none of.
pub(crate) const NONE: &str = "-";

/// A whole number with its thousands apart: `82,113`.
pub(crate) fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::from(if number < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration in the unit that suits it, with three digits: `5.94 ms`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        _ if seconds >= 1.0 => (seconds, "s"),
        _ if seconds >= 1e-3 => (seconds * 1e3, "ms"),
        _ => (seconds * 1e6, "µs"),
    };
    format!("{} {unit}", three_digits(value))
}

/// The same of nanoseconds.
pub(crate) fn nanoseconds(nanos: u64) -> String {
    duration(Duration::from_nanos(nanos))
}

/// To the nanosecond, so that it is read as the same: `1.5s`, `8.2ms`.
pub(crate) fn exact(time: Duration) -> String {
    format!("{time:?}")
}

/// Seconds without needless digits: `5`, `0.5`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{}", (time.as_secs_f64() * 1000.0).round() / 1000.0)
}

/// Three significant digits, more only before the point: `8.31`, `83.1`, `831`.
pub(crate) fn three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => thousands(value),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Kibibytes of bytes: `8.71 KiB`.
pub(crate) fn kib(bytes: f64) -> String {
    format!("{} KiB", three_digits(bytes / 1024.0))
}

/// Mebibytes of bytes: `8.71 MiB`.
pub(crate) fn mib(bytes: f64) -> String {
    format!("{} MiB", three_digits(bytes / 1024.0 / 1024.0))
}

/// A share as a percentage: `98 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A share that may be much less than a hundredth, as that of one of many
/// threads: `98 %`, `0.29 %`, `< 0.01 %`.
pub(crate) fn small_percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent <= 0.0 || percent >= 10.0 => self::percent(share),
        percent if percent < 0.01 => "< 0.01 %".to_owned(),
        percent => format!("{percent:.2} %"),
    }
}

/// The figure, or what stands for none.
pub(crate) fn or_none<T>(figure: Option<T>, text: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| NONE.to_owned(), text)
}

/// All that went wrong, in one line: `3 corrupt, 1 reset`.
pub(crate) fn faults(met: &[(ErrorClass, Tallied)]) -> String {
    let parts: Vec<_> = met
        .iter()
        .map(|(class, tallied)| format!("{} {}", tallied.count, class.id()))
        .collect();
    match parts.is_empty() {
        true => "0".to_owned(),
        false => parts.join(", "),
    }
}

/// Text from elsewhere in which no letter commands a terminal.
pub(crate) fn printable(text: &str) -> String {
    let plain = |letter: char| match letter.is_control() {
        true => char::REPLACEMENT_CHARACTER,
        false => letter,
    };
    text.chars().map(plain).collect()
}

/// A change with its sign: `+5.2 %`.
pub(crate) fn signed_percent(change: f64) -> String {
    format!("{:+.1} %", change * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [
            (0.0, "0"),
            (999.0, "999"),
            (1_000.0, "1,000"),
            (82_113.4, "82,113"),
            (1_234_567.0, "1,234,567"),
            (-1_000.0, "-1,000"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_small_share_is_not_nothing() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.000_01, "< 0.01 %"),
            (0.002_9, "0.29 %"),
            (0.099, "9.90 %"),
            (0.98, "98 %"),
        ] {
            assert_eq!(small_percent(share), text);
        }
    }

    #[test]
    fn durations_have_three_digits() {
        for (nanos, text) in [
            (0, "0.00 µs"),
            (5_940_000, "5.94 ms"),
            (59_400, "59.4 µs"),
            (594_000_000, "594 ms"),
            (1_250_000_000, "1.25 s"),
        ] {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }
}
