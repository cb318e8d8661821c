//! How long answers are held back: by a delay each, by a stall all.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::dose::Chance;
use crate::base::quantity;

/// How long each answer takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Delay {
    /// Always the same.
    Fixed(Duration),
    /// Anything between the two, all equally likely.
    Uniform(Duration, Duration),
    /// Exponentially distributed, with this mean.
    Exponential(Duration),
}

/// A time in which nothing is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stall {
    /// From the first connection to its begin.
    after: Duration,
    /// How long it takes.
    length: Duration,
}

/// Reads a delay: `5ms`, `uniform:1ms..5ms`, `exp:5ms`.
pub(crate) fn delay(text: &str) -> Result<Delay, String> {
    match text.split_once(':') {
        None => quantity::duration(text).map(Delay::Fixed),
        Some(("exp", mean)) => quantity::duration(mean).map(Delay::Exponential),
        Some(("uniform", range)) => uniform(range),
        Some(_) => Err(unreadable(text)),
    }
}

fn uniform(range: &str) -> Result<Delay, String> {
    let (least, most) = range.split_once("..").ok_or_else(|| unreadable(range))?;
    let (least, most) = (quantity::duration(least)?, quantity::duration(most)?);
    match least <= most {
        true => Ok(Delay::Uniform(least, most)),
        false => Err(format!(
            "{range:?} ends before it begins; write the shorter delay first"
        )),
    }
}

fn unreadable(text: &str) -> String {
    format!("{text:?} is no delay; write 5ms, uniform:1ms..5ms or exp:5ms")
}

/// Reads a stall: `1s@5s` stops for 1 s, 5 s after the first connection.
pub(crate) fn stall(text: &str) -> Result<Stall, String> {
    let (length, after) = text
        .split_once('@')
        .ok_or_else(|| format!("{text:?} says not when; write 1s@5s for 1 s, 5 s after the first connection"))?;
    Ok(Stall {
        after: quantity::duration(after)?,
        length: quantity::positive_duration(length)?,
    })
}

impl Delay {
    fn draw(self, chance: &Chance) -> Duration {
        match self {
            Delay::Fixed(delay) => delay,
            Delay::Uniform(least, most) => least + (most - least).mul_f64(chance.next()),
            // 1 - x is never 0, whose logarithm there is none of.
            Delay::Exponential(mean) => mean.mul_f64(-(1.0 - chance.next()).ln()),
        }
    }
}

/// When an answer may go out.
#[derive(Debug)]
pub(crate) struct Pace {
    delay: Option<Delay>,
    stall: Option<Stall>,
    /// When the first connection came, for a stall.
    began: OnceLock<Instant>,
}

impl Pace {
    /// Holds answers back by both.
    pub(crate) fn new(delay: Option<Delay>, stall: Option<Stall>) -> Pace {
        Pace {
            delay,
            stall,
            began: OnceLock::new(),
        }
    }

    /// A connection came: if it is the first, a stall counts from now.
    pub(crate) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// How long an answer takes that could go out now.
    pub(crate) fn delay(&self, chance: &Chance) -> Duration {
        self.delay.map_or(Duration::ZERO, |delay| delay.draw(chance))
    }

    /// How much of a stall is left, if one goes on at `now`.
    pub(crate) fn stalled(&self, now: Instant) -> Option<Duration> {
        let stall = self.stall?;
        let from = *self.began.get()? + stall.after;
        let until = from + stall.length;
        (from <= now && now < until).then(|| until - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn delays_are_read() {
        assert_eq!(delay("5ms"), Ok(Delay::Fixed(5 * MILLI)));
        assert_eq!(delay("uniform:1ms..5ms"), Ok(Delay::Uniform(MILLI, 5 * MILLI)));
        assert_eq!(delay("exp:5ms"), Ok(Delay::Exponential(5 * MILLI)));
        for text in ["", "5", "normal:5ms", "uniform:5ms", "uniform:5ms..1ms", "exp:"] {
            assert!(delay(text).is_err(), "{text}");
        }
        for text in ["1s", "1s@", "@5s", "0s@5s"] {
            assert!(stall(text).is_err(), "{text}");
        }
    }

    #[test]
    fn delays_have_their_mean_and_their_bounds() {
        let chance = Chance::new(42);
        let mean = |delay: Delay, bounds: std::ops::RangeInclusive<Duration>| {
            let drawn: Vec<_> = (0..10_000).map(|_| delay.draw(&chance)).collect();
            assert!(drawn.iter().all(|delay| bounds.contains(delay)), "{delay:?}");
            drawn.iter().sum::<Duration>().as_secs_f64() * 1e3 / 10_000.0
        };
        let uniform = mean(Delay::Uniform(MILLI, 5 * MILLI), MILLI..=5 * MILLI);
        assert!((2.9..3.1).contains(&uniform), "{uniform}");
        let exponential = mean(Delay::Exponential(5 * MILLI), Duration::ZERO..=1000 * MILLI);
        assert!((4.7..5.3).contains(&exponential), "{exponential}");
    }

    #[test]
    fn a_stall_counts_from_the_first_connection() {
        let pace = Pace::new(None, stall("1s@5s").ok());
        let now = Instant::now();
        assert_eq!(pace.stalled(now), None);
        pace.begin();
        let began = *pace.began.get().unwrap();
        pace.begin();
        let at = |millis: u64| pace.stalled(began + Duration::from_millis(millis));
        assert_eq!(at(4_999), None);
        assert_eq!(at(5_000), Some(1000 * MILLI));
        assert_eq!(at(5_900), Some(100 * MILLI));
        assert_eq!(at(6_000), None);
    }
}
