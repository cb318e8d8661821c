//! Which task runs the caller.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;

use super::note::Wait;
use super::{Parker, Task};
use crate::runtime::engine::{self, Foreign, Seat};
use crate::runtime::name::Name;

thread_local! {
    static THREAD: Arc<Task> = Task::for_this_thread();
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
            None => THREAD.with(f),
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
        // SAFETY: the reference that was forgotten above, given up once.
        release: |owner| drop(unsafe { Arc::from_raw(owner.cast::<Task>().as_ptr()) }),
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
