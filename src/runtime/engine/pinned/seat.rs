//! How a coroutine waits and is woken.

use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::fiber::{self, Fiber};
use super::local::Local;
use super::stacks::Slot;
use super::state::State;
use super::worker::{self, Delivery};
use crate::runtime::clock::NEVER;

/// What the engine keeps for one coroutine.
///
/// A pointer to it stands in the queue of its worker, in the inbox on the way
/// there, and in the slot of a registration that it waits for. It stays valid
/// as long: the coroutine keeps its own seat alive until its last step, and can
/// take no step while it is queued; from a slot it removes itself.
#[derive(Debug)]
pub(in crate::runtime) struct Seat {
    state: State,
    /// The worker it was placed on, for good once the coroutine has begun.
    home: AtomicU16,
    /// When the present wait began, on the coarse clock. Told by the
    /// coroutine for who looks on, and for nothing else.
    since: AtomicU32,
    /// The stack it runs on.
    fiber: AtomicPtr<Fiber>,
    /// When the present wait must end; [`NEVER`] between waits. Its worker's
    /// thread alone touches this and the next one.
    wake_at: AtomicU64,
    /// When its one timer entry is due; [`NEVER`] when it has none.
    entry: AtomicU64,
}

impl Seat {
    pub(in crate::runtime::engine) fn new() -> Seat {
        Seat {
            state: State::queued(),
            home: AtomicU16::new(0),
            since: AtomicU32::new(0),
            fiber: AtomicPtr::new(ptr::null_mut()),
            wake_at: AtomicU64::new(NEVER),
            entry: AtomicU64::new(NEVER),
        }
    }

    /// Gives it what it will run on, before anybody can queue it.
    pub(super) fn furnish(&self, fiber: ptr::NonNull<Fiber>) {
        self.fiber.store(fiber.as_ptr(), Ordering::Relaxed);
    }

    pub(super) fn fiber(&self) -> *mut Fiber {
        self.fiber.load(Ordering::Relaxed)
    }

    pub(in crate::runtime::engine) fn home(&self) -> usize {
        self.home.load(Ordering::Relaxed) as usize
    }

    pub(super) fn set_home(&self, worker: usize) {
        self.home.store(worker as u16, Ordering::Relaxed);
    }

    pub(in crate::runtime::engine) fn since(&self) -> &AtomicU32 {
        &self.since
    }

    /// When the present wait ends at the latest, for who looks on.
    pub(in crate::runtime::engine) fn wake_at(&self) -> u64 {
        self.wake_at.load(Ordering::Relaxed)
    }

    pub(in crate::runtime::engine) fn is_queued(&self) -> bool {
        self.state.is_queued()
    }

    /// Its stack, from above the guard to the end; empty before it has one.
    pub(in crate::runtime::engine) fn stack(&self) -> Range<usize> {
        Slot::of_pointer(self.fiber()).map_or(0..0, Slot::usable)
    }

    pub(super) fn resume(&self) {
        self.state.resume();
    }

    pub(in crate::runtime::engine) fn park(&self, until: u64) {
        self.arm(until);
        if self.state.park() {
            fiber::suspend();
        }
        self.wake_at.store(NEVER, Ordering::Relaxed);
    }

    pub(in crate::runtime::engine) fn wake(&self) {
        if self.state.wake() {
            self.queue();
        }
    }

    /// Into the queue of its worker.
    fn queue(&self) {
        let home = self.home();
        let here = Local::with(|local| {
            let is_home = local.index() == home;
            if is_home {
                local.push(self);
            }
            is_home
        });
        if here != Some(true) {
            worker::send(home, Delivery::Woken(ptr::NonNull::from(self)));
        }
    }

    pub(in crate::runtime::engine) fn step_aside(&self) {
        // Its state stays `running`: a wake-up meanwhile is for its next park.
        Local::with(|local| local.push_aside(self));
        fiber::suspend();
    }

    pub(in crate::runtime::engine) fn has_on_stack(&self, address: usize) -> bool {
        Slot::of_pointer(self.fiber()).is_some_and(|slot| slot.contains(address))
    }

    pub(in crate::runtime::engine) fn finish(&self) {
        let entry = self.entry.load(Ordering::Relaxed);
        if entry != NEVER {
            Local::with(|local| local.timers().remove(entry, self));
        }
    }

    /// Sees to it that the coroutine is woken at `until`, unless its queued
    /// entry comes first anyway.
    #[inline]
    fn arm(&self, until: u64) {
        if until == NEVER {
            return;
        }
        self.wake_at.store(until, Ordering::Relaxed);
        let entry = self.entry.load(Ordering::Relaxed);
        if entry == NEVER || entry > until {
            self.enter(entry, until);
        }
    }

    fn enter(&self, replaced: u64, at: u64) {
        Local::with(|local| {
            let mut timers = local.timers();
            if replaced != NEVER {
                timers.remove(replaced, self);
            }
            timers.insert(at, self);
        });
        self.entry.store(at, Ordering::Relaxed);
    }

    /// Its timer entry is due and was taken out: what it now wants.
    pub(super) fn due(&self, now: u64) -> Due {
        let wanted = self.wake_at.load(Ordering::Relaxed);
        let due = match wanted {
            NEVER => Due::Never,
            wanted if wanted > now => Due::Later(wanted),
            _ => Due::Now,
        };
        let entry = if let Due::Later(at) = due { at } else { NEVER };
        self.entry.store(entry, Ordering::Relaxed);
        due
    }
}

/// A part of every coroutine's memory.
const _: () = assert!(size_of::<Seat>() == 32);

/// What becomes of a timer entry whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Now,
    /// The wait it was made for is over; another one ends later.
    Later(u64),
    Never,
}
