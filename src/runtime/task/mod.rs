//! One line of execution: a coroutine, or a thread that waits as one does.
//!
//! Everything that can wait in this crate waits through the task that runs it,
//! so that one kill flag, one deadline and one name reach every kind of wait.

mod current;
mod ending;
mod extras;
mod note;
mod values;
mod wait;

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::clock::NEVER;
use super::engine::Seat;
use super::name::Name;
use crate::error::KillReason;
pub(super) use current::Interrupted;
pub(super) use extras::{Inherit, Kept, Value, let_go};
pub use note::Awaited;
pub(super) use note::{Sighting, Wait};
pub(super) use wait::threads_waiting;

/// It was [killed](Task::kill).
const KILLED: u8 = 1;
/// What it waits for may end by [`dismiss`](Task::dismiss), and has.
const DISMISSED: u8 = 2;
/// It has [`extras`].
const EXTRAS: u8 = 4;
/// Who asked to be told of its end has been.
const ENDED: u8 = 8;
/// It stands for one that has ended.
const NOBODY: u8 = 16;

/// A coroutine or thread of this process, as seen by whoever wants to name,
/// wake or kill it.
pub struct Task {
    parker: Parker,
    /// The deadline of the innermost [`Timeout`](crate::sync::Timeout) around
    /// what runs now. Written by the task alone.
    scope: AtomicU64,
    /// [`KILLED`] and the others.
    marks: AtomicU8,
    /// What it waits for, and whether it does: see [`note`].
    note: AtomicU8,
    /// How deep its stack was when it began to wait: a part of the address.
    depth: AtomicU16,
    /// Which of them it waits for.
    which: AtomicU32,
    id: u64,
    name: Name,
}

/// A part of every coroutine's memory.
const _: () = assert!(size_of::<Task>() == 88);

enum Parker {
    Coroutine(Seat),
    Thread(Box<Token>),
}

/// What a parked thread waits for.
#[derive(Debug, Default)]
struct Token {
    given: Mutex<bool>,
    changed: Condvar,
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Task {
    fn new(name: Name, parker: Parker) -> Arc<Task> {
        Arc::new(Task {
            parker,
            scope: AtomicU64::new(NEVER),
            marks: AtomicU8::new(0),
            note: AtomicU8::new(0),
            depth: AtomicU16::new(0),
            which: AtomicU32::new(0),
            id: next_id(),
            name,
        })
    }

    /// The task of a coroutine that is about to be started.
    pub(super) fn for_coroutine(name: Name) -> Arc<Task> {
        Self::new(name, Parker::Coroutine(Seat::new()))
    }

    /// What the engine keeps for this coroutine; `None` for a thread.
    pub(super) fn seat(&self) -> Option<&Seat> {
        match &self.parker {
            Parker::Coroutine(seat) => Some(seat),
            Parker::Thread(_) => None,
        }
    }

    /// A number no other task of this process has or had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name it was given when it started.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// True for a coroutine, false for a thread.
    pub fn is_coroutine(&self) -> bool {
        matches!(self.parker, Parker::Coroutine(_))
    }

    fn has(&self, mark: u8) -> bool {
        self.marks.load(Ordering::Acquire) & mark != 0
    }

    /// True once [`kill`](Task::kill) was called.
    pub fn is_killed(&self) -> bool {
        self.has(KILLED)
    }

    /// Ends this task's present wait and refuses every later one. A coroutine
    /// that has not begun never will: what it was given is dropped.
    ///
    /// The wait returns an [`io::Error`](std::io::Error) that carries
    /// [`WaitError::Killed`](crate::error::WaitError::Killed); nothing unwinds,
    /// destructors run in their normal order. A task that computes and never
    /// waits is not reached, and neither is a thread inside a system call of
    /// its own.
    pub fn kill(self: &Arc<Task>) {
        self.marks.fetch_or(KILLED, Ordering::SeqCst);
        self.tell_of_kill();
        self.rouse();
    }

    /// Ends this task's present wait and refuses further ones, until it is
    /// [recalled](Task::recall): for a part of its code that it has said may be
    /// ended like this.
    pub(crate) fn dismiss(&self) {
        self.marks.fetch_or(DISMISSED, Ordering::SeqCst);
        self.rouse();
    }

    /// It may wait again.
    pub(crate) fn recall(&self) {
        self.marks.fetch_and(!DISMISSED, Ordering::SeqCst);
    }

    /// As [`kill`](Task::kill), for a reason that the killed one finds in the
    /// error of its wait: `Greenlet.kill(exception)` in gevent.
    ///
    /// [`WaitError::of`](crate::WaitError::of) still says
    /// [`Killed`](crate::WaitError::Killed), and
    /// [`WaitError::reason`](crate::WaitError::reason) finds the reason there;
    /// code that has no [`io::Error`](std::io::Error) at hand asks
    /// [`kill_reason`](super::kill_reason). A reason is an error or a text. The
    /// first one stays, whatever kills come after; one that comes after a kill
    /// without is found by the waits from then on.
    pub fn kill_with(self: &Arc<Task>, reason: impl Into<Box<dyn Error + Send + Sync>>) {
        self.kill_for(KillReason::new(reason));
    }

    pub(crate) fn kill_for(self: &Arc<Task>, reason: KillReason) {
        let spare = self.extras(|extras| match extras.reason {
            Some(_) => Some(reason),
            None => extras.reason.replace(reason),
        });
        drop(spare);
        self.kill();
    }

    /// What the first [`kill_with`](Task::kill_with) gave; `None` if nobody
    /// killed it or nobody said why.
    pub fn kill_reason(&self) -> Option<KillReason> {
        self.known_extras(|extras| extras.reason.clone()).flatten()
    }

    /// The deadline set by the innermost timeout around the present code.
    pub(crate) fn scope(&self) -> u64 {
        self.scope.load(Ordering::Relaxed)
    }

    /// Sets the scope's deadline and returns the one before it.
    pub(crate) fn enter_scope(&self, deadline: u64) -> u64 {
        self.scope.swap(deadline, Ordering::Relaxed)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if *self.marks.get_mut() & EXTRAS != 0 {
            extras::forget(self.id);
        }
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("killed", &self.is_killed())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_takes_its_extras_along() {
        crate::runtime::start().unwrap();
        let task = Task::for_coroutine(Name::Static("never"));
        let id = task.id();
        assert!(
            task.kill_reason().is_none() && !extras::is_known(id),
            "asking makes none"
        );
        task.kill_with("a reason");
        assert!(task.at_end(|| ()).is_some());
        assert!(extras::is_known(id));
        drop(task);
        assert!(!extras::is_known(id));
    }
}
