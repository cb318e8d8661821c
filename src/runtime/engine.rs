//! The scheduler underneath: the only file of the crate that names `may`.
//!
//! What a second engine would have to offer is exactly what this file offers
//! to its siblings: start, spawn on a chosen worker, suspend until woken, wake,
//! wait for a descriptor, and one value that belongs to the running coroutine.
//!
//! Of `may` only three things are used: its stacks and switches, its per-worker
//! run queue and its epoll loop. Its timers, its cancellation by panic, its
//! socket types and its locks are not: a timer of `may` resumes coroutines on
//! the one timer thread, and a wake-up from a foreign thread lands on any
//! worker, busy or not.

use std::cell::Cell;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::{fmt, io};

use may::coroutine;
use may::io::{CoIo, WaitIo, WaitIoWaker};
use once_cell::unsync::OnceCell;

use super::panic::message_of;
use super::task::Task;

/// What a thread is to the scheduler.
const NOT_A_RUNNER: usize = usize::MAX;
/// Runs coroutines, but is none of the workers.
const TIMER_THREAD: usize = usize::MAX - 1;

thread_local! {
    static RUNNER: Cell<usize> = const { Cell::new(NOT_A_RUNNER) };
}

may::coroutine_local!(static TASK: OnceCell<Arc<Task>> = OnceCell::new());

/// What this thread is. Never inlined: a coroutine may come back from a switch
/// on another thread, and the address of a thread-local must then not be one
/// that the compiler kept from before the switch.
#[inline(never)]
fn runner() -> usize {
    RUNNER.get()
}

/// True when the caller runs on a coroutine's stack.
///
/// `may` can answer this too, but allocates a record for every thread that
/// asks and never frees it; our threads come and go with connections.
pub(super) fn in_coroutine() -> bool {
    runner() != NOT_A_RUNNER
}

/// The index of the worker that runs the caller, if a worker does.
pub(super) fn current_worker() -> Option<usize> {
    let runner = runner();
    (runner < TIMER_THREAD).then_some(runner)
}

/// Records that this thread is worker `index`.
#[inline(never)]
pub(super) fn become_worker(index: usize) {
    RUNNER.set(index);
}

/// Marks the thread on which `may`'s own timers resume coroutines, so that a
/// handler that calls `may` directly is still known to be a coroutine there.
pub(super) fn mark_timer_thread() {
    coroutine::sleep(std::time::Duration::from_micros(1));
    if runner() == NOT_A_RUNNER {
        mark_this_thread();
    }
    coroutine::yield_now();
}

#[inline(never)]
fn mark_this_thread() {
    RUNNER.set(TIMER_THREAD);
}

/// Hands the settings to `may`. They count from its first coroutine on.
pub(super) fn configure(workers: usize, stack_bytes: usize, pooled_stacks: usize, pin: bool) {
    let config = may::config();
    config
        .set_workers(workers)
        .set_stack_size(stack_bytes / size_of::<usize>())
        .set_pool_capacity(pooled_stacks);
    config.set_worker_pin(pin);
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

/// Starts a coroutine on worker `worker`.
///
/// # Errors
/// When no stack can be mapped: `may` panics then, and the panic ends here.
pub(super) fn spawn(worker: usize, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let builder = coroutine::Builder::new().id(worker);
    // SAFETY: `may` asks two things of who spawns. (1) Thread-locals must not
    // be relied on across a switch: ours are read afresh by functions that are
    // never inlined, and the documentation of `spawn` hands the rule on to
    // users. (2) The stack must not overflow: it ends in a guard page, and
    // `overflow` turns a fault there into a report and the end of the process.
    let spawned = catch_unwind(AssertUnwindSafe(|| unsafe { builder.spawn(body) }));
    match spawned {
        Ok(result) => result.map(drop),
        Err(_) => Err(io::Error::new(
            io::ErrorKind::OutOfMemory,
            "the system refused to map another coroutine stack",
        )),
    }
}

/// Makes `task` the value of the running coroutine.
pub(super) fn adopt(task: Arc<Task>) {
    TASK.with(|cell| {
        // A coroutine is adopted once, as the first thing it does.
        let _ = cell.set(task);
    });
}

/// Calls `f` with the running coroutine's task; a coroutine that something
/// else started through `may` gets one on its first call.
pub(super) fn with_task<R>(f: impl FnOnce(&Arc<Task>) -> R) -> R {
    TASK.with(|cell| f(cell.get_or_init(Task::for_foreign_coroutine)))
}

/// Wakes one coroutine out of [`park`].
#[derive(Clone, Debug)]
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
pub(super) fn before_the_end() {
    coroutine::yield_now();
}

/// A descriptor known to the epoll loop of one worker.
///
/// Owns the registration, not the descriptor: it must be dropped before the
/// descriptor is closed, or it would remove whatever got the number next.
pub(super) struct Interest(CoIo<Descriptor>);

#[derive(Debug)]
struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Interest").field(&self.0.as_raw_fd()).finish()
    }
}

/// What an [`Interest`] was told: epoll's bits, and whether it was [`Waker::wake`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Readout(usize);

impl Readout {
    const WOKEN: usize = 0x8000_0000;
    const READ_CLOSED: usize = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as usize;
    const READABLE: usize = libc::EPOLLIN as usize | libc::EPOLLPRI as usize | Self::READ_CLOSED;
    const WRITABLE: usize = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as usize;

    pub(super) fn readable(self) -> bool {
        self.0 & Self::READABLE != 0
    }

    pub(super) fn writable(self) -> bool {
        self.0 & Self::WRITABLE != 0
    }

    /// The peer will send no more, or the socket failed: every read returns at once.
    pub(super) fn read_closed(self) -> bool {
        self.0 & Self::READ_CLOSED != 0
    }

    /// The kernel reported something, as opposed to a wake-up of our own.
    pub(super) fn is_kernels(self) -> bool {
        self.0 & !Self::WOKEN != 0
    }

    /// We did not wake it; the kernel must have.
    pub(super) fn is_kernels_alone(self) -> bool {
        self.is_kernels() && self.0 & Self::WOKEN == 0
    }
}

impl Interest {
    /// Registers `fd`, edge-triggered, for everything, and makes it non-blocking.
    pub(super) fn register(fd: RawFd) -> io::Result<Interest> {
        CoIo::new(Descriptor(fd)).map(Interest).map_err(Into::into)
    }

    /// The worker on which waits for `fd` end.
    pub(super) fn worker_of(fd: RawFd, workers: usize) -> usize {
        fd.unsigned_abs() as usize % workers
    }

    /// Suspends until something is reported; whatever was reported since the
    /// last call is returned at once. One coroutine at a time.
    pub(super) fn wait(&self) -> Readout {
        Readout(self.0.wait_io())
    }

    pub(super) fn waker(&self) -> Waker {
        Waker(self.0.waker())
    }
}

/// Ends the current or next [`Interest::wait`] from anywhere.
pub(super) struct Waker(WaitIoWaker);

impl Waker {
    pub(super) fn wake(&self) {
        self.0.wakeup();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}
