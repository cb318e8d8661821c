//! How often what went wrong, and the first time of each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::base::taxonomy::{ErrorClass, Fault};

/// The first failure of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    /// Of which client.
    pub(crate) connection: u32,
    /// What happened.
    pub(crate) detail: String,
}

/// How often one kind of failure was met, with the first of them.
#[derive(Clone, Debug)]
pub(crate) struct Tallied {
    /// How many.
    pub(crate) count: u64,
    /// The first.
    pub(crate) first: Option<Sample>,
}

/// Counts the failures of a run.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    counts: [AtomicU64; ErrorClass::ALL.len()],
    first: Mutex<BTreeMap<ErrorClass, Sample>>,
}

impl Tally {
    /// Nothing has failed yet.
    pub(crate) fn new() -> Tally {
        Tally {
            began: Instant::now(),
            counts: [const { AtomicU64::new(0) }; ErrorClass::ALL.len()],
            first: Mutex::default(),
        }
    }

    /// Counts one failure of client `connection`.
    pub(crate) fn note(&self, connection: u32, fault: Fault) {
        let before = self.counts[fault.class as usize].fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            let at = self.began.elapsed();
            self.samples().entry(fault.class).or_insert(Sample {
                at,
                connection,
                detail: fault.detail,
            });
        }
    }

    /// How many failures there were of all kinds.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// The kinds that were met, in the order of reports.
    pub(crate) fn met(&self) -> Vec<(ErrorClass, Tallied)> {
        let samples = self.samples();
        let tallied = |class: ErrorClass| Tallied {
            count: self.counts[class as usize].load(Ordering::Relaxed),
            first: samples.get(&class).cloned(),
        };
        ErrorClass::ALL
            .into_iter()
            .map(|class| (class, tallied(class)))
            .filter(|(_, tallied)| tallied.count > 0)
            .collect()
    }

    fn samples(&self) -> MutexGuard<'_, BTreeMap<ErrorClass, Sample>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_kind_is_the_sample() {
        let tally = Tally::new();
        for connection in [7, 8] {
            let fault = Fault {
                class: ErrorClass::Corrupt,
                detail: format!("of {connection}"),
            };
            tally.note(connection, fault);
        }
        let met = tally.met();
        assert_eq!(met.len(), 1);
        let (class, tallied) = &met[0];
        assert_eq!((*class, tallied.count), (ErrorClass::Corrupt, 2));
        assert_eq!(tallied.first.as_ref().unwrap().connection, 7);
        assert_eq!(tally.total(), 2);
    }
}
