//! What a coroutine does from its first step to its last.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::engine::{self, Body, Place, Unstarted};
use super::join::JoinError;
use super::panic::Panic;
use super::registry::{Entry, Reservation};
use super::task::{Task, let_go};

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

impl<C, W> Life<C, W>
where
    C: 'static,
    W: FnOnce(C, Beginning) + 'static,
{
    /// Puts it where it begins as soon as its turn comes; `task` is its own.
    ///
    /// # Errors
    /// When no stack can be mapped; it comes back.
    pub(super) fn begin(self, task: &Task, place: Place) -> Result<(), Unstarted<Self>> {
        match task.seat() {
            Some(seat) => engine::spawn(place, seat, self),
            None => unreachable!("the task of a coroutine has a seat"),
        }
    }

    /// Ends it where no coroutine can be started for it.
    pub(super) fn give_up(self) {
        self.task.kill();
        let Life { task, cargo, work, .. } = self;
        run_body(&task, cargo, work, Beginning::Killed);
    }
}

/// All of a life but what the engine is to be told.
fn run_body<C>(task: &Task, cargo: C, work: impl FnOnce(C, Beginning), beginning: Beginning) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(cargo, beginning))) {
        log_panic(task, payload);
    }
    task.end();
}

/// Apart, so that what runs in the coroutine is not below what is needed here.
#[cold]
#[inline(never)]
fn log_panic(task: &Task, payload: Box<dyn Any + Send>) {
    log::error!("{}", Panic::new(task.name(), payload));
}

/// What becomes of `f`, whose coroutine has begun or was killed before; its
/// values are gone then.
pub(super) fn outcome<T>(f: impl FnOnce() -> T, beginning: Beginning) -> Result<T, JoinError> {
    let ended = catch_unwind(AssertUnwindSafe(|| match beginning {
        Beginning::Runs => Some(f()),
        Beginning::Killed => {
            drop(f);
            None
        }
    }));
    Task::with_current(|task| {
        let outcome = match ended {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(JoinError::killed(task)),
            Err(payload) => Err(JoinError::Panicked(Panic::new(task.name(), payload))),
        };
        task.let_go_of_values();
        outcome
    })
}

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
        run_body(&task, cargo, work, beginning);
        task.finish();
        drop(entry);
        drop(reservation);
        // Neither a signal handler nor the destructor of the name must find
        // what goes now.
        task.disown();
        let_go(task);
    }
}
