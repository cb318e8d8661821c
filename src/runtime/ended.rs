//! What is told of a coroutine that has ended, and who is told.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::panic::Panic;
use super::task::Task;

/// A coroutine that has ended, as [`JoinHandle::link`](super::JoinHandle::link)
/// tells it: what a callback of gevent's `Greenlet.link` is given.
#[derive(Clone, Debug)]
pub struct Ended {
    task: Arc<Task>,
    how: End,
}

/// How a coroutine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It returned, whatever it returned: a coroutine whose waits were ended
    /// by a kill returns too, mostly an error.
    Returned,
    /// It panicked.
    Panicked,
    /// It was killed before it began, and nothing of it ran.
    Killed,
}

impl Ended {
    pub(super) fn new(task: Arc<Task>, how: End) -> Ended {
        Ended { task, how }
    }

    /// The coroutine that ended.
    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// How it ended.
    pub fn how(&self) -> End {
        self.how
    }

    /// True when it returned: `successful()` in gevent.
    #[doc(alias = "successful")]
    pub fn is_successful(&self) -> bool {
        self.how == End::Returned
    }
}

/// Somebody who wants to be told of an end, once.
pub(crate) struct Link(Box<dyn FnOnce(Ended) + Send>);

impl Link {
    pub(crate) fn new(told: impl FnOnce(Ended) + Send + 'static) -> Link {
        Link(Box::new(told))
    }

    /// Tells of the end. A panic of who is told ends here.
    pub(super) fn call(self, ended: Ended) {
        let name = ended.task.name().clone();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.0)(ended))) {
            log::error!("what was linked to the coroutine {}", Panic::new(&name, payload));
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(..)")
    }
}
