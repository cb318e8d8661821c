//! One worker's thread: its queue, its timers and its loop.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::ptr::{self, NonNull};
use std::time::Duration;

use super::fiber::{self, Fiber};
use super::poll::{Patience, Reports};
use super::seat::Seat;
use super::timers::Timers;
use super::worker::{Delivery, Worker};
use super::{placement, stacks};
use crate::runtime::clock::{self, NEVER};
use crate::runtime::engine::alarm;

/// Coroutines that run between two looks at the sockets, at most.
const RUNS_BEFORE_POLL: u32 = 64;
/// How long they run between two looks, unless one alone takes longer.
const TIME_BEFORE_POLL: Duration = Duration::from_micros(200);

thread_local! {
    static HERE: Cell<*const Local> = const { Cell::new(ptr::null()) };
}

/// What belongs to the thread of a worker and needs no lock.
///
/// The queues hold coroutines that are `queued` or have stepped aside: they
/// take no step until the loop runs them, so their seats live.
pub(super) struct Local {
    index: usize,
    worker: &'static Worker,
    queue: RefCell<VecDeque<NonNull<Seat>>>,
    /// Those that let others run first: behind the sockets that are ready.
    aside: RefCell<VecDeque<NonNull<Seat>>>,
    timers: RefCell<Timers>,
    /// After how many coroutines the clock is looked at.
    stride: Cell<u32>,
}

impl Local {
    pub(super) fn new(index: usize, worker: &'static Worker) -> Local {
        Local {
            index,
            worker,
            queue: RefCell::default(),
            aside: RefCell::default(),
            timers: RefCell::default(),
            stride: Cell::new(1),
        }
    }

    /// Calls `f` with the worker that this thread is; `None` on other threads.
    pub(super) fn with<R>(f: impl FnOnce(&Local) -> R) -> Option<R> {
        // SAFETY: it is set by `run`, which never returns and owns it.
        unsafe { HERE.get().as_ref() }.map(f)
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn push(&self, seat: &Seat) {
        self.queue.borrow_mut().push_back(NonNull::from(seat));
    }

    pub(super) fn push_aside(&self, seat: &Seat) {
        self.aside.borrow_mut().push_back(NonNull::from(seat));
    }

    pub(super) fn timers(&self) -> RefMut<'_, Timers> {
        self.timers.borrow_mut()
    }

    /// Runs coroutines; never returns.
    pub(super) fn run(self) -> ! {
        HERE.set(&raw const self);
        self.worker.post.take();
        // It comes out of a rest too: the watchdog may sleep since before.
        self.worker.post.pulse.wake();
        alarm::sound();
        let mut reports = Reports::new();
        loop {
            self.worker.inbox.drain(|delivery| self.accept(delivery));
            let ran = self.run_some();
            self.worker.post.ran(ran.into());
            self.worker.load.hold_timers(self.timers.borrow().len());
            self.look(&mut reports);
        }
    }

    fn accept(&self, delivery: Delivery) {
        match delivery {
            Delivery::Woken(seat) => self.queue.borrow_mut().push_back(seat),
            Delivery::Arrival => {
                if let Some(arrival) = self.worker.arrivals.pop() {
                    self.queue.borrow_mut().push_back(arrival.seat);
                }
            }
            Delivery::Retired(record) => drop(record),
        }
    }

    /// Runs what is queued, but not for so long that sockets would wait, and
    /// returns how many coroutines.
    fn run_some(&self) -> u32 {
        let begin = clock::now();
        self.worker.post.pulse.beat(begin);
        let until = begin + TIME_BEFORE_POLL.as_nanos() as u64;
        let mut looked = begin;
        let mut unlooked = 0;
        for ran in 0..RUNS_BEFORE_POLL {
            let Some(seat) = self.next() else {
                return ran;
            };
            Self::run_one(seat);
            unlooked += 1;
            if unlooked >= self.stride.get() {
                let now = clock::now();
                if now >= until {
                    return ran + 1;
                }
                self.adapt(now - looked, unlooked);
                (looked, unlooked) = (now, 0);
            }
        }
        RUNS_BEFORE_POLL
    }

    /// The first of the queue; what the one after it will run on is fetched
    /// from memory meanwhile.
    fn next(&self) -> Option<NonNull<Seat>> {
        let mut queue = self.queue.borrow_mut();
        let seat = queue.pop_front();
        if let Some(after) = queue.front() {
            // SAFETY: a seat in the queue lives, see above.
            fiber::prefetch(unsafe { after.as_ref() }.fiber());
        }
        seat
    }

    /// Looking at the clock costs as much as a switch: it is done after each
    /// coroutine that takes long, and after several that do not.
    fn adapt(&self, took: u64, runs: u32) {
        const LONGEST_STRIDE: u32 = 8;
        let is_quick = took / u64::from(runs) < TIME_BEFORE_POLL.as_nanos() as u64 / 16;
        let stride = if is_quick { (runs * 2).min(LONGEST_STRIDE) } else { 1 };
        self.stride.set(stride);
    }

    fn run_one(seat: NonNull<Seat>) {
        let fiber = {
            // SAFETY: a seat in the queue lives, see above; it may be gone as
            // soon as its coroutine has run.
            let seat = unsafe { seat.as_ref() };
            seat.resume();
            seat.fiber()
        };
        let Some(fiber) = NonNull::new(fiber) else {
            return;
        };
        // SAFETY: the seat's coroutine has not ended; it was placed on this
        // worker, whose thread alone resumes it.
        if unsafe { Fiber::resume(fiber) } {
            // SAFETY: it has ended, and its seat was the only way to it.
            unsafe { Fiber::free(fiber) };
        }
    }

    /// Takes in what sockets and timers have to say, and waits for it when
    /// there is nothing else to do.
    fn look(&self, reports: &mut Reports) {
        let patience = self.patience();
        if patience != Patience::None {
            self.worker.post.pulse.rest();
        }
        self.worker.poll.wait(reports, patience, |record, readout| {
            // SAFETY: it is registered here, or was when the kernel reported,
            // and is let go of on this thread only after this batch.
            unsafe { &*record }.report(readout);
        });
        if patience != Patience::None {
            self.worker.inbox.awake();
            self.worker.post.pulse.wake();
            alarm::sound();
        }
        self.fire();
        self.queue.borrow_mut().append(&mut self.aside.borrow_mut());
    }

    /// How long it may sleep.
    fn patience(&self) -> Patience {
        let is_busy = !self.queue.borrow().is_empty() || !self.aside.borrow().is_empty();
        if is_busy || !self.worker.inbox.may_sleep() {
            return Patience::None;
        }
        let timer = self.timers.borrow().first().unwrap_or(NEVER);
        let chores = clock::earlier(stacks::trim_if_due(), placement::settle(self.index));
        match clock::remaining(clock::earlier(timer, chores)) {
            None => Patience::Endless,
            Some(left) => Patience::Nanos(left.as_nanos() as u64),
        }
    }

    fn fire(&self) {
        if self.timers.borrow().first().is_none() {
            return;
        }
        let now = clock::now();
        loop {
            let due = self.timers.borrow_mut().next_due(now);
            let Some(seat) = due else {
                return;
            };
            // SAFETY: its coroutine is parked on this worker, or runs no
            // sooner than this loop goes on.
            unsafe { seat.as_ref() }.wake();
        }
    }
}
