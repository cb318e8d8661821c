//! A coroutine as a dump shows it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::activity::Activity;
use crate::runtime::clock;
use crate::runtime::name::Name;
use crate::runtime::task::Task;
use crate::runtime::trace::Trace;

/// A coroutine as a [`dump()`](crate::runtime::dump()) shows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CoroutineState {
    /// The coroutine's number.
    pub id: u64,
    /// Its name: for a server's, the model, the peer and the handler.
    pub name: Name,
    /// Whether it was killed and has not ended yet.
    pub killed: bool,
    /// The worker that it is on; on the engine `may` the one that it was last
    /// on.
    pub worker: usize,
    /// What it does.
    pub activity: Activity,
    /// How long it has waited, to about 20 ms; `None` while it runs. Right for
    /// two years.
    pub waited: Option<Duration>,
    /// When its wait ends at the latest, from now on: the rest of a sleep, of a
    /// timeout or of a deadline.
    pub left: Option<Duration>,
    /// How many bytes of its stack it uses while it waits, in whole KiB.
    pub stack: Option<usize>,
    /// Where it waits, if that was asked for and it has answered.
    pub trace: Option<Trace>,
}

impl CoroutineState {
    /// `None` for a thread.
    pub(super) fn of(task: &Arc<Task>, trace: Option<Trace>) -> Option<CoroutineState> {
        let seen = task.sighting()?;
        let waits = seen.wait.is_some();
        Some(CoroutineState {
            id: task.id(),
            name: task.name().clone(),
            killed: task.is_killed(),
            worker: task.seat()?.worker(),
            activity: Activity::of(task, &seen),
            waited: waits.then(|| clock::since(seen.since)),
            left: clock::remaining(seen.until).filter(|_| waits),
            stack: waits.then_some(seen.stack),
            trace,
        })
    }
}

/// A line, and one a call if these are known.
impl fmt::Display for CoroutineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "coroutine {} '{}' on worker {} {}",
            self.id, self.name, self.worker, self.activity
        )?;
        if let Some(waited) = self.waited {
            write!(f, ", since {:.2} s", waited.as_secs_f64())?;
        }
        if let Some(left) = self.left {
            write!(f, ", for {:.2} s more at most", left.as_secs_f64())?;
        }
        if let Some(stack) = self.stack {
            write!(f, ", stack {} KiB", stack / 1024)?;
        }
        if self.killed {
            f.write_str(", killed")?;
        }
        match &self.trace {
            Some(trace) if !trace.is_empty() => write!(f, "\n{trace}"),
            _ => Ok(()),
        }
    }
}
