//! How long a connection is used, and how it is closed.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::base::{format, quantity};

/// How long a connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Churn {
    /// From the first message to the last.
    Never,
    /// For one message; connecting is part of its time.
    PerRequest,
    /// For so many messages.
    Every(u32),
    /// For so long.
    Lifetime(Duration),
}

impl Churn {
    /// Whether a connection made at `since` that has carried `messages` carries
    /// no more.
    pub(crate) fn is_over(self, messages: u64, since: Instant) -> bool {
        match self {
            Churn::Never => false,
            Churn::PerRequest => messages >= 1,
            Churn::Every(limit) => messages >= u64::from(limit),
            Churn::Lifetime(limit) => since.elapsed() >= limit,
        }
    }
}

impl FromStr for Churn {
    type Err = String;

    fn from_str(text: &str) -> Result<Churn, String> {
        match text.split_once(':') {
            None if text == "never" => Ok(Churn::Never),
            None if text == "per-request" => Ok(Churn::PerRequest),
            Some(("every", count)) => Ok(Churn::Every(quantity::count(count)?)),
            Some(("lifetime", time)) => Ok(Churn::Lifetime(quantity::positive_duration(time)?)),
            _ => Err(format!(
                "{text:?} is no way to use a connection; write never, per-request, every:10 or lifetime:1s"
            )),
        }
    }
}

impl fmt::Display for Churn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Churn::Never => f.write_str("never"),
            Churn::PerRequest => f.write_str("per-request"),
            Churn::Every(count) => write!(f, "every:{count}"),
            Churn::Lifetime(time) => write!(f, "lifetime:{}", format::exact(*time)),
        }
    }
}

/// How a client closes a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Linger {
    /// With a farewell; the port is then in TIME_WAIT for a minute.
    #[default]
    Fin,
    /// With a reset, which the server sees as an error.
    Rst,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_use_a_connection_are_read_and_written() {
        for text in [
            "never",
            "per-request",
            "every:10",
            "lifetime:1.5s",
            "lifetime:10ns",
            "lifetime:31535999.5s",
        ] {
            assert_eq!(text.parse::<Churn>().unwrap().to_string(), text);
        }
        for text in ["", "always", "every:0", "every:", "lifetime:0s", "lifetime:5"] {
            assert!(text.parse::<Churn>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_connection_is_over_after_its_messages() {
        let now = Instant::now();
        assert!(!Churn::Never.is_over(1 << 40, now));
        assert!(Churn::PerRequest.is_over(1, now));
        assert!(!Churn::Every(3).is_over(2, now) && Churn::Every(3).is_over(3, now));
        assert!(!Churn::Lifetime(Duration::from_secs(60)).is_over(9, now));
        assert!(Churn::Lifetime(Duration::ZERO).is_over(0, now));
    }
}
