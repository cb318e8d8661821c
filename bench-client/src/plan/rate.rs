//! How many messages a second an open loop sends, over time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::base::quantity;

/// A rate over time: `20k`; `1k:50k`, growing evenly over the run;
/// `stages:10s@1k,30s@5k`, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    text: String,
    stages: Vec<Stage>,
}

/// A time in which the rate grows evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stage {
    /// `None` for as long as the run.
    length: Option<Duration>,
    from: f64,
    to: f64,
}

impl Rate {
    /// Always `rate` messages a second.
    pub(crate) fn constant(rate: f64) -> Rate {
        Rate {
            text: format!("{rate}"),
            stages: vec![Stage {
                length: None,
                from: rate,
                to: rate,
            }],
        }
    }

    /// How long its stages take together, if they say.
    pub(crate) fn length(&self) -> Option<Duration> {
        self.stages.iter().map(|stage| stage.length).sum()
    }

    /// Over a run of `duration`.
    pub(crate) fn curve(&self, duration: Duration) -> Curve {
        let mut pieces = Vec::new();
        let (mut begin, mut before) = (0.0, 0.0);
        for stage in &self.stages {
            let length = stage.length.unwrap_or(duration).as_secs_f64();
            pieces.push(Piece {
                begin,
                length,
                from: stage.from,
                slope: (stage.to - stage.from) / length,
                before,
            });
            begin += length;
            before += length * (stage.from + stage.to) / 2.0;
        }
        let last = self.stages.last().map_or(0.0, |stage| stage.to);
        pieces.push(Piece {
            begin,
            length: f64::INFINITY,
            from: last,
            slope: 0.0,
            before,
        });
        Curve(pieces)
    }
}

/// The number of messages that are due until an instant, in seconds from the
/// begin of the window, and the instant at which a message is due. Before the
/// window and after its end the rate is that at the border.
#[derive(Clone, Debug)]
pub(crate) struct Curve(Vec<Piece>);

#[derive(Clone, Copy, Debug)]
struct Piece {
    begin: f64,
    length: f64,
    from: f64,
    slope: f64,
    /// Messages due before it.
    before: f64,
}

impl Curve {
    /// How many are due until `at`; negative before the window.
    pub(crate) fn due(&self, at: f64) -> f64 {
        let first = self.0[0];
        if at < 0.0 {
            return at * first.from;
        }
        let within = self.0.iter().rev().find(|piece| piece.begin <= at).unwrap_or(&first);
        within.due(at - within.begin)
    }

    /// When the `count`-th is due.
    pub(crate) fn instant(&self, count: f64) -> f64 {
        let first = self.0[0];
        if count < 0.0 {
            return count / first.from;
        }
        let holds = |piece: &&Piece| piece.length.is_infinite() || count < piece.due(piece.length);
        let piece = self.0.iter().find(holds).unwrap_or(&first);
        piece.begin + piece.after(count - piece.before)
    }
}

impl Piece {
    fn due(&self, passed: f64) -> f64 {
        self.before + self.from * passed + self.slope * passed * passed / 2.0
    }

    /// How long after its begin `count` messages are due: the root of
    /// `slope/2 t² + from t = count`, in the form that loses no digits.
    fn after(&self, count: f64) -> f64 {
        let root = (self.from * self.from + 2.0 * self.slope * count).max(0.0).sqrt();
        2.0 * count / (self.from + root)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let stages = match text.split_once(':') {
            Some(("stages", stages)) => stages.split(',').map(stage).collect::<Result<_, _>>()?,
            Some((from, to)) => vec![Stage {
                length: None,
                from: per_second(from)?,
                to: per_second(to)?,
            }],
            None => vec![Stage {
                length: None,
                from: per_second(text)?,
                to: per_second(text)?,
            }],
        };
        Ok(Rate {
            text: text.to_owned(),
            stages,
        })
    }
}

fn stage(text: &str) -> Result<Stage, String> {
    let (length, rate) = text
        .split_once('@')
        .ok_or_else(|| format!("{text:?} is no stage; write stages:10s@1k,30s@5k"))?;
    let rate = per_second(rate)?;
    Ok(Stage {
        length: Some(quantity::positive_duration(length)?),
        from: rate,
        to: rate,
    })
}

fn per_second(text: &str) -> Result<f64, String> {
    let number = quantity::rate(text)?;
    match number > 0.0 && number <= 1e9 {
        true => Ok(number),
        false => Err(format!("{text:?} is no rate; give messages a second: 500, 20k, 1m")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn curve(text: &str, seconds: u64) -> Curve {
        text.parse::<Rate>().unwrap().curve(Duration::from_secs(seconds))
    }

    #[test]
    fn a_constant_rate_is_due_evenly() {
        let curve = curve("20k", 10);
        assert_eq!(curve.due(10.0), 200_000.0);
        assert_eq!(curve.instant(100.0), 0.005);
        assert_eq!(curve.instant(-100.0), -0.005);
        assert_eq!(curve.due(-1.0), -20_000.0);
    }

    #[test]
    fn a_growing_rate_has_its_mean_in_the_middle() {
        let curve = curve("1k:3k", 10);
        assert_eq!(curve.due(10.0), 20_000.0);
        assert_eq!(curve.due(5.0), 7_500.0);
    }

    #[test]
    fn stages_follow_one_another() {
        let rate: Rate = "stages:10s@1k,30s@5k".parse().unwrap();
        assert_eq!(rate.length(), Some(Duration::from_secs(40)));
        let curve = rate.curve(Duration::from_secs(40));
        assert_eq!((curve.due(10.0), curve.due(40.0)), (10_000.0, 160_000.0));
        assert_eq!(curve.instant(15_000.0), 11.0);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "0",
            "-1",
            "1k:",
            "stages:1k",
            "stages:10s@",
            "stages:0s@1k",
            "fast",
            "inf",
            "nan",
        ] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_instant_is_when_its_message_is_due(
            from in 1.0..1e5_f64, to in 1.0..1e5_f64, share in -0.5..2.0_f64,
        ) {
            let curve = curve(&format!("{from}:{to}"), 10);
            let count = share * curve.due(10.0);
            let back = curve.due(curve.instant(count));
            prop_assert!((back - count).abs() <= 1e-6 * count.abs().max(1.0), "{} {}", back, count);
        }
    }
}
