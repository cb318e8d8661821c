//! One worker's timers: who must be roused when.
//!
//! Arming must be cheap, since a socket with a timeout arms on every read and
//! nearly always disarms before time. So a coroutine has at most one entry, and
//! disarming leaves it where it is: the next deadline is nearly always later,
//! and then arming writes one word. The entry that comes due looks at that
//! word and, if the coroutine wants to be roused later, moves there.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::interest::{Registration, worker_among};
use super::seat::Seat;
use crate::runtime::clock::{self, NEVER};
use crate::runtime::lock::lock;

/// Where a coroutine's one timer entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Armed {
    pub(super) worker: usize,
    pub(super) at: u64,
}

/// The timers of one worker, run by a coroutine of that worker.
pub(super) struct Timers {
    worker: usize,
    queue: Mutex<Queue>,
    // Dropped before the descriptor it is registered for.
    interest: Registration,
    clock: TimerFd,
}

#[derive(Default)]
struct Queue {
    /// By instant, then by seat; an instant may be shared.
    entries: BTreeMap<(u64, usize), Arc<Seat>>,
    /// What the descriptor is set to; [`NEVER`] when to nothing.
    programmed: u64,
}

/// A descriptor from `make` whose waits end on worker `worker`.
///
/// The scheduler ties a descriptor to a worker by its number, so descriptors
/// are made until one has a number that fits.
pub(super) fn descriptor_on<T: AsFd>(
    worker: usize,
    workers: usize,
    mut make: impl FnMut() -> nix::Result<T>,
) -> io::Result<T> {
    let mut misfits = Vec::new();
    loop {
        let descriptor = make()?;
        if worker_among(descriptor.as_fd().as_raw_fd(), workers) == worker {
            return Ok(descriptor);
        }
        misfits.push(descriptor);
    }
}

/// The entry keeps the seat, so that no other one has its address.
fn key_of(seat: &Seat) -> usize {
    std::ptr::from_ref(seat).addr()
}

impl Timers {
    pub(super) fn new(worker: usize, workers: usize) -> io::Result<Timers> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let clock = descriptor_on(worker, workers, || TimerFd::new(ClockId::CLOCK_MONOTONIC, flags))?;
        let interest = Registration::new(clock.as_fd().as_raw_fd())?;
        Ok(Timers {
            worker,
            queue: Mutex::default(),
            interest,
            clock,
        })
    }

    /// Rouses coroutines as their deadlines pass; never returns.
    pub(super) fn run(&self) {
        loop {
            self.interest.wait();
            for ((at, _), seat) in self.due() {
                self.fire(at, &seat);
            }
        }
    }

    /// Has the coroutine of `seat` roused at `at` unless its queued entry comes first anyway.
    pub(super) fn arm(&self, seat: &Arc<Seat>, at: u64, forget: impl FnOnce(Armed, &Seat)) {
        let mut armed = lock(&seat.armed);
        if let Some(entry) = *armed {
            if entry.worker == self.worker && entry.at <= at {
                return;
            }
            forget(entry, seat);
        }
        *armed = Some(Armed {
            worker: self.worker,
            at,
        });
        self.insert(at, seat);
    }

    pub(super) fn remove(&self, at: u64, seat: &Seat) {
        lock(&self.queue).entries.remove(&(at, key_of(seat)));
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.queue).entries.len()
    }

    fn insert(&self, at: u64, seat: &Arc<Seat>) {
        let mut queue = lock(&self.queue);
        queue.entries.insert((at, key_of(seat)), Arc::clone(seat));
        self.program(&mut queue);
    }

    /// Takes out what is due and sets the descriptor to what comes next.
    fn due(&self) -> BTreeMap<(u64, usize), Arc<Seat>> {
        let mut queue = lock(&self.queue);
        let later = queue.entries.split_off(&(clock::now().saturating_add(1), 0));
        let due = std::mem::replace(&mut queue.entries, later);
        queue.programmed = NEVER;
        self.program(&mut queue);
        due
    }

    fn fire(&self, at: u64, seat: &Arc<Seat>) {
        {
            let mut armed = lock(&seat.armed);
            if *armed
                != Some(Armed {
                    worker: self.worker,
                    at,
                })
            {
                return;
            }
            let wanted = seat.wake_at();
            if wanted == NEVER {
                *armed = None;
                return;
            }
            if wanted > clock::now() {
                *armed = Some(Armed {
                    worker: self.worker,
                    at: wanted,
                });
                self.insert(wanted, seat);
                return;
            }
            *armed = None;
        }
        seat.rouse();
    }

    /// Sets the descriptor to the first entry if it is set later or not at all.
    fn program(&self, queue: &mut Queue) {
        let Some(&(first, _)) = queue.entries.keys().next() else {
            return;
        };
        if queue.programmed != NEVER && queue.programmed <= first {
            return;
        }
        // Zero would disarm the descriptor.
        let left = clock::remaining(first).unwrap_or_default().max(Duration::from_nanos(1));
        let expiration = Expiration::OneShot(TimeSpec::from_duration(left));
        match self.clock.set(expiration, TimerSetTimeFlags::empty()) {
            Ok(()) => queue.programmed = first,
            Err(err) => log::error!(
                "cannot set the timer of worker {}: {err}; deadlines may be late",
                self.worker
            ),
        }
    }
}
