//! How often a fault happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::base::quantity;

/// How often, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Dose {
    /// Exactly so many times in the life of the server.
    Times(u64),
    /// With this probability each time.
    Probability(f64),
}

/// What is left of a dose.
#[derive(Debug)]
pub(crate) enum Supply {
    /// So many times, then never again.
    Times(AtomicU64),
    /// For ever, with this probability.
    Probability(f64),
}

/// Reads a dose: a whole number is a count, one with a point or an exponent a
/// probability.
pub(crate) fn dose(text: &str) -> Result<Dose, String> {
    if let Ok(count) = text.parse::<u64>() {
        return Ok(Dose::Times(count));
    }
    text.parse::<f64>()
        .ok()
        .filter(|value| *value > 0.0 && *value <= 1.0)
        .map(Dose::Probability)
        .ok_or_else(|| format!("{text:?} says not how often; write a count as 7, or a probability as 1e-4 or 0.5"))
}

/// Something that happens so often: `300ms*7`, `503*1e-3`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dosed<T> {
    /// What happens.
    pub(crate) what: T,
    /// How often.
    pub(crate) dose: Dose,
}

/// Reads `DURATION*DOSE`.
pub(crate) fn dosed_duration(text: &str) -> Result<Dosed<std::time::Duration>, String> {
    dosed(text, "300ms*7", quantity::positive_duration)
}

/// Reads `STATUS*DOSE`, the status being that of an error.
pub(crate) fn dosed_status(text: &str) -> Result<Dosed<u16>, String> {
    dosed(text, "503*7", |status| {
        let code = status.parse().ok().filter(|code| (400..=599).contains(code));
        code.ok_or_else(|| format!("{status:?} is no status of an error; write one of 400 to 599"))
    })
}

fn dosed<T>(text: &str, example: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Dosed<T>, String> {
    let (what, often) = text
        .split_once('*')
        .ok_or_else(|| format!("{text:?} says not how often; write it as {example}"))?;
    Ok(Dosed {
        what: read(what)?,
        dose: dose(often)?,
    })
}

impl Supply {
    /// All of `dose`.
    pub(crate) fn of(dose: Dose) -> Supply {
        match dose {
            Dose::Times(count) => Supply::Times(AtomicU64::new(count)),
            Dose::Probability(probability) => Supply::Probability(probability),
        }
    }

    /// True if it is to happen now; what was counted is then gone.
    pub(crate) fn take(&self, chance: &Chance) -> bool {
        match self {
            Supply::Times(left) => left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok(),
            Supply::Probability(probability) => chance.happens(*probability),
        }
    }

    /// Takes back one that could not happen.
    pub(crate) fn put_back(&self) {
        if let Supply::Times(left) = self {
            left.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// One sequence of random numbers for the whole server.
#[derive(Debug)]
pub(crate) struct Chance(Mutex<fastrand::Rng>);

impl Chance {
    /// The sequence of `seed`.
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// The next number, from 0 to below 1.
    pub(crate) fn next(&self) -> f64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).f64()
    }

    /// True with this probability.
    pub(crate) fn happens(&self, probability: f64) -> bool {
        self.next() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn whole_numbers_are_counts_and_others_probabilities() {
        for (text, read) in [
            ("7", Dose::Times(7)),
            ("0", Dose::Times(0)),
            ("1", Dose::Times(1)),
            ("1.0", Dose::Probability(1.0)),
            ("1e-4", Dose::Probability(1e-4)),
        ] {
            assert_eq!(dose(text), Ok(read), "{text}");
        }
        for text in ["", "-1", "1.5", "0.0", "nan", "x", "7*7"] {
            assert!(dose(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_and_how_often_stand_beside_a_star() {
        let late = dosed_duration("300ms*7").unwrap();
        assert_eq!((late.what, late.dose), (Duration::from_millis(300), Dose::Times(7)));
        assert_eq!(dosed_status("503*0.5").unwrap().what, 503);
        for text in ["503", "200*7", "600*7", "503*x", "*7"] {
            assert!(dosed_status(text).is_err(), "{text}");
        }
        assert!(dosed_duration("0s*7").is_err());
    }

    #[test]
    fn a_counted_supply_runs_out() {
        let chance = Chance::new(1);
        let supply = Supply::of(Dose::Times(2));
        let taken = || (0..5).filter(|_| supply.take(&chance)).count();
        assert_eq!(taken(), 2);
        supply.put_back();
        assert_eq!(taken(), 1);
    }

    #[test]
    fn a_probability_is_kept_and_repeats_with_its_seed() {
        let draw = |seed| {
            let chance = Chance::new(seed);
            let supply = Supply::of(Dose::Probability(0.25));
            (0..10_000).map(|_| supply.take(&chance)).collect::<Vec<_>>()
        };
        let happened = draw(42).iter().filter(|taken| **taken).count();
        assert!((2_200..2_800).contains(&happened), "{happened}");
        assert_eq!(draw(42), draw(42));
        assert_ne!(draw(42), draw(43));
    }
}
