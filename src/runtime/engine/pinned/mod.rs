//! The engine on which a coroutine never leaves its thread.
//!
//! # One worker
//!
//! A worker is a thread with a loop ([`Loop`]): it runs the coroutines of its
//! queue, looks at its sockets, fires its timers, takes in what other threads
//! sent, and sleeps in epoll when there is nothing to do. Queue and timers
//! belong to the thread and need no lock; what others may touch is the
//! [`Worker`]: its inbox, its epoll instance and its counts.
//!
//! # How a wake-up travels
//!
//! A coroutine that waits is parked at its [`Seat`]. Whoever wakes it moves the
//! seat from *parked* to *queued*, and who did that puts it into the queue: on
//! the coroutine's own worker directly, from anywhere else through that
//! worker's inbox, whose bell rings only if the worker sleeps. A report of the
//! kernel finds the seat in the registration's slot and takes the same way.
//!
//! # Why nothing is stolen
//!
//! A coroutine that has begun may keep a thread-local borrowed, an `Rc` or a
//! lock guard on its stack, so it goes on where it began. What evens out the
//! load is where coroutines begin ([`placement`]), and a coroutine that has
//! not begun, and can, is moved off a worker that is held up.

mod fiber;
mod inbox;
mod interest;
mod local;
mod placement;
mod poll;
mod region;
mod seat;
mod shim;
mod slot;
mod stacks;
mod state;
mod timers;
mod worker;

#[cfg(feature = "tls")]
pub(super) use fiber::release_unused;
pub(super) use fiber::{adopt, disown, in_coroutine, owner};
pub(super) use interest::{Claim, Interest};
pub(super) use placement::spawn;
pub(super) use seat::Seat;
pub(super) use stacks::{remark, stack_bytes, stacks_within, trim, usage as stack_usage};
pub(super) use worker::{count as workers, post, start, timers};

pub(super) fn is_acceptor() -> bool {
    local::Local::with(local::Local::index) == Some(worker::acceptor())
}

/// The worker that the caller's coroutine runs on for good.
pub(super) fn this_thread() -> Option<usize> {
    fiber::in_coroutine()
        .then(|| local::Local::with(local::Local::index))
        .flatten()
}
