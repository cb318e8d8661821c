//! The workers: each has an inbox for wake-ups from elsewhere, and timers.
//!
//! The inbox also keeps the workers fair. `may` drains its run queue before it
//! looks at sockets again, so coroutines that keep waking each other would
//! starve every socket. After [`WAKES_BEFORE_POLL`] direct wake-ups in a row
//! the next ones take the way through the inbox: the run queue empties, sockets
//! are polled, and the inbox is found among them.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use crossbeam::queue::SegQueue;
use crossbeam::utils::CachePadded;
use nix::sys::eventfd::{EfdFlags, EventFd};
use once_cell::sync::OnceCell;

use super::coroutine::{mark_timer_thread, spawn_plain};
use super::interest::{Registration, Waker};
use super::runner;
use super::seat::Seat;
use super::timers::{Armed, Timers, descriptor_on};
use crate::runtime::clock;
use crate::runtime::engine::alarm;
use crate::runtime::engine::post::Post;
use crate::runtime::lock::lock;

/// Direct wake-ups on one worker between two looks at its sockets.
const WAKES_BEFORE_POLL: u32 = 64;

static WORKERS: OnceCell<Box<[Arc<Worker>]>> = OnceCell::new();

/// What an inbox holds.
pub(super) enum Delivery {
    /// End the coroutine's park.
    Wake(Arc<Seat>),
    /// End whatever wait the coroutine is in.
    Rouse(Arc<Seat>),
    /// End the park of a coroutine that leaves this worker, on the worker it goes to.
    SendOn(Arc<Seat>, usize),
}

pub(super) struct Worker {
    index: usize,
    inbox: SegQueue<Delivery>,
    /// True from the ring of the bell until the inbox is looked at.
    rung: CachePadded<AtomicBool>,
    /// Direct wake-ups since this worker last looked at its sockets.
    direct_wakes: CachePadded<AtomicU32>,
    watched: CachePadded<Watched>,
    // Dropped before the descriptor it is registered for.
    bell_interest: Registration,
    /// Rings without a system call, from this worker's own thread.
    knock: Waker,
    bell: EventFd,
    timers: Timers,
}

/// What the watchdog sees of a worker. The loop is not ours, so this tells of
/// our own coroutines alone, and changes where one of them switches.
struct Watched {
    post: Post,
    /// What the running coroutine has adopted; null while none of ours runs.
    running: AtomicPtr<()>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}

/// Starts the service coroutines of `count` workers and learns which thread
/// each worker is.
pub(super) fn start(count: usize) -> io::Result<()> {
    let workers: Box<[_]> = (0..count)
        .map(|index| Worker::new(index, count).map(Arc::new))
        .collect::<io::Result<_>>()?;
    if WORKERS.set(workers).is_err() {
        return Err(io::Error::other("an earlier start failed half-way"));
    }
    for worker in all() {
        worker.start_services()?;
    }
    spawn_plain(0, mark_timer_thread)
}

fn all() -> &'static [Arc<Worker>] {
    WORKERS.get().map_or(&[], |workers| workers)
}

pub(in crate::runtime::engine) fn count() -> usize {
    all().len()
}

/// The timers of all workers.
pub(in crate::runtime::engine) fn timers() -> usize {
    all().iter().map(|worker| worker.timers.len()).sum()
}

pub(in crate::runtime::engine) fn post(index: usize) -> Option<&'static Post> {
    all().get(index).map(|worker| &worker.watched.post)
}

/// What the coroutine of ours that runs on worker `index` has adopted. On that
/// worker's thread it stays so, and what it points at lives, while this thread
/// does not go on: for a signal handler.
pub(in crate::runtime::engine) fn running(index: usize) -> *mut () {
    let worker = all().get(index);
    worker.map_or(ptr::null_mut(), |worker| worker.watched.running.load(Ordering::Relaxed))
}

/// A coroutine that has adopted `owner` goes on on this thread. One that has
/// adopted nothing may wait and end unseen, so it is not watched.
pub(super) fn runs(owner: *mut ()) {
    if owner.is_null() {
        return;
    }
    if let Some(worker) = runner::current_worker().and_then(|here| all().get(here)) {
        worker.watched.running.store(owner, Ordering::Relaxed);
        worker.watched.post.pulse.wake_at(clock::coarse());
        worker.watched.post.ran(1);
        alarm::sound();
    }
}

/// The coroutine that runs on this thread is about to leave it.
pub(super) fn rests() {
    if let Some(worker) = runner::current_worker().and_then(|here| all().get(here)) {
        worker.watched.post.pulse.rest();
        worker.watched.running.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

/// True when a coroutine of worker `home` may be pushed to the run queue here
/// and now, false when the way through the inbox must be taken.
pub(super) fn may_wake_here(home: usize) -> bool {
    runner::current_worker() == Some(home)
        && all()
            .get(home)
            .is_some_and(|worker| worker.direct_wakes.fetch_add(1, Ordering::Relaxed) < WAKES_BEFORE_POLL)
}

/// True when a coroutine that has just begun may go on, false when sockets
/// must be polled first: `may` can run coroutines that start each other for
/// ever without a look at them, if it was built to steal.
pub(super) fn may_go_on() -> bool {
    runner::current_worker().is_none_or(may_wake_here)
}

/// Has `delivery` carried out on worker `home`.
pub(super) fn deliver(home: usize, delivery: Delivery) {
    if let Some(worker) = all().get(home) {
        worker.inbox.push(delivery);
        worker.ring();
    }
}

/// Has the coroutine of `seat`, which runs on worker `here` and is about to park, go on on
/// worker `target`.
///
/// Not by a wake-up sent straight there: it may arrive before the park, all
/// the more when both workers share a processor, and then end it here. This
/// worker's inbox is looked at once the coroutine has left its thread, and that is
/// when the wake-up sets out.
pub(super) fn send_on(here: usize, seat: &Arc<Seat>, target: usize) {
    if let Some(worker) = all().get(here) {
        worker.inbox.push(Delivery::SendOn(Arc::clone(seat), target));
        worker.knock.wake();
    }
}

/// Worker `here` has just polled its sockets.
pub(super) fn polled(here: Option<usize>) {
    if let Some(worker) = here.and_then(|here| all().get(here))
        && worker.direct_wakes.load(Ordering::Relaxed) != 0
    {
        worker.direct_wakes.store(0, Ordering::Relaxed);
    }
}

/// Has the coroutine of `seat` roused at `at` by the worker it runs on.
pub(super) fn arm(seat: &Arc<Seat>, at: u64) {
    let here = runner::current_worker().unwrap_or(0);
    if let Some(worker) = all().get(here) {
        worker.timers.arm(seat, at, forget);
    }
}

/// Takes the coroutine's timer entry out, wherever it is.
pub(super) fn forget_timer(seat: &Seat) {
    if let Some(entry) = lock(&seat.armed).take() {
        forget(entry, seat);
    }
}

fn forget(entry: Armed, seat: &Seat) {
    if let Some(worker) = all().get(entry.worker) {
        worker.timers.remove(entry.at, seat);
    }
}

impl Worker {
    fn new(index: usize, count: usize) -> io::Result<Worker> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let bell = descriptor_on(index, count, || EventFd::from_flags(flags))?;
        let bell_interest = Registration::new(bell.as_fd().as_raw_fd())?;
        Ok(Worker {
            index,
            inbox: SegQueue::new(),
            rung: CachePadded::new(AtomicBool::new(false)),
            direct_wakes: CachePadded::new(AtomicU32::new(0)),
            watched: CachePadded::new(Watched {
                post: Post::new(),
                running: AtomicPtr::new(ptr::null_mut()),
            }),
            knock: bell_interest.waker(),
            bell_interest,
            bell,
            timers: Timers::new(index, count)?,
        })
    }

    /// Workers start one after the other: while the others sleep, none of them
    /// can take this one's coroutine away (`may` may have been built to steal).
    fn start_services(self: &Arc<Worker>) -> io::Result<()> {
        // One place in the channel: sending never blocks the worker.
        let (ready, learned) = std::sync::mpsc::sync_channel(1);
        let worker = Arc::clone(self);
        spawn_plain(self.index, move || {
            worker.learn_thread();
            let _ = ready.send(());
            worker.run_inbox();
        })?;
        learned.recv().map_err(io::Error::other)?;
        let worker = Arc::clone(self);
        spawn_plain(self.index, move || worker.timers.run())
    }

    /// The thread on which this bell is heard three times running is this
    /// worker's.
    fn learn_thread(&self) {
        let mut heard = (None, 0);
        while heard.1 < 3 {
            self.ring_once();
            self.bell_interest.wait();
            let thread = std::thread::current().id();
            heard = if heard.0 == Some(thread) {
                (heard.0, heard.1 + 1)
            } else {
                (Some(thread), 1)
            };
        }
        runner::become_worker(self.index);
        self.watched.post.take();
    }

    /// Carries out what was delivered; never returns.
    fn run_inbox(&self) {
        loop {
            if self.bell_interest.wait().is_kernels() {
                self.direct_wakes.store(0, Ordering::Relaxed);
            }
            // Cleared before the queue is read: a delivery that comes after
            // the last pop finds it clear and rings again.
            self.rung.store(false, Ordering::SeqCst);
            while let Some(delivery) = self.inbox.pop() {
                match delivery {
                    Delivery::Wake(seat) => seat.deliver_wake(),
                    Delivery::Rouse(seat) => seat.deliver_rouse(),
                    Delivery::SendOn(seat, target) => deliver(target, Delivery::Wake(seat)),
                }
            }
        }
    }

    fn ring(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            self.ring_once();
        }
    }

    /// Never read again: the registration is edge-triggered, so each write is
    /// an event of its own, and the counter is far from full.
    fn ring_once(&self) {
        if let Err(err) = self.bell.write(1) {
            log::error!(
                "cannot ring worker {}: {err}; it may sleep through a wake-up",
                self.index
            );
        }
    }
}
