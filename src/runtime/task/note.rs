//! What a task waits for, as it tells whoever looks on.
//!
//! The task writes and others read, at any moment and without a lock, so what
//! they read of a task that goes on meanwhile may belong to two of its waits.
//! All of it lies in what was padding: nothing may grow.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Task;
use crate::runtime::clock;
use crate::runtime::engine::Seat;
use crate::runtime::trace;

/// What a coroutine waits for when it is no descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Awaited {
    /// It was not said.
    Something,
    /// A [`Mutex`](crate::sync::Mutex), a
    /// [`ReentrantMutex`](crate::sync::ReentrantMutex) or a
    /// [`RwLock`](crate::sync::RwLock).
    Lock,
    /// To be notified through a [`Condvar`](crate::sync::Condvar).
    Condvar,
    /// A permit of a [`Semaphore`](crate::sync::Semaphore).
    Semaphore,
    /// A value, or room for one, in a [`channel`](crate::sync::channel()).
    Channel,
    /// An [`Event`](crate::sync::Event).
    Event,
    /// An [`AsyncResult`](crate::sync::AsyncResult).
    Result,
    /// Whatever comes first of several things, as
    /// [`wait_any`](crate::sync::wait_any) and the results of
    /// [`Pool::imap`](crate::sync::Pool::imap).
    Several,
    /// The end of a [`Group`](crate::sync::Group) or of a
    /// [`scope`](crate::runtime::scope()), or a place in a
    /// [`Pool`](crate::sync::Pool).
    Group,
    /// The end of another coroutine: [`JoinHandle::join`](crate::runtime::JoinHandle::join).
    Coroutine,
    /// The end of a call that was [`offload`](crate::runtime::offload())ed, or
    /// room to queue one.
    Call,
}

/// Every kind of wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::runtime) enum Wait {
    Something,
    Reading,
    Writing,
    Sleeping,
    /// For its turn, having stepped aside.
    Turn,
    Lock,
    Condvar,
    Semaphore,
    Channel,
    Event,
    Result,
    Several,
    Group,
    Coroutine,
    Call,
}

const WAITS: [Wait; 15] = [
    Wait::Something,
    Wait::Reading,
    Wait::Writing,
    Wait::Sleeping,
    Wait::Turn,
    Wait::Lock,
    Wait::Condvar,
    Wait::Semaphore,
    Wait::Channel,
    Wait::Event,
    Wait::Result,
    Wait::Several,
    Wait::Group,
    Wait::Coroutine,
    Wait::Call,
];

/// The note of a task that waits; without it, it runs, or is about to.
const WAITING: u8 = 0x80;
/// Somebody wants a copy of its stack.
const ASKED: u8 = 0x40;
const KIND: u8 = 0x3f;
/// Units in which the depth is kept: 64 MiB of them, the largest stack, fit.
const DEPTH_SHIFT: u32 = 10;

/// What was seen of a coroutine at one moment.
#[derive(Clone, Copy, Debug)]
pub(in crate::runtime) struct Sighting {
    /// `None` while it runs, or is about to.
    pub(in crate::runtime) wait: Option<Wait>,
    pub(in crate::runtime) which: u32,
    /// When the wait began, as a [`clock::stamp`].
    pub(in crate::runtime) since: u32,
    /// When it ends at the latest.
    pub(in crate::runtime) until: u64,
    /// Woken, and standing in line.
    pub(in crate::runtime) is_queued: bool,
    /// Bytes of its stack, as of the beginning of the wait.
    pub(in crate::runtime) stack: usize,
}

impl Task {
    /// The task that runs the caller, which is about to wait for `which`.
    ///
    /// For who looks on it is told apart by its address, without the last four
    /// bits and what is above the 36th.
    pub(crate) fn awaiting<T: ?Sized>(what: Awaited, which: &T) -> Arc<Task> {
        Task::awaiting_number(what, (ptr::from_ref(which).addr() >> 4) as u32)
    }

    /// As [`awaiting`](Task::awaiting), for what has a number.
    pub(crate) fn awaiting_number(what: Awaited, which: u32) -> Arc<Task> {
        let task = Task::current();
        task.note(what.into(), which);
        task
    }

    /// To be called before a wait: what it is for.
    #[inline]
    pub(in crate::runtime) fn note(&self, wait: Wait, which: u32) {
        self.note.store(wait as u8, Ordering::Relaxed);
        self.which.store(which, Ordering::Relaxed);
    }

    /// The coroutine is about to be suspended.
    #[inline]
    pub(super) fn begin_wait(&self) {
        let Some(seat) = self.seat() else {
            return;
        };
        let here = 0_u8;
        let depth = (ptr::from_ref(&here).addr() >> DEPTH_SHIFT) as u16;
        self.depth.store(depth, Ordering::Relaxed);
        seat.note_time(clock::stamp());
        let kind = self.note.load(Ordering::Relaxed) & KIND;
        self.note.store(kind | WAITING, Ordering::Release);
    }

    /// It goes on. Whoever asked for its stack gets it first.
    #[inline]
    pub(super) fn end_wait(&self) {
        let note = self.note.load(Ordering::Relaxed);
        if note & ASKED != 0 {
            self.answer();
        }
        // Asked between these two lines: the asker sees that it goes on.
        // What is noted at every suspension is over, what is noted once for a
        // wait of several stays until the next wait begins.
        let kind = note & KIND;
        let kept = if kind > Wait::Turn as u8 { kind } else { 0 };
        self.note.store(kept, Ordering::Relaxed);
    }

    #[cold]
    fn answer(&self) {
        let stack = self.seat().map_or(0..0, Seat::stack);
        // SAFETY: the task that runs the caller has its seat's stack.
        unsafe { trace::answer(self.id, stack.start, stack.end) };
    }

    /// A copy of the stack of the calling coroutine, whose task this must be;
    /// `None` otherwise.
    pub(in crate::runtime) fn own_stack(&self) -> Option<trace::Snapshot> {
        let is_own = Task::with_current(|task| ptr::eq(&raw const **task, self));
        let top = self.seat().filter(|_| is_own)?.stack().end;
        // SAFETY: it is this very stack.
        Some(unsafe { trace::Snapshot::of_caller(top) })
    }

    /// Suspends by `suspend`, seen by who looks on.
    #[inline]
    pub(in crate::runtime) fn suspended<R>(&self, suspend: impl FnOnce() -> R) -> R {
        self.begin_wait();
        let result = suspend();
        self.end_wait();
        result
    }

    /// Asks a coroutine that waits for its stack; false if it does not wait, or
    /// is asked already. Who asked must then rouse it.
    pub(in crate::runtime) fn ask(&self) -> bool {
        let note = self.note.load(Ordering::Relaxed);
        note & WAITING != 0
            && note & ASKED == 0
            && self
                .note
                .compare_exchange(note, note | ASKED, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Whether a coroutine that was asked has not gone on since.
    pub(in crate::runtime) fn is_asked(&self) -> bool {
        self.note.load(Ordering::Relaxed) & ASKED != 0
    }

    /// What can be seen of a coroutine from outside; `None` for a thread.
    pub(in crate::runtime) fn sighting(&self) -> Option<Sighting> {
        let seat = self.seat()?;
        let note = self.note.load(Ordering::Acquire);
        let wait = (note & WAITING != 0).then(|| Wait::of_code(note & KIND));
        let depth = u32::from(self.depth.load(Ordering::Relaxed));
        let top = (seat.stack().end >> DEPTH_SHIFT) as u32;
        Some(Sighting {
            wait,
            which: self.which.load(Ordering::Relaxed),
            since: seat.since(),
            until: seat.wake_at(),
            is_queued: seat.is_queued(),
            stack: (top.wrapping_sub(depth) as u16 as usize) << DEPTH_SHIFT,
        })
    }
}

impl Wait {
    fn of_code(code: u8) -> Wait {
        WAITS.get(usize::from(code)).copied().unwrap_or(Wait::Something)
    }
}

impl From<Awaited> for Wait {
    fn from(what: Awaited) -> Wait {
        match what {
            Awaited::Something => Wait::Something,
            Awaited::Lock => Wait::Lock,
            Awaited::Condvar => Wait::Condvar,
            Awaited::Semaphore => Wait::Semaphore,
            Awaited::Channel => Wait::Channel,
            Awaited::Event => Wait::Event,
            Awaited::Result => Wait::Result,
            Awaited::Several => Wait::Several,
            Awaited::Group => Wait::Group,
            Awaited::Coroutine => Wait::Coroutine,
            Awaited::Call => Wait::Call,
        }
    }
}

/// What it is for that is neither a descriptor, nor time, nor its turn.
impl From<Wait> for Awaited {
    fn from(wait: Wait) -> Awaited {
        match wait {
            Wait::Lock => Awaited::Lock,
            Wait::Condvar => Awaited::Condvar,
            Wait::Semaphore => Awaited::Semaphore,
            Wait::Channel => Awaited::Channel,
            Wait::Event => Awaited::Event,
            Wait::Result => Awaited::Result,
            Wait::Several => Awaited::Several,
            Wait::Group => Awaited::Group,
            Wait::Coroutine => Awaited::Coroutine,
            Wait::Call => Awaited::Call,
            Wait::Something | Wait::Reading | Wait::Writing | Wait::Sleeping | Wait::Turn => Awaited::Something,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_wait_is_read_as_it_was_written() {
        for wait in WAITS {
            assert_eq!(Wait::of_code(wait as u8), wait);
        }
    }
}
