//! The thread that watches, and when it sleeps.

use std::time::Duration;
use std::{io, thread};

use super::stall::Watch;
use super::standstill::Standstill;
use crate::runtime::clock::{self, NEVER};
use crate::runtime::crew::StandsBy;
use crate::runtime::engine::{self, alarm};

/// How long all workers must have rested before it is asked whether anything
/// can ever wake them.
const SETTLED: Duration = Duration::from_secs(1);

struct Watchdog {
    limit: u64,
    watches: Vec<Watch>,
    standstill: Standstill,
    /// From when on a worker's time counts: a process that was stopped, or a
    /// machine that slept, has stalled nobody. It moves only if the watchdog
    /// itself came late, so that a stall is counted from its very begin.
    floor: u64,
}

/// Starts it.
pub(super) fn start(limit: Duration) -> io::Result<()> {
    let watches = (0..).take_while(|index| engine::post(*index).is_some());
    let watchdog = Watchdog {
        limit: u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX),
        watches: watches.map(Watch::new).collect(),
        standstill: Standstill::default(),
        floor: clock::now(),
    };
    let builder = thread::Builder::new().name("greenserve-watchdog".to_owned());
    builder.spawn(move || watchdog.run()).map(drop)
}

impl Watchdog {
    fn run(mut self) -> ! {
        let _stands_by = StandsBy::new();
        alarm::sleeper();
        loop {
            match self.look() {
                NEVER => self.rest(),
                at => self.sleep_until(at),
            }
        }
    }

    /// Looks at every worker; when to do it again.
    fn look(&mut self) -> u64 {
        let now = clock::now();
        let (floor, limit) = (self.floor, self.limit);
        let looks = self.watches.iter_mut().map(|watch| watch.look(now, floor, limit));
        looks.fold(NEVER, clock::earlier)
    }

    fn sleep_until(&mut self, at: u64) {
        thread::park_timeout(clock::remaining(at).unwrap_or_default());
        let now = clock::now();
        // Nobody wakes so late only because others want the processor too.
        if now > at.saturating_add(self.limit) {
            self.floor = now;
        }
    }

    /// Sleeps until a worker wakes.
    fn rest(&mut self) {
        alarm::set();
        if !self.watches.iter().all(Watch::rests) {
            return alarm::unset();
        }
        let settled = clock::after(SETTLED);
        while alarm::is_set() && !clock::passed(settled) {
            thread::park_timeout(clock::remaining(settled).unwrap_or_default());
        }
        if alarm::is_set() {
            self.standstill.look();
        }
        while alarm::is_set() {
            thread::park();
        }
        // Whoever woke it did so just now, unless all stood still since.
        let now = clock::now();
        let earliest = now.saturating_sub(self.limit);
        if self.watches.iter().any(|watch| watch.ran_before(earliest)) {
            self.floor = now;
        }
    }
}
