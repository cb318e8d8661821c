//! The engine over the crate `may`: the only folder that names it.
//!
//! Of `may` only three things are used: its stacks and switches, its per-worker
//! run queue and its epoll loop. Its timers, its cancellation by panic, its
//! socket types and its locks are not: a timer of `may` resumes coroutines on
//! the one timer thread, and a wake-up from a foreign thread lands on any
//! worker, busy or not.
//!
//! A wake-up is delivered on the worker where the coroutine last ran. From
//! that worker's own thread it is a push to its run queue; from anywhere else
//! it goes through the worker's inbox.

mod coroutine;
mod interest;
mod runner;
mod seat;
mod timers;
mod worker;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(in crate::runtime) use coroutine::Foreign;
pub(super) use coroutine::{adopt, disown, owner, owner_in_fault, stack_bytes};
pub(super) use interest::{Interest, Turn};
pub(super) use runner::in_coroutine;
pub(super) use seat::Seat;
pub(super) use worker::{count as workers, post, running, timers};

use super::body::{Body, Unstarted};
use super::place::Place;
use super::settings::Settings;

/// Each stack is one mapping, split in two by its guard page.
pub(super) const MAPS_A_STACK: usize = 2;

pub(super) fn start(settings: Settings, warm_stacks: usize) -> io::Result<()> {
    coroutine::configure(settings, warm_stacks);
    coroutine::starting(|| worker::start(settings.workers))
}

pub(super) fn spawn<B: Body>(place: Place, seat: &Arc<Seat>, body: B) -> Result<(), Unstarted<B>> {
    let home = home_of(place) % worker::count();
    seat.set_home(home);
    coroutine::spawn(home, Arc::clone(seat), body)
}

/// The worker that the caller runs on for good: with several of them, none.
pub(super) fn this_thread() -> Option<usize> {
    runner::current_worker().filter(|_| worker::count() == 1)
}

fn home_of(place: Place) -> usize {
    match place {
        Place::Here => runner::current_worker().unwrap_or_else(next_worker),
        Place::HereOnly(here) => here.index(),
        Place::Anywhere | Place::Client(None) | Place::Acceptor(None) => next_worker(),
        Place::Worker(index) => index,
        // Where its waits end, so that they never change the thread.
        Place::Client(Some(descriptor)) | Place::Acceptor(Some(descriptor)) => interest::worker_of(descriptor),
    }
}

fn next_worker() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
