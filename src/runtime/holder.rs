//! Which task holds something, and how often.

use super::shim::{AtomicU64, Ordering};

/// No task has this number.
const NOBODY: u64 = 0;

/// The task that holds something, if one does; it may take it again.
pub(super) struct Holder {
    task: AtomicU64,
    /// Touched by the thread that runs the holder only. In 64 bits, so that
    /// no number of forgotten guards overflows it.
    depth: AtomicU64,
}

impl Holder {
    /// Takes its atomics: std's can be made in a constant, loom's cannot.
    pub(super) const fn new(task: AtomicU64, depth: AtomicU64) -> Self {
        Holder { task, depth }
    }

    /// Takes it once more, for `task`; false when another task holds it.
    pub(super) fn enter(&self, task: u64) -> bool {
        let entered = self.is(task) || self.take(task);
        if entered {
            let depth = self.depth.load(Ordering::Relaxed);
            self.depth.store(depth + 1, Ordering::Relaxed);
        }
        entered
    }

    /// Gives it up once; it is free when this was done as often as `enter`.
    pub(super) fn leave(&self) {
        let depth = self.depth.load(Ordering::Relaxed) - 1;
        self.depth.store(depth, Ordering::Relaxed);
        if depth == 0 {
            self.task.store(NOBODY, Ordering::Release);
        }
    }

    /// Whether `task` holds it. Only a task itself becomes the holder, so the
    /// answer to its own question does not change meanwhile.
    pub(super) fn is(&self, task: u64) -> bool {
        self.task.load(Ordering::Relaxed) == task
    }

    /// Whether nobody holds it: true until whoever may enter next does.
    pub(super) fn is_free(&self) -> bool {
        self.task.load(Ordering::Relaxed) == NOBODY
    }

    fn take(&self, task: u64) -> bool {
        let taken = self
            .task
            .compare_exchange(NOBODY, task, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }
}
