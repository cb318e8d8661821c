//! What all handlers of a server share: what it does wrong, and its ledger.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use greenserve::runtime;

use super::dose::{Chance, Supply};
use super::fault::Fault;
use super::holdback::Holdback;
use super::ledger::Ledger;
use super::meeting::{Meeting, Met};
use super::options::FaultOptions;
use super::pace::Pace;

/// The names under which what befalls no single answer is counted.
const STALL: &str = "stall";
const RESET_AFTER: &str = "reset_after";
const SERVE_ONLY: &str = "serve_only";

/// One server's faults and counts.
#[derive(Debug)]
pub(crate) struct Service {
    /// What it did.
    pub(crate) ledger: Ledger,
    /// Answers wait here to be swapped.
    swaps: Meeting,
    /// Answers are left here to be sent after the next one.
    pub(crate) holdback: Holdback,
    options: FaultOptions,
    faults: Vec<(Fault, Supply)>,
    chance: Chance,
    pace: Pace,
    /// Answers that were begun.
    begun: AtomicU64,
}

impl Service {
    /// A server's, at its start.
    pub(crate) fn new(options: &FaultOptions) -> Service {
        let faults = Fault::asked(options);
        let others = [
            (STALL, options.stall.is_some()),
            (RESET_AFTER, options.reset_after.is_some()),
            (SERVE_ONLY, options.serve_only.is_some()),
        ];
        let others = others.into_iter().filter_map(|(name, given)| given.then_some(name));
        Service {
            ledger: Ledger::new(faults.iter().map(|(fault, _)| fault.id()).chain(others)),
            swaps: Meeting::default(),
            holdback: Holdback::default(),
            options: options.clone(),
            chance: Chance::new(options.seed),
            pace: Pace::new(options.delay, options.stall),
            begun: AtomicU64::new(0),
            faults,
        }
    }

    /// A connection came; false if it is one too many to be served.
    pub(crate) fn admit(&self) -> bool {
        self.pace.begin();
        let number = self.ledger.connection();
        let admitted = self.options.serve_only.is_none_or(|limit| number < limit);
        if !admitted {
            self.ledger.fault(SERVE_ONLY);
        }
        admitted
    }

    /// A datagram came, which may be the first.
    pub(crate) fn begin(&self) {
        self.pace.begin();
    }

    /// Whether a connection is to be reset that got `answers` answers.
    pub(crate) fn resets_after(&self, answers: u64) -> bool {
        let resets = self.options.reset_after.is_some_and(|limit| answers >= limit);
        if resets {
            self.ledger.fault(RESET_AFTER);
        }
        resets
    }

    /// Whether answers go out byte by byte.
    pub(crate) fn byte_by_byte(&self) -> bool {
        self.options.byte_by_byte
    }

    /// Waits until the answer may go out.
    ///
    /// # Errors
    /// When the server ends meanwhile.
    pub(crate) fn pace(&self) -> io::Result<()> {
        let delay = self.pace.delay(&self.chance);
        if !delay.is_zero() {
            runtime::sleep(delay)?;
        }
        if let Some(left) = self.pace.stalled(Instant::now()) {
            self.ledger.fault(STALL);
            runtime::sleep(left)?;
        }
        Ok(())
    }

    /// What will be wrong with the next answer, to the client of this key.
    pub(crate) fn choose(&self, key: u64) -> Option<Fault> {
        if self.begun.fetch_add(1, Ordering::Relaxed) < self.options.after {
            return None;
        }
        let chosen = self.faults.iter().find(|(fault, supply)| match (fault, supply) {
            // Whoever waits to be swapped needs another, whatever the chances.
            (Fault::Swap, Supply::Probability(_)) if self.swaps.someone_but(key) => true,
            _ => supply.take(&self.chance),
        });
        chosen.map(|(fault, _)| *fault)
    }

    /// The fault happened.
    pub(crate) fn note(&self, fault: Fault) {
        self.ledger.fault(fault.id());
    }

    /// Another client's answer for `answer`, or itself if none came.
    ///
    /// # Errors
    /// When the server ends meanwhile.
    pub(crate) fn swap(&self, key: u64, answer: Vec<u8>) -> io::Result<Met> {
        let met = self.swaps.swap(key, answer)?;
        match &met {
            Met::Taken(_) => self.note(Fault::Swap),
            Met::Nobody(_) => self.put_back(Fault::Swap),
        }
        Ok(met)
    }

    /// The fault was chosen and could not happen.
    pub(crate) fn put_back(&self, fault: Fault) {
        let supply = self.faults.iter().find(|(asked, _)| *asked == fault);
        if let Some((_, supply)) = supply {
            supply.put_back();
        }
    }
}
