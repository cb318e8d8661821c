//! How long a worker that died stays away, and when to give up.

use std::time::Duration;

use crate::error::Error;

/// The status of a supervisor that gave up.
const GAVE_UP: u8 = 4;

/// The delay before the next start of one worker.
///
/// The first one after a while of service is at once. Each further one is
/// twice as long, up to the most; a life longer than the most begins anew.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Delay {
    pub(super) fn new(least: Duration, most: Duration) -> Delay {
        Delay {
            least,
            most,
            next: Duration::ZERO,
        }
    }

    /// How long to wait after a worker that lived this long.
    pub(super) fn after_life(&mut self, lived: Duration) -> Duration {
        if lived > self.most {
            self.next = Duration::ZERO;
        }
        let delay = self.next;
        self.next = (delay * 2).clamp(self.least, self.most);
        delay
    }
}

/// The starts in a row of which none came to serve.
#[derive(Clone, Debug)]
pub(super) struct Failures {
    most: usize,
    count: usize,
    last: String,
}

impl Failures {
    pub(super) fn new(most: usize) -> Failures {
        Failures {
            most,
            count: 0,
            last: String::new(),
        }
    }

    pub(super) fn add(&mut self, how: String) {
        self.count += 1;
        self.last = how;
    }

    /// A worker serves: the next failure is a first one.
    pub(super) fn forget(&mut self) {
        self.count = 0;
    }

    pub(super) fn are_too_many(&self) -> bool {
        self.count >= self.most
    }

    /// The error of a supervisor that gives up because of them.
    pub(super) fn to_error(&self) -> Error {
        let Failures { count, last, .. } = self;
        Error::Supervise {
            reason: format!("gave up: no worker serves, and {count} starts in a row have failed; the last: {last}"),
            status: GAVE_UP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_restart_is_at_once_and_delays_double_up_to_the_most() {
        let [least, most] = [100, 350].map(Duration::from_millis);
        let mut delay = Delay::new(least, most);
        let mut after = |lived| delay.after_life(Duration::from_millis(lived)).as_millis();
        assert_eq!([1, 1, 1, 1, 1].map(&mut after), [0, 100, 200, 350, 350]);
        assert_eq!([351, 1].map(after), [0, 100]);
    }

    #[test]
    fn failures_count_in_a_row_only() {
        let mut failures = Failures::new(2);
        failures.add("one".to_owned());
        failures.forget();
        failures.add("two".to_owned());
        assert!(!failures.are_too_many());
        failures.add("three".to_owned());
        assert!(failures.are_too_many());
        let text = failures.to_error().to_string();
        assert!(text.contains("2 starts in a row") && text.ends_with("three"), "{text}");
    }
}
