//! How many coroutines do what.

use crate::runtime::registry::{Walk, live_count};
use crate::runtime::task::{Awaited, Sighting, Wait};

/// All that a coroutine can wait for but a descriptor, time and its turn, each
/// with what it is called where words are told.
const AWAITED: [(Awaited, &str); 11] = [
    (Awaited::Something, "something"),
    (Awaited::Lock, "lock"),
    (Awaited::Condvar, "condvar"),
    (Awaited::Semaphore, "semaphore"),
    (Awaited::Channel, "channel"),
    (Awaited::Event, "event"),
    (Awaited::Result, "result"),
    (Awaited::Several, "several"),
    (Awaited::Group, "group"),
    (Awaited::Coroutine, "coroutine"),
    (Awaited::Call, "call"),
];

/// How many coroutines did what when they were looked at; see [`census`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Census {
    /// They ran; on the engine `may` also those that were woken and would run.
    pub running: usize,
    /// They were woken, or had stepped aside, and stood in line.
    pub ready: usize,
    /// In [`sleep`](crate::runtime::sleep).
    pub sleeping: usize,
    /// They waited until a descriptor can be read; accept loops too.
    pub reading: usize,
    /// They waited until a descriptor can be written, or is connected.
    pub writing: usize,
    /// They had not begun. Counted apart from the others, so it is right only
    /// while none begins or ends.
    pub not_begun: usize,
    /// Bytes of their stacks that those that waited were using, each in whole
    /// KiB: the least memory that their stacks take.
    pub stack_depth: usize,
    waiting: [usize; AWAITED.len()],
}

/// Counts what every coroutine does, as [`dump`](super::dump()) would tell it.
///
/// It looks at each of them, without a question to the system, and holds a lock
/// for 128 at a time: 100,000 take some 10 ms of the caller, in which workers go
/// on. So a coroutine that asks keeps its own worker for that long; it is not made to
/// step aside, since the caller may hold a lock of std. Ask some times a minute,
/// from a thread of its own where there are very many.
///
/// ```
/// use greenserve::runtime::{self, Awaited};
///
/// let census = runtime::census();
/// assert_eq!(census.waiting(Awaited::Lock), 0);
/// let states: Vec<_> = census.states().map(|(state, _)| state).collect();
/// assert!(states.contains(&"running") && states.contains(&"lock"));
/// ```
pub fn census() -> Census {
    let mut census = Census::default();
    let mut seen = 0;
    for tasks in Walk::default() {
        for sighting in tasks.iter().filter_map(|task| task.sighting()) {
            census.count(&sighting);
            seen += 1;
        }
    }
    census.not_begun = live_count().saturating_sub(seen);
    census
}

impl Census {
    /// How many waited for this.
    pub fn waiting(&self, what: Awaited) -> usize {
        let place = AWAITED.iter().position(|(awaited, _)| *awaited == what);
        place.map_or(0, |place| self.waiting[place])
    }

    /// Every state by its name, in lower case, and how many were in it: the
    /// fields above, `something`, `lock`, `condvar`, `semaphore`, `channel`,
    /// `event`, `result`, `several`, `group`, `coroutine` and `call`. Each
    /// coroutine is in one of them.
    pub fn states(&self) -> impl Iterator<Item = (&'static str, usize)> + '_ {
        let states = [
            ("running", self.running),
            ("ready", self.ready),
            ("sleeping", self.sleeping),
            ("reading", self.reading),
            ("writing", self.writing),
            ("not_begun", self.not_begun),
        ];
        let waiting = AWAITED
            .iter()
            .zip(self.waiting)
            .map(|((_, name), count)| (*name, count));
        states.into_iter().chain(waiting)
    }

    fn count(&mut self, seen: &Sighting) {
        let Some(wait) = seen.wait else {
            self.running += 1;
            return;
        };
        self.stack_depth += seen.stack;
        let count = match wait {
            _ if seen.is_queued => &mut self.ready,
            Wait::Turn => &mut self.ready,
            Wait::Sleeping => &mut self.sleeping,
            Wait::Reading => &mut self.reading,
            Wait::Writing => &mut self.writing,
            other => {
                let what = Awaited::from(other);
                let place = AWAITED.iter().position(|(awaited, _)| *awaited == what);
                &mut self.waiting[place.unwrap_or(0)]
            }
        };
        *count += 1;
    }
}
