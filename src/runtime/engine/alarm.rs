//! How a worker that begins to work ends the sleep of the watchdog.
//!
//! The watchdog sleeps without end while no worker does anything. Before it
//! does it sets the alarm and looks at every pulse once more; a worker that
//! wakes moves its pulse and then looks whether the alarm is set. One of them
//! comes second and sees what the other one did.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

static IS_SET: AtomicBool = AtomicBool::new(false);
static SLEEPER: OnceLock<Thread> = OnceLock::new();

/// The calling thread is who will be woken.
pub(in crate::runtime) fn sleeper() {
    // There is one watchdog.
    let _ = SLEEPER.set(thread::current());
}

pub(in crate::runtime) fn set() {
    IS_SET.store(true, Ordering::SeqCst);
}

pub(in crate::runtime) fn unset() {
    IS_SET.store(false, Ordering::SeqCst);
}

/// False once somebody has woken the sleeper.
pub(in crate::runtime) fn is_set() -> bool {
    IS_SET.load(Ordering::SeqCst)
}

/// By a worker whose pulse has just moved out of its rest.
#[inline]
pub(super) fn sound() {
    if is_set() {
        wake_sleeper();
    }
}

#[cold]
fn wake_sleeper() {
    if IS_SET.swap(false, Ordering::SeqCst)
        && let Some(sleeper) = SLEEPER.get()
    {
        sleeper.unpark();
    }
}
