//! How long messages are: one size, or drawn from a distribution.

use std::fmt;
use std::str::FromStr;

use crate::base::quantity;
use crate::base::random::{exact, mix, share};
use crate::plan::origin::Origin;

/// The longest message: two of them may be kept for every client.
pub(crate) const LARGEST: usize = 16 << 20;

/// Sizes of messages in bytes: `64`, `1..4k`, `64:0.9,16k:0.1`,
/// `lognormal:512,1.2`. The size of a message follows from the seed and from
/// its origin, so that a run can be repeated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sizes {
    text: String,
    law: Law,
}

#[derive(Clone, Debug, PartialEq)]
enum Law {
    Fixed(usize),
    /// Each size from the first to the last with the same probability.
    Range(usize, usize),
    /// Sizes with the probability of each one and those before it.
    Weighted(Vec<(usize, f64)>),
    /// The logarithm is normal: median and standard deviation of the logarithm.
    LogNormal(f64, f64),
}

impl Sizes {
    /// Always the same.
    #[cfg(test)]
    pub(crate) fn fixed(size: usize) -> Sizes {
        Sizes {
            text: size.to_string(),
            law: Law::Fixed(size),
        }
    }

    /// The size of `origin`'s message.
    pub(crate) fn of(&self, seed: u64, origin: Origin) -> usize {
        let draw = |salt: u64| mix(mix(seed ^ salt ^ u64::from(origin.connection)) ^ origin.sequence);
        match &self.law {
            Law::Fixed(size) => *size,
            Law::Range(first, last) => first + (draw(SIZE) % (last - first + 1) as u64) as usize,
            Law::Weighted(sizes) => weighted(sizes, share(draw(SIZE))),
            Law::LogNormal(median, deviation) => {
                let normal = normal(share(draw(SIZE)), share(draw(ANGLE)));
                ((median.ln() + deviation * normal).exp().round() as usize).clamp(1, LARGEST)
            }
        }
    }

    /// The longest there can be.
    pub(crate) fn largest(&self) -> usize {
        match &self.law {
            Law::Fixed(size) | Law::Range(_, size) => *size,
            Law::Weighted(sizes) => sizes.iter().map(|(size, _)| *size).max().unwrap_or(1),
            Law::LogNormal(..) => LARGEST,
        }
    }

    /// The shortest there can be.
    pub(crate) fn smallest(&self) -> usize {
        match &self.law {
            Law::Fixed(size) | Law::Range(size, _) => *size,
            Law::Weighted(sizes) => sizes.iter().map(|(size, _)| *size).min().unwrap_or(1),
            Law::LogNormal(..) => 1,
        }
    }
}

/// Keep what is drawn for one purpose apart from what is drawn for another.
const SIZE: u64 = 0x5153_1c6d_6f2b_a6e5;
const ANGLE: u64 = 0x2b1d_9a6e_0c4f_83b7;

fn weighted(sizes: &[(usize, f64)], at: f64) -> usize {
    let found = sizes.iter().find(|(_, until)| at < *until).or(sizes.last());
    found.map_or(1, |(size, _)| *size)
}

/// Box and Muller 1958, from two numbers between 0 and 1.
fn normal(radius: f64, angle: f64) -> f64 {
    (-2.0 * exact(radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Sizes, String> {
        let law = match text.split_once(':') {
            Some(("lognormal", parameters)) => log_normal(parameters)?,
            Some(_) => Law::Weighted(weights(text)?),
            None => match text.split_once("..") {
                Some((first, last)) => range(size(first)?, size(last)?)?,
                None => Law::Fixed(size(text)?),
            },
        };
        let text = match law {
            Law::Fixed(size) => size.to_string(),
            _ => text.to_owned(),
        };
        Ok(Sizes { text, law })
    }
}

fn size(text: &str) -> Result<usize, String> {
    match quantity::bytes(text)? {
        0 => Err("a message has at least 1 byte".to_owned()),
        size if size > LARGEST => Err(format!("{text:?} is too large; a message has at most {LARGEST} bytes")),
        size => Ok(size),
    }
}

fn range(first: usize, last: usize) -> Result<Law, String> {
    match first <= last {
        true => Ok(Law::Range(first, last)),
        false => Err(format!("{first}..{last} goes backwards; write {last}..{first}")),
    }
}

fn weights(text: &str) -> Result<Vec<(usize, f64)>, String> {
    let entries: Vec<_> = text.split(',').map(weight).collect::<Result<_, _>>()?;
    let total: f64 = entries.iter().map(|(_, weight)| weight).sum();
    if !total.is_finite() {
        return Err(format!(
            "the shares of {text:?} are too large; give such as add up to 1"
        ));
    }
    let mut until = 0.0;
    Ok(entries
        .into_iter()
        .map(|(size, weight)| {
            until += weight / total;
            (size, until)
        })
        .collect())
}

fn weight(entry: &str) -> Result<(usize, f64), String> {
    let unreadable = || format!("{entry:?} is no size with its share; write 64:0.9,16k:0.1");
    let (text, weight) = entry.split_once(':').ok_or_else(unreadable)?;
    let weight: f64 = weight.parse().map_err(|_| unreadable())?;
    match weight.is_finite() && weight > 0.0 {
        true => Ok((size(text)?, weight)),
        false => Err(unreadable()),
    }
}

fn log_normal(parameters: &str) -> Result<Law, String> {
    let unreadable = || format!("{parameters:?} is no median with a deviation; write lognormal:512,1.2");
    let (median, deviation) = parameters.split_once(',').ok_or_else(unreadable)?;
    let deviation: f64 = deviation.parse().map_err(|_| unreadable())?;
    match deviation.is_finite() && (0.0..=10.0).contains(&deviation) {
        true => Ok(Law::LogNormal(size(median)? as f64, deviation)),
        false => Err(unreadable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, count: u64) -> Vec<usize> {
        let sizes: Sizes = text.parse().unwrap();
        let origin = |sequence| Origin {
            connection: 3,
            sequence,
        };
        (0..count).map(|sequence| sizes.of(42, origin(sequence))).collect()
    }

    fn part(sizes: &[usize], wanted: impl Fn(usize) -> bool) -> f64 {
        sizes.iter().filter(|size| wanted(**size)).count() as f64 / sizes.len() as f64
    }

    #[test]
    fn one_size_is_always_the_same() {
        assert!(drawn("4k", 100).iter().all(|size| *size == 4096));
        assert_eq!("4k".parse::<Sizes>().unwrap(), Sizes::fixed(4096));
    }

    #[test]
    fn a_range_is_used_evenly_to_both_ends() {
        let sizes = drawn("1..4", 40_000);
        for size in 1..=4 {
            assert!((part(&sizes, |drawn| drawn == size) - 0.25).abs() < 0.02);
        }
    }

    #[test]
    fn weights_are_shares() {
        let sizes = drawn("64:9,16k:1", 40_000);
        assert!((part(&sizes, |size| size == 64) - 0.9).abs() < 0.02);
        assert!((part(&sizes, |size| size == 16384) - 0.1).abs() < 0.02);
    }

    /// A normal variable lies below its mean half of the time, and below one
    /// deviation 84.1 % of the time.
    #[test]
    fn the_logarithm_is_normal() {
        let sizes = drawn("lognormal:512,1.2", 40_000);
        let one_deviation = (512.0 * 1.2_f64.exp()) as usize;
        assert!((part(&sizes, |size| size <= 512) - 0.5).abs() < 0.02);
        assert!((part(&sizes, |size| size <= one_deviation) - 0.841).abs() < 0.02);
    }

    #[test]
    fn the_same_seed_draws_the_same_sizes() {
        assert_eq!(drawn("1..4k", 1000), drawn("1..4k", 1000));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in [
            "",
            "0",
            "1000m",
            "4k..1",
            "64:x",
            "64:0",
            "64:-1",
            "64:1e308,128:1e308",
            "lognormal:512",
            "lognormal:0,1",
            "a..b",
        ] {
            assert!(text.parse::<Sizes>().is_err(), "{text}");
        }
    }
}
