//! Chance that repeats itself with its seed.

use std::sync::{Mutex, PoisonError};

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
