//! What a server serves for, and whether that is reached.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::lifecycle::Lifecycle;
use crate::runtime::{self, NEVER};

/// What ends serving beside a shutdown; shared by all loops that serve.
#[derive(Debug)]
pub(super) struct Goal {
    /// `None` to serve for ever; else one request, or this deadline.
    one_request_until: Option<u64>,
    /// Of several loops one takes the one request.
    claimed: AtomicBool,
    over: AtomicBool,
}

impl Goal {
    pub(super) fn forever() -> Goal {
        Goal::new(None)
    }

    pub(super) fn one_request(deadline: u64) -> Goal {
        Goal::new(Some(deadline))
    }

    fn new(one_request_until: Option<u64>) -> Goal {
        Goal {
            one_request_until,
            claimed: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    pub(super) fn is_forever(&self) -> bool {
        self.one_request_until.is_none()
    }

    pub(super) fn deadline(&self) -> u64 {
        self.one_request_until.unwrap_or(NEVER)
    }

    pub(super) fn is_out_of_time(&self) -> bool {
        self.one_request_until.is_some_and(runtime::passed)
    }

    /// Whether a request may be taken that nobody else may take meanwhile.
    pub(super) fn claim(&self) -> bool {
        self.is_forever() || !self.claimed.swap(true, Ordering::SeqCst)
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.claimed.load(Ordering::SeqCst)
    }

    /// There was no request after all.
    pub(super) fn give_back(&self, lifecycle: &Lifecycle) {
        if !self.is_forever() {
            self.claimed.store(false, Ordering::SeqCst);
            lifecycle.changed();
        }
    }

    /// Nobody need serve any longer.
    pub(super) fn end(&self, lifecycle: &Lifecycle) {
        self.over.store(true, Ordering::SeqCst);
        lifecycle.changed();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_claimed_once_until_it_is_given_back() {
        let lifecycle = Lifecycle::new(1).unwrap();
        let goal = Goal::one_request(NEVER);
        assert!(goal.claim());
        assert!(!goal.claim() && goal.is_claimed());
        goal.give_back(&lifecycle);
        assert!(goal.claim());
    }

    #[test]
    fn any_number_is_claimed_for_ever() {
        let goal = Goal::forever();
        assert!(goal.claim() && goal.claim());
        assert!(!goal.is_claimed() && !goal.is_out_of_time());
    }
}
