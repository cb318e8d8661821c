//! What a coroutine does from its first step to its last.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::engine::Body;
use super::panic::Panic;
use super::registry::{Entry, Reservation};
use super::task::Task;

/// Whether a coroutine was killed before its first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    Runs,
    Killed,
}

/// A coroutine from its first step to its last.
pub(super) struct Life<C, W> {
    pub(super) task: Arc<Task>,
    pub(super) cargo: C,
    pub(super) work: W,
    pub(super) reservation: Reservation,
}

// SAFETY: made by `Builder::start` alone, whose caller promises that what is
// not `Send` stays on this thread.
unsafe impl<C, W> Send for Life<C, W> {}

impl<C, W> Body for Life<C, W>
where
    C: 'static,
    W: FnOnce(C, Beginning) + 'static,
{
    fn run(self) {
        let Life {
            task,
            cargo,
            work,
            reservation,
        } = self;
        task.adopt();
        let entry = Entry::new(&task);
        let beginning = if task.is_killed() {
            Beginning::Killed
        } else {
            Beginning::Runs
        };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(cargo, beginning))) {
            log::error!("{}", Panic::new(task.name(), payload));
        }
        task.finish();
        drop(entry);
        drop(reservation);
        // Neither a signal handler nor the destructor of the name must find
        // what goes now.
        task.disown();
    }
}
