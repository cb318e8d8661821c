//! One request after the other.

use super::{JobOf, Model, Placement, Sealed, UnstartedOf, Watching};
use crate::family::Family;
use crate::lifecycle::Watch;

/// Each request runs in the accept loop: the synchronous servers of Python.
///
/// One client at a time; the others wait in the kernel's queue. A client that
/// says nothing holds up all: set a timeout.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inline {
    _private: (),
}

impl Inline {
    /// The model with its defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Sealed for Inline {}

impl Model for Inline {
    const NAME: &'static str = "inline";
    const LOOPS_IN_COROUTINE: bool = false;
    const RUNS_IN_LOOP: bool = true;
    const WATCH: Watching = Watching(Watch::Reader);

    fn default_limit(&self) -> usize {
        usize::MAX
    }

    fn dispatch<F: Family>(&self, job: JobOf<F>, _: Placement) -> Result<(), UnstartedOf<F>> {
        // Not recorded as run by this task: who kills the request must not
        // kill the accept loop.
        job.0.run();
        Ok(())
    }

    fn joins_on_close(&self) -> bool {
        true
    }
}
