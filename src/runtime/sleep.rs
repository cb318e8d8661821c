//! Waits for a time, and stepping aside.

use std::time::{Duration, Instant};
use std::{io, thread};

use super::task::{Task, Wait};
use super::{clock, engine};
use crate::error::WaitError;

/// Waits for `duration`; in a coroutine, lets others run meanwhile, also when
/// it is zero (`gevent.sleep(0)`).
///
/// # Errors
/// An [`io::Error`] that carries a [`WaitError`] when the coroutine is killed
/// or the deadline of a surrounding [`Timeout`](crate::sync::Timeout) passes.
pub fn sleep(duration: Duration) -> io::Result<()> {
    sleep_until_tick(clock::after(duration))
}

/// Waits until `instant`, as [`sleep`] does.
///
/// # Errors
/// As [`sleep`].
pub fn sleep_until(instant: Instant) -> io::Result<()> {
    sleep_until_tick(clock::ticks(instant))
}

fn sleep_until_tick(until: u64) -> io::Result<()> {
    let task = Task::current();
    if clock::passed(until) {
        task.may_wait(clock::NEVER)?;
        yield_now();
        return Ok(());
    }
    loop {
        task.note(Wait::Sleeping, 0);
        match task.park(until) {
            Ok(()) => {}
            Err(WaitError::Deadline) => return Ok(()),
            Err(err) => return Err(err.into()),
        }
    }
}

/// Lets other coroutines run, and sockets that became ready before them.
///
/// In a thread this is [`std::thread::yield_now`]. A coroutine that is being
/// unwound by a panic does not switch.
pub fn yield_now() {
    if !engine::in_coroutine() {
        return thread::yield_now();
    }
    if thread::panicking() {
        return;
    }
    Task::current().step_aside();
}
