//! Every coroutine, and what it does.

mod activity;
mod census;
mod on_signal;
mod state;
mod traces;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;
use std::{fmt, thread};

pub use activity::{Activity, Descriptor};
pub use census::{Census, census};
pub use on_signal::{DumpOnSignal, DumpTo, dump_on_signal};
pub use state::CoroutineState;

use super::registry::{Walk, live_count};
use super::task::Task;
use traces::Traces;

/// Every coroutine that has begun, one after the other, and what it does at
/// that moment: what Python's `faulthandler.dump_traceback` tells of threads,
/// and `gevent.util.print_run_info` of greenlets.
///
/// Nothing stops for it and no lock is held between two of them, so that
/// 100,000 coroutines hold nobody up; one that begins or ends meanwhile is met
/// or missed. Called by a coroutine, the iterator lets others run every now and
/// then.
///
/// Coroutines that have not begun are not among them ([`live_count`] counts
/// them), nor are those that a program has started through the crate `may`.
///
/// ```
/// use greenserve::runtime::{self, Activity};
/// use std::time::Duration;
///
/// let sleeper = runtime::Builder::new().name("sleeper").spawn(|| runtime::sleep(Duration::from_secs(60)))?;
/// let sleeps = || runtime::dump().any(|one| one.id == sleeper.task().id() && one.activity == Activity::Sleeping);
/// while !sleeps() {
///     std::thread::yield_now();
/// }
/// sleeper.kill();
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn dump() -> Dump {
    Dump {
        walk: Walk::default(),
        ready: VecDeque::new(),
        traces: None,
    }
}

/// Writes a [`dump()`] as text, a line a coroutine.
///
/// ```
/// let mut text = Vec::new();
/// greenserve::runtime::dump_to(&mut text)?;
/// assert!(String::from_utf8_lossy(&text).contains("coroutines"));
/// # std::io::Result::Ok(())
/// ```
///
/// # Errors
/// What `out` returns.
pub fn dump_to(out: &mut impl Write) -> io::Result<()> {
    dump().write_to(out)
}

/// An iterator over coroutines, made by [`dump()`].
#[must_use = "it looks at no coroutine until it is asked to"]
pub struct Dump {
    walk: Walk,
    ready: VecDeque<CoroutineState>,
    traces: Option<Traces>,
}

impl Dump {
    /// Also has every coroutine that waits tell where it does, for at most
    /// `within` altogether; the rest comes without.
    ///
    /// Each is roused for it, copies its own stack and waits on. This costs the
    /// workers some microseconds for each, and the iterator waits for them as
    /// [`sleep`](super::sleep) does. One that computes is not interrupted, and
    /// neither are those of a worker that does not come back to its loop; their
    /// [`trace`](CoroutineState::trace) is `None`.
    pub fn with_backtraces(mut self, within: Duration) -> Dump {
        self.traces = Some(Traces::new(within));
        self
    }

    /// Writes all of it as text: a line a coroutine, and one a call.
    ///
    /// # Errors
    /// What `out` returns.
    pub fn write_to(self, out: &mut impl Write) -> io::Result<()> {
        let mut shown: usize = 0;
        writeln!(out, "{} coroutines, {} workers", live_count(), super::engine::workers())?;
        for state in self {
            writeln!(out, "{state}")?;
            shown += 1;
        }
        let others = live_count().saturating_sub(shown);
        writeln!(out, "end of {shown} coroutines; about {others} have not begun")
    }

    fn fill(&mut self) -> Option<()> {
        let tasks = self.walk.next()?;
        let mut traces = match &mut self.traces {
            Some(traces) => traces.of(&tasks),
            None => Vec::new(),
        }
        .into_iter();
        let states = tasks.iter().map(|task| {
            let trace = traces.next().flatten();
            CoroutineState::of(task, trace)
        });
        self.ready.extend(states.flatten());
        let_others_run();
        Some(())
    }
}

impl Iterator for Dump {
    type Item = CoroutineState;

    fn next(&mut self) -> Option<CoroutineState> {
        while self.ready.is_empty() {
            self.fill()?;
        }
        self.ready.pop_front()
    }
}

impl fmt::Debug for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dump")
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

fn let_others_run() {
    if !thread::panicking() {
        Task::current().step_aside();
    }
}
