//! Which task runs the caller.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::note::Wait;
use super::{ENDED, KILLED, NOBODY, Parker, Task};
use crate::runtime::engine::{self, Foreign, Seat};
use crate::runtime::name::Name;

thread_local! {
    static THREAD: OfThread = OfThread(Task::for_this_thread());
}

/// The task of a thread, which ends with the thread.
struct OfThread(Arc<Task>);

impl Drop for OfThread {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Task {
    /// The task that runs the caller.
    pub fn current() -> Arc<Task> {
        Task::with_current(|task| {
            // Whatever it waits for next, it says anew.
            task.note(Wait::Something, 0);
            Arc::clone(task)
        })
    }

    /// Calls `f` with the task that runs the caller.
    pub(crate) fn with_current<R>(f: impl FnOnce(&Arc<Task>) -> R) -> R {
        match engine::owner(for_foreign_coroutine) {
            Some(owner) => f(&borrow(owner)),
            // Its own last references are being dropped.
            None if engine::in_coroutine() => f(&Task::nobody()),
            None => Task::with_thread(f),
        }
    }

    /// As [`with_current`](Task::with_current), on a thread.
    fn with_thread<R>(f: impl FnOnce(&Arc<Task>) -> R) -> R {
        let mut f = Some(f);
        let called = THREAD.try_with(|task| f.take().map(|f| f(&task.0)));
        match (called, f) {
            (Ok(Some(result)), _) => result,
            // The thread's own values are being dropped.
            (_, Some(f)) => f(&Task::nobody()),
            (_, None) => unreachable!("`f` is taken by who returns its result"),
        }
    }

    /// The coroutine that runs on this thread, if `address` lies on its stack
    /// or in the guard below. Takes no lock and allocates nothing: this is for
    /// a signal handler.
    pub(in crate::runtime) fn in_fault_at<'a>(address: usize) -> Option<&'a Task> {
        let owner = engine::owner_in_fault()?;
        // SAFETY: as in `borrow`; the coroutine stands still at its fault.
        let task = unsafe { owner.cast::<Task>().as_ref() };
        task.seat()
            .is_some_and(|seat| seat.has_on_stack(address))
            .then_some(task)
    }

    /// Makes this the task of the running coroutine, which keeps it until its
    /// end.
    pub(in crate::runtime) fn adopt(self: &Arc<Task>) {
        if let Some(seat) = self.seat() {
            engine::adopt(seat, as_owner(self));
        }
    }

    /// The end of a coroutine: nobody finds its task by it any more.
    pub(in crate::runtime) fn disown(&self) {
        if let Some(seat) = self.seat() {
            engine::disown(seat);
        }
    }

    /// The coroutine that runs on worker `index`, whose thread a signal handler
    /// has interrupted. Takes no lock and allocates nothing.
    pub(in crate::runtime) fn in_signal(index: usize) -> Option<Interrupted> {
        let owner = engine::owner_in_signal(index)?.cast::<Task>();
        // SAFETY: as in `borrow`; the coroutine stands still below the handler,
        // and takes its task away before it lets go of it.
        let stack = unsafe { owner.as_ref() }.seat()?.stack();
        // SAFETY: it is an `Arc<Task>`, as in `borrow`, and lives now.
        unsafe { Arc::increment_strong_count(owner.as_ptr()) };
        Some(Interrupted { task: owner, stack })
    }

    /// False in a destructor that runs when its coroutine, or its thread, has
    /// ended already.
    pub(in crate::runtime) fn is_somebody(&self) -> bool {
        !self.has(NOBODY)
    }

    /// The task of what runs where one has ended: of the destructors of its very
    /// last references. It is killed, so that nothing waits in it, keeps no
    /// values, and is made anew for each who asks: nobody shares it.
    fn nobody() -> Arc<Task> {
        let task = Task::new(Name::Static("what has ended"), Parker::Thread(Box::default()));
        task.marks.fetch_or(NOBODY | KILLED | ENDED, Ordering::SeqCst);
        task
    }

    fn for_this_thread() -> Arc<Task> {
        let name = match std::thread::current().name() {
            Some(name) => Name::from(name.to_owned()),
            None => Name::Static("thread"),
        };
        Self::new(name, Parker::Thread(Box::default()))
    }
}

/// What a signal handler takes along of the coroutine below it.
#[derive(Debug)]
pub(in crate::runtime) struct Interrupted {
    task: NonNull<Task>,
    pub(in crate::runtime) stack: Range<usize>,
}

// SAFETY: it stands for an `Arc<Task>`, which may be sent.
unsafe impl Send for Interrupted {}

impl Interrupted {
    /// The task, for who may do more than a signal handler.
    pub(in crate::runtime) fn into_task(self) -> Arc<Task> {
        // SAFETY: the count that `in_signal` has added, given up once.
        unsafe { Arc::from_raw(self.task.as_ptr()) }
    }
}

/// The task of a coroutine that something else started through the scheduler.
fn for_foreign_coroutine(seat: Seat) -> Foreign {
    let task = Task::new(Name::Static("foreign coroutine"), Parker::Coroutine(seat));
    let value = as_owner(&task);
    std::mem::forget(task);
    Foreign {
        value,
        release: |owner| {
            // SAFETY: the reference that was forgotten above, given up once.
            let task = unsafe { Arc::from_raw(owner.cast::<Task>().as_ptr()) };
            task.end();
        },
    }
}

fn as_owner(task: &Arc<Task>) -> NonNull<()> {
    NonNull::from(&**task).cast()
}

/// The task behind what a coroutine has adopted, without a count of its own.
fn borrow(owner: NonNull<()>) -> ManuallyDrop<Arc<Task>> {
    // SAFETY: what a coroutine adopts, and what is made for a foreign one, is
    // an `Arc<Task>` that lives until that coroutine's end, and the coroutine
    // is running.
    ManuallyDrop::new(unsafe { Arc::from_raw(owner.cast::<Task>().as_ptr()) })
}
