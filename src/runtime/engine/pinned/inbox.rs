//! What other threads send to a worker, and when its bell must ring.

use super::shim::{AtomicBool, Ordering, SegQueue};

/// A queue that one worker empties and every thread fills.
///
/// The bell costs a system call, so it rings only for a worker that sleeps, or
/// is about to: who sends first adds and then looks whether the worker sleeps;
/// the worker first says that it will sleep and then looks whether anything was
/// added. Both swap the same word, so one of them comes second and sees what
/// the other one did before.
#[derive(Debug)]
pub(super) struct Inbox<T> {
    queue: SegQueue<T>,
    /// Something may be in the queue.
    filled: AtomicBool,
    /// The worker sleeps, or is about to.
    asleep: AtomicBool,
}

impl<T> Inbox<T> {
    pub(super) fn new() -> Self {
        Inbox {
            queue: SegQueue::new(),
            filled: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
        }
    }

    /// True when the caller must ring the bell.
    #[must_use = "a worker that sleeps must be woken"]
    pub(super) fn send(&self, item: T) -> bool {
        self.queue.push(item);
        // A swap, so that the worker acquires what every sender did before.
        self.filled.swap(true, Ordering::AcqRel);
        self.rouse()
    }

    /// True when the worker sleeps and the caller must ring the bell.
    #[must_use = "a worker that sleeps must be woken"]
    pub(super) fn rouse(&self) -> bool {
        self.asleep.swap(false, Ordering::AcqRel)
    }

    /// Hands over what was sent. By the worker.
    pub(super) fn drain(&self, mut take: impl FnMut(T)) {
        // Cleared before the queue is read: what comes after the last pop sets
        // it again.
        if self.filled.load(Ordering::Relaxed) && self.filled.swap(false, Ordering::AcqRel) {
            while let Some(item) = self.queue.pop() {
                take(item);
            }
        }
    }

    /// Announces sleep; false when there is something to do first. By the
    /// worker.
    pub(super) fn may_sleep(&self) -> bool {
        self.asleep.swap(true, Ordering::AcqRel);
        let may = !self.filled.load(Ordering::Acquire);
        if !may {
            self.awake();
        }
        may
    }

    /// Sleep is over, whatever ended it. By the worker.
    pub(super) fn awake(&self) {
        self.asleep.swap(false, Ordering::AcqRel);
    }

    /// Whether the worker sleeps; it may wake in the same moment.
    pub(super) fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Relaxed)
    }
}
