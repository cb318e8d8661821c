//! How a coroutine of `may` waits, what ends its wait, and where it goes on.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::coroutine::{Handle, park, stack_bytes};
use super::interest::Waker;
use super::runner;
use super::timers::Armed;
use super::worker::{self, Delivery};
use crate::runtime::clock::NEVER;
use crate::runtime::lock::lock;

/// What the engine keeps for one coroutine.
// In this order, what each wait touches fills one cache line: with thousands of
// coroutines every line is fetched from memory anew.
#[derive(Debug)]
#[repr(C, align(64))]
pub(in crate::runtime) struct Seat {
    /// The worker this coroutine last ran on: wake-ups are sent there.
    home: AtomicUsize,
    /// Which waker `interest` holds, read without the lock by the coroutine.
    interest_key: AtomicPtr<Waker>,
    /// When the present wait must end; [`NEVER`] between waits. The timer
    /// entry may fire earlier and then looks here.
    wake_at: AtomicU64,
    /// Empty until the coroutine has begun to run.
    handle: OnceLock<Handle>,
    /// What ends this coroutine's waits for descriptors. It stays set between
    /// waits, since a handler waits for the same socket again and again.
    interest: Mutex<Option<Arc<Waker>>>,
    /// An address near the top of the coroutine's stack; 0 before it has begun.
    stack_top: AtomicUsize,
    pub(super) armed: Mutex<Option<Armed>>,
    /// What the coroutine has adopted, for who looks on from a signal handler;
    /// null for a foreign one.
    owner: AtomicPtr<()>,
    /// When the present wait began, on the coarse clock; for who looks on.
    since: AtomicU32,
}

impl Seat {
    pub(in crate::runtime::engine) fn new() -> Seat {
        Seat {
            home: AtomicUsize::new(0),
            interest_key: AtomicPtr::new(ptr::null_mut()),
            wake_at: AtomicU64::new(NEVER),
            handle: OnceLock::new(),
            interest: Mutex::new(None),
            stack_top: AtomicUsize::new(0),
            armed: Mutex::new(None),
            owner: AtomicPtr::new(ptr::null_mut()),
            since: AtomicU32::new(0),
        }
    }

    pub(super) fn set_home(&self, home: usize) {
        self.home.store(home, Ordering::Relaxed);
    }

    pub(super) fn set_owner(&self, owner: *mut ()) {
        self.owner.store(owner, Ordering::Relaxed);
    }

    pub(in crate::runtime::engine) fn since(&self) -> &AtomicU32 {
        &self.since
    }

    pub(in crate::runtime::engine) fn home(&self) -> usize {
        self.home.load(Ordering::Relaxed)
    }

    /// Its stack; empty before it has begun.
    ///
    /// It ends with a page, so all of the page of the marker belongs to it. At
    /// the other end it may be longer than is said here.
    pub(in crate::runtime::engine) fn stack(&self) -> Range<usize> {
        const PAGE: usize = 4096;
        let top = self.stack_top.load(Ordering::Relaxed).next_multiple_of(PAGE);
        top.saturating_sub(stack_bytes().saturating_sub(2 * PAGE))..top
    }

    /// Records, from its own stack, that the coroutine has begun to run.
    pub(super) fn begin(&self) {
        // Set once: a coroutine begins once.
        let _ = self.handle.set(Handle::current());
        let marker = 0_u8;
        self.stack_top.store(ptr::from_ref(&marker).addr(), Ordering::Relaxed);
    }

    /// Two pages more than the stack: its guard, and what is above the marker.
    pub(in crate::runtime::engine) fn has_on_stack(&self, address: usize) -> bool {
        const MORE: usize = 2 * 4096;
        let top = self.stack_top.load(Ordering::Relaxed);
        top.checked_sub(address)
            .is_some_and(|depth| depth <= stack_bytes() + MORE)
    }

    pub(in crate::runtime::engine) fn wake_at(&self) -> u64 {
        self.wake_at.load(Ordering::SeqCst)
    }

    pub(in crate::runtime::engine) fn park(self: &Arc<Seat>, until: u64) {
        self.arm(until);
        worker::rests();
        park();
        self.disarm();
        self.settle();
    }

    /// Behind the sockets that are ready: the way through the inbox is also
    /// the way past epoll.
    pub(in crate::runtime::engine) fn step_aside(self: &Arc<Seat>) {
        let here = runner::current_worker().unwrap_or_else(|| self.home.load(Ordering::Relaxed));
        worker::deliver(here, Delivery::Wake(Arc::clone(self)));
        worker::rests();
        park();
        self.settle();
    }

    /// A coroutine that has just begun steps aside when sockets must be polled
    /// first.
    pub(super) fn give_way(self: &Arc<Seat>) {
        if !worker::may_go_on() {
            self.step_aside();
        }
    }

    /// Goes on on worker `target`.
    ///
    /// More than one attempt is needed when a wake-up that was left over ends
    /// the park on the spot, or when the scheduler was built to steal.
    pub(super) fn move_to(self: &Arc<Seat>, target: usize) {
        loop {
            match runner::current_worker() {
                Some(here) if here == target => return,
                Some(here) => worker::send_on(here, self, target),
                None => worker::deliver(target, Delivery::Wake(Arc::clone(self))),
            }
            worker::rests();
            park();
            self.settle();
        }
    }

    pub(in crate::runtime::engine) fn wake(self: &Arc<Seat>) {
        let home = self.home.load(Ordering::Relaxed);
        if worker::may_wake_here(home) {
            self.deliver_wake();
        } else {
            worker::deliver(home, Delivery::Wake(Arc::clone(self)));
        }
    }

    pub(in crate::runtime::engine) fn rouse(self: &Arc<Seat>) {
        let home = self.home.load(Ordering::Relaxed);
        if runner::current_worker() == Some(home) {
            self.deliver_rouse();
        } else {
            worker::deliver(home, Delivery::Rouse(Arc::clone(self)));
        }
    }

    /// The wake-up itself, on the thread of the worker it was sent to.
    pub(super) fn deliver_wake(&self) {
        if let Some(handle) = self.handle.get() {
            handle.unpark();
        }
    }

    /// As [`deliver_wake`](Seat::deliver_wake), for both kinds of wait.
    pub(super) fn deliver_rouse(&self) {
        if let Some(waker) = lock(&self.interest).as_ref() {
            waker.wake();
        }
        self.deliver_wake();
    }

    /// Records what a wait for a descriptor must be ended with.
    pub(super) fn note_interest(&self, waker: &Arc<Waker>) {
        let key = Arc::as_ptr(waker).cast_mut();
        // The stored waker keeps its address taken, so an equal key is the
        // same waker and not a successor at the same place.
        if self.interest_key.load(Ordering::Relaxed) != key {
            *lock(&self.interest) = Some(Arc::clone(waker));
            self.interest_key.store(key, Ordering::Relaxed);
        }
    }

    /// Sees to it that the coroutine is roused at `deadline`.
    #[inline]
    pub(super) fn arm(self: &Arc<Seat>, deadline: u64) {
        if deadline != NEVER {
            self.wake_at.store(deadline, Ordering::SeqCst);
            worker::arm(self, deadline);
        }
    }

    /// The wait is over: a timer entry that is still queued will find nothing.
    pub(super) fn disarm(&self) {
        if self.wake_at.load(Ordering::Relaxed) != NEVER {
            self.wake_at.store(NEVER, Ordering::Relaxed);
        }
    }

    /// After a switch: this worker is where the coroutine lives now.
    pub(super) fn settle(&self) -> Option<usize> {
        worker::runs(self.owner.load(Ordering::Relaxed));
        let here = runner::current_worker()?;
        if self.home.load(Ordering::Relaxed) != here {
            self.home.store(here, Ordering::Relaxed);
        }
        Some(here)
    }

    pub(in crate::runtime::engine) fn finish(&self) {
        self.disarm();
        worker::forget_timer(self);
        *lock(&self.interest) = None;
        self.interest_key.store(ptr::null_mut(), Ordering::Relaxed);
    }
}
