//! One line of execution: a coroutine, or a thread that waits as one does.
//!
//! Everything that can wait in this crate waits through the task that runs it,
//! so that one kill flag, one deadline and one name reach every kind of wait.

mod wait;

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};

use super::clock::NEVER;
use super::deadline::Armed;
use super::engine;
use super::lock::lock;
use super::name::Name;
use super::worker;

/// A coroutine or thread of this process, as seen by whoever wants to name,
/// wake or kill it.
// In this order, what each wait touches fills one cache line: with thousands of
// coroutines every line is fetched from memory anew.
#[repr(C, align(64))]
pub struct Task {
    /// The worker this coroutine last ran on: wake-ups are sent there.
    home: AtomicUsize,
    /// Which waker `interest` holds, read without the lock by the task itself.
    interest_key: AtomicPtr<engine::Waker>,
    /// When the present wait must end; [`NEVER`] between waits. The timer
    /// entry may fire earlier and then looks here.
    wake_at: AtomicU64,
    /// The deadline of the innermost [`Timeout`](crate::sync::Timeout) around
    /// what runs now. Written by the task alone.
    scope: AtomicU64,
    /// An address near the top of the coroutine's stack while it lives on it;
    /// 0 before, after, and for a thread.
    stack_top: AtomicUsize,
    killed: AtomicBool,
    id: u64,
    name: Name,
    parker: Parker,
    /// What ends this task's waits for descriptors. It stays set between
    /// waits, since a handler waits for the same socket again and again.
    interest: Mutex<Option<Arc<engine::Waker>>>,
    pub(super) armed: Mutex<Option<Armed>>,
}

enum Parker {
    /// Empty until the coroutine has begun to run.
    Coroutine(OnceLock<engine::Handle>),
    Thread {
        token: Mutex<bool>,
        given: Condvar,
    },
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

thread_local! {
    static THREAD: Arc<Task> = Task::for_this_thread();
}

impl Task {
    fn new(name: Name, parker: Parker, home: usize) -> Arc<Task> {
        Arc::new(Task {
            id: next_id(),
            name,
            parker,
            killed: AtomicBool::new(false),
            home: AtomicUsize::new(home),
            interest: Mutex::new(None),
            interest_key: AtomicPtr::new(ptr::null_mut()),
            wake_at: AtomicU64::new(NEVER),
            scope: AtomicU64::new(NEVER),
            stack_top: AtomicUsize::new(0),
            armed: Mutex::new(None),
        })
    }

    pub(super) fn for_coroutine(name: Name, home: usize) -> Arc<Task> {
        Self::new(name, Parker::Coroutine(OnceLock::new()), home)
    }

    /// For a coroutine that something else started through the scheduler.
    pub(super) fn for_foreign_coroutine() -> Arc<Task> {
        let task = Self::for_coroutine(Name::Static("foreign coroutine"), engine::current_worker().unwrap_or(0));
        task.begin();
        task
    }

    fn for_this_thread() -> Arc<Task> {
        let name = match std::thread::current().name() {
            Some(name) => Name::from(name.to_owned()),
            None => Name::Static("thread"),
        };
        Self::new(
            name,
            Parker::Thread {
                token: Mutex::new(false),
                given: Condvar::new(),
            },
            0,
        )
    }

    /// The task that runs the caller.
    pub fn current() -> Arc<Task> {
        Task::with_current(Arc::clone)
    }

    /// Calls `f` with the task that runs the caller.
    pub(crate) fn with_current<R>(f: impl FnOnce(&Arc<Task>) -> R) -> R {
        if engine::in_coroutine() {
            engine::with_task(f)
        } else {
            THREAD.with(f)
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

    /// True once [`kill`](Task::kill) was called.
    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Acquire)
    }

    /// Ends this task's present wait and refuses every later one.
    ///
    /// The wait returns an [`io::Error`](std::io::Error) that carries
    /// [`WaitError::Killed`](crate::error::WaitError::Killed); nothing unwinds,
    /// destructors run in their normal order. A task that computes and never
    /// waits is not reached, and neither is a thread inside a system call of
    /// its own.
    pub fn kill(self: &Arc<Task>) {
        self.killed.store(true, Ordering::SeqCst);
        self.rouse();
    }

    /// Records, from its own stack, that the coroutine has begun to run.
    pub(super) fn begin(&self) {
        if let Parker::Coroutine(handle) = &self.parker {
            // Set once: a coroutine begins once.
            let _ = handle.set(engine::Handle::current());
        }
    }

    /// Records that this coroutine, whose end we will see, owns the stack.
    pub(super) fn own_stack(&self) {
        let marker = 0_u8;
        self.stack_top.store(ptr::from_ref(&marker).addr(), Ordering::Relaxed);
    }

    /// True when the caller runs on this coroutine's stack, so that this is
    /// the current task: no two live coroutines share a stack, and one that
    /// has ended has none. A cheap answer for who guesses the task; false may
    /// also mean that the coroutine is not one of ours.
    pub(super) fn runs_here(&self) -> bool {
        let marker = 0_u8;
        let depth = self
            .stack_top
            .load(Ordering::Relaxed)
            .wrapping_sub(ptr::from_ref(&marker).addr());
        depth < super::stack_bytes()
    }

    /// The deadline set by the innermost timeout around the present code.
    pub(crate) fn scope(&self) -> u64 {
        self.scope.load(Ordering::Relaxed)
    }

    /// Sets the scope's deadline and returns the one before it.
    pub(crate) fn enter_scope(&self, deadline: u64) -> u64 {
        self.scope.swap(deadline, Ordering::Relaxed)
    }

    pub(super) fn wake_at(&self) -> u64 {
        self.wake_at.load(Ordering::SeqCst)
    }

    /// The coroutine's end: what still points at the task lets go of it.
    pub(super) fn finish(&self) {
        self.stack_top.store(0, Ordering::Relaxed);
        self.disarm();
        worker::forget_timer(self);
        *lock(&self.interest) = None;
        self.interest_key.store(ptr::null_mut(), Ordering::Relaxed);
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
