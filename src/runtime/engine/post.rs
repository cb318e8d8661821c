//! A worker's thread, as the watchdog knows it.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use super::pulse::Pulse;

/// Interrupts a worker to see where it is.
///
/// As Go has it: nobody uses it, it does nothing where it is not handled, and
/// debuggers pass it on.
pub(in crate::runtime) const SIGNAL: libc::c_int = libc::SIGURG;

/// Whether workers must expect it.
static EXPECTED: AtomicBool = AtomicBool::new(false);

/// To be called before the workers start.
pub(in crate::runtime) fn expect_signals() {
    EXPECTED.store(true, Ordering::SeqCst);
}

/// Where a worker stands: its pulse, and how its thread is reached.
#[derive(Debug)]
pub(in crate::runtime) struct Post {
    pub(in crate::runtime) pulse: Pulse,
    /// Its number for the kernel; 0 until it is known.
    thread: AtomicI32,
    /// It has a stack for signal handlers, apart from that of a coroutine.
    has_signal_stack: AtomicBool,
    /// How often it has gone on with a coroutine. Its thread alone writes it.
    runs: AtomicU64,
}

impl Post {
    pub(super) fn new() -> Post {
        Post {
            pulse: Pulse::new(),
            thread: AtomicI32::new(0),
            has_signal_stack: AtomicBool::new(false),
            runs: AtomicU64::new(0),
        }
    }

    /// By the worker's thread itself.
    pub(super) fn take(&self) {
        if EXPECTED.load(Ordering::SeqCst) {
            unblock();
        }
        self.has_signal_stack.store(has_signal_stack(), Ordering::Relaxed);
        // SAFETY: it only tells a number.
        self.thread.store(unsafe { libc::gettid() }, Ordering::Release);
    }

    pub(in crate::runtime) fn thread(&self) -> Option<i32> {
        Some(self.thread.load(Ordering::Acquire)).filter(|thread| *thread != 0)
    }

    /// By the worker's thread itself: it has gone on with so many coroutines. No
    /// locked operation, since nobody else writes.
    #[inline]
    pub(super) fn ran(&self, more: u64) {
        self.runs
            .store(self.runs.load(Ordering::Relaxed) + more, Ordering::Relaxed);
    }

    pub(in crate::runtime) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    pub(in crate::runtime) fn has_signal_stack(&self) -> bool {
        self.has_signal_stack.load(Ordering::Relaxed)
    }
}

/// Whoever started this thread may have blocked all signals, to take them in
/// elsewhere.
fn unblock() {
    // SAFETY: the set is initialised by sigemptyset(3), and the mask of the
    // calling thread alone is changed.
    unsafe {
        let mut set = MaybeUninit::uninit();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), SIGNAL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
}

/// std gives one to every thread, in a program whose `main` is Rust's.
fn has_signal_stack() -> bool {
    let mut stack = MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: with no new stack the present one is only read, into `stack`,
    // which is initialised when the call succeeds.
    unsafe {
        libc::sigaltstack(ptr::null(), stack.as_mut_ptr()) == 0 && stack.assume_init().ss_flags & libc::SS_DISABLE == 0
    }
}
