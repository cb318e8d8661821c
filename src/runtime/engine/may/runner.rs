//! What a thread is to the scheduler.

use std::cell::Cell;

const NOT_A_RUNNER: usize = usize::MAX;
/// Runs coroutines, but is none of the workers.
const TIMER_THREAD: usize = usize::MAX - 1;

thread_local! {
    static RUNNER: Cell<usize> = const { Cell::new(NOT_A_RUNNER) };
}

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
pub(in crate::runtime::engine) fn in_coroutine() -> bool {
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

/// Records that this is the thread on which `may`'s own timers resume
/// coroutines, unless it is known as something else.
#[inline(never)]
pub(super) fn become_timer_thread() {
    if RUNNER.get() == NOT_A_RUNNER {
        RUNNER.set(TIMER_THREAD);
    }
}
