//! What the server did, counted, so that a client's figures can be compared
//! with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// The counts of a server while it runs.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    answers: AtomicU64,
    bytes: AtomicU64,
    connections: AtomicU64,
    faults: Vec<(&'static str, AtomicU64)>,
}

/// The counts when it has ended, as it prints them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Right answers that were sent in whole.
    pub(crate) answers: u64,
    /// The bytes of their messages, without what frames them.
    pub(crate) bytes: u64,
    /// Connections accepted; none where there are only datagrams.
    pub(crate) connections: u64,
    /// How often each fault happened that was asked for.
    pub(crate) faults: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// With a line for each of `faults`.
    pub(crate) fn new(faults: impl IntoIterator<Item = &'static str>) -> Ledger {
        Ledger {
            faults: faults.into_iter().map(|name| (name, AtomicU64::new(0))).collect(),
            ..Ledger::default()
        }
    }

    /// A connection came: its number, from 0.
    pub(crate) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed)
    }

    /// These answers were sent.
    pub(crate) fn answered(&self, answers: u64, bytes: u64) {
        self.answers.fetch_add(answers, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The fault of this name happened.
    pub(crate) fn fault(&self, name: &str) {
        if let Some((_, count)) = self.faults.iter().find(|(known, _)| *known == name) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of it.
    pub(crate) fn counts(&self) -> Counts {
        let faults = self.faults.iter();
        Counts {
            answers: self.answers.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            faults: faults
                .map(|(name, count)| (*name, count.load(Ordering::Relaxed)))
                .collect(),
        }
    }
}
