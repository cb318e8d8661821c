//! `may`'s coroutines: set up, started, parked, and what each of them keeps.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use std::{fmt, io};

use may::coroutine;
use once_cell::unsync::OnceCell;

use super::runner;
use super::seat::Seat;
use super::worker;
use crate::runtime::engine::body::{Body, Unstarted};
use crate::runtime::engine::settings::Settings;
use crate::runtime::lock::lock;
use crate::runtime::panic::message_of;

may::coroutine_local!(static OWNER: OnceCell<Kept> = OnceCell::new());

/// The value of one coroutine.
enum Kept {
    /// Its own first frame keeps it, and takes it away at its end.
    Borrowed(Cell<Option<NonNull<()>>>),
    Owned(Foreign),
}

/// The value of a coroutine that something else started through `may`, and how
/// to let go of it at that coroutine's end.
pub(in crate::runtime) struct Foreign {
    pub(in crate::runtime) value: NonNull<()>,
    pub(in crate::runtime) release: fn(NonNull<()>),
}

impl Drop for Foreign {
    fn drop(&mut self) {
        (self.release)(self.value);
    }
}

/// The size of every stack; 0 before the start.
static STACK_BYTES: AtomicUsize = AtomicUsize::new(0);

pub(in crate::runtime::engine) fn stack_bytes() -> usize {
    STACK_BYTES.load(Ordering::Relaxed)
}

/// Hands the settings to `may`. They count from its first coroutine on.
pub(super) fn configure(settings: Settings, warm_stacks: usize) {
    STACK_BYTES.store(settings.stack_bytes, Ordering::Relaxed);
    let config = may::config();
    config
        .set_workers(settings.workers)
        .set_stack_size(settings.stack_bytes / size_of::<usize>())
        .set_pool_capacity(warm_stacks);
    config.set_worker_pin(settings.pin_workers);
}

/// Calls what makes `may` start. It panics where the system refuses it a
/// descriptor, a map or a thread, and cannot be started again after that.
pub(super) fn starting(start: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    static BROKEN: OnceLock<String> = OnceLock::new();
    if let Some(panic) = BROKEN.get() {
        return Err(io::Error::other(format!("an earlier start failed: {panic}")));
    }
    catch_unwind(AssertUnwindSafe(start)).unwrap_or_else(|payload| {
        let panic = BROKEN.get_or_init(|| message_of(payload.as_ref()));
        Err(io::Error::other(panic.as_str()))
    })
}

/// Starts one of our coroutines on worker `worker`.
///
/// # Errors
/// When no stack can be mapped; the body comes back.
pub(super) fn spawn<B: Body>(worker: usize, seat: Arc<Seat>, body: B) -> Result<(), Unstarted<B>> {
    // Where both sides can reach it, because `may` consumes what it fails to
    // start.
    let body = Arc::new(Mutex::new(Some(body)));
    let theirs = Arc::clone(&body);
    let started = spawn_plain(worker, move || {
        let body = lock(&theirs).take();
        drop(theirs);
        if let Some(body) = body {
            seat.begin();
            seat.give_way();
            body.run();
            worker::rests();
        }
        before_the_end();
    });
    match started {
        Ok(()) => Ok(()),
        Err(error) => match lock(&body).take() {
            Some(body) => Err(Unstarted { error, body }),
            None => Ok(()),
        },
    }
}

/// Starts a coroutine of this engine's own.
///
/// # Errors
/// When no stack can be mapped: `may` panics then, and the panic ends here.
pub(super) fn spawn_plain(worker: usize, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = coroutine::Builder::new().id(worker);
    // SAFETY: `may` asks two things of who spawns. (1) Thread-locals must not
    // be relied on across a switch: ours are read afresh by functions that are
    // never inlined. With one worker no coroutine of ours changes its thread;
    // who asks for more has called an `unsafe` function and answers for what
    // its own code keeps. (2) The stack must not overflow: it ends in a guard
    // page, and `overflow` turns a fault there into a report and the end of
    // the process.
    let spawned = catch_unwind(AssertUnwindSafe(|| unsafe { builder.spawn(body) }));
    match spawned {
        Ok(result) => result.map(drop),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::OutOfMemory,
            "the system refused to map another coroutine stack",
        )),
    }
}

/// Marks the thread on which `may`'s own timers resume coroutines, so that a
/// handler that calls `may` directly is still known to be a coroutine there.
pub(super) fn mark_timer_thread() {
    coroutine::sleep(Duration::from_micros(1));
    runner::become_timer_thread();
    coroutine::yield_now();
}

/// Makes `owner` the value of the running coroutine.
pub(in crate::runtime::engine) fn adopt(seat: &Arc<Seat>, owner: NonNull<()>) {
    seat.set_owner(owner.as_ptr());
    worker::runs(owner.as_ptr());
    OWNER.with(|cell| {
        // A coroutine adopts once, as its first step.
        let _ = cell.set(Kept::Borrowed(Cell::new(Some(owner))));
    });
}

/// Takes the value of the running coroutine away again.
pub(in crate::runtime::engine) fn disown(seat: &Arc<Seat>) {
    OWNER.with(|cell| {
        if let Some(Kept::Borrowed(value)) = cell.get() {
            value.set(None);
        }
    });
    seat.set_owner(std::ptr::null_mut());
    worker::rests();
}

/// The value of the running coroutine; a foreign one gets its own on its first
/// call.
pub(in crate::runtime::engine) fn owner(foreign: impl FnOnce(Arc<Seat>) -> Foreign) -> Option<NonNull<()>> {
    if !runner::in_coroutine() {
        return None;
    }
    let make = || {
        let seat = Seat::new();
        seat.set_home(runner::current_worker().unwrap_or(0));
        seat.begin();
        Kept::Owned(foreign(Arc::new(seat)))
    };
    OWNER.with(|cell| match cell.get_or_init(make) {
        Kept::Borrowed(value) => value.get(),
        Kept::Owned(foreign) => Some(foreign.value),
    })
}

/// As [`owner`], for a signal handler.
pub(in crate::runtime::engine) fn owner_in_fault() -> Option<NonNull<()>> {
    if !runner::in_coroutine() {
        return None;
    }
    OWNER.with(|cell| match cell.get() {
        Some(Kept::Borrowed(value)) => value.get(),
        Some(Kept::Owned(_)) | None => None,
    })
}

/// Wakes one coroutine out of [`park`].
#[derive(Clone)]
pub(super) struct Handle(coroutine::Coroutine);

impl Handle {
    /// The running coroutine. Must be called on a coroutine's stack.
    pub(super) fn current() -> Handle {
        Handle(coroutine::current())
    }

    /// Ends the coroutine's current or next [`park`]. On a worker's thread the
    /// coroutine continues on that worker; elsewhere, on any of them.
    pub(super) fn unpark(&self) {
        self.0.unpark();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle")
    }
}

/// Suspends the running coroutine until its [`Handle::unpark`]; may return
/// without one.
pub(super) fn park() {
    coroutine::park();
}

/// To be the last thing a coroutine does.
///
/// When a wake-up comes in the moment of a [`park`], `may` runs the coroutine
/// on from within that park's book-keeping. Ended there, it would wait for
/// ever, and its worker with it, for this very book-keeping to be over; after a
/// switch it is.
fn before_the_end() {
    coroutine::yield_now();
}
