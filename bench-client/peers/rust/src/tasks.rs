//! What the programs share that time a scheduler: what to time, for how long,
//! and how it is told.

use std::hint;
use std::time::{Duration, Instant};

use crate::{Options, usage_error};

/// Until the scheduler is warm.
pub const WARM_UP: Duration = Duration::from_millis(200);
pub const MEASURED: Duration = Duration::from_millis(800);
/// Between two looks at the clock, which costs as much as a small wake-up.
pub const BATCH: u32 = 100;
/// How long one that works computes before it lets others run.
const COMPUTING: Duration = Duration::from_micros(1);

/// What is timed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Timed {
    /// Starting an empty task from another one, and joining it.
    Spawn,
    /// A message to a task of another worker and one back; both sleep.
    Asleep,
    /// The same while both workers have another task that computes.
    Working,
}

impl Timed {
    /// Of the option `--time`; offers each other option to `extra`.
    pub fn parse(mut extra: impl FnMut(&str, &str) -> bool) -> Timed {
        let mut timed = None;
        Options::parse_with(|name, value| {
            timed = match (name, value) {
                ("--time", "spawn") => Some(Timed::Spawn),
                ("--time", "asleep") => Some(Timed::Asleep),
                ("--time", "working") => Some(Timed::Working),
                _ => return extra(name, value),
            };
            true
        });
        timed.unwrap_or_else(|| usage_error("give --time spawn, asleep or working"))
    }

    pub fn workers(self) -> usize {
        if self == Timed::Spawn { 1 } else { 2 }
    }
}

/// How often something was done, and how long it took.
pub struct Count {
    began: Instant,
    length: Duration,
    count: u32,
}

impl Count {
    pub fn begin(length: Duration) -> Count {
        Count {
            began: Instant::now(),
            length,
            count: 0,
        }
    }

    /// Adds a batch; the nanoseconds each took once the time is over.
    pub fn batch(&mut self) -> Option<f64> {
        self.count += BATCH;
        let elapsed = self.began.elapsed();
        (elapsed >= self.length).then(|| elapsed.as_nanos() as f64 / f64::from(self.count))
    }
}

/// Computes for as long as one does that works.
pub fn compute() {
    let began = Instant::now();
    while began.elapsed() < COMPUTING {
        hint::spin_loop();
    }
}

/// Tells whoever asked.
pub fn tell(nanos: f64) {
    println!("{nanos:.1} ns");
}
