//! The stacks: cut from regions, kept warm for the next coroutine, given back.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::region::{self, Guard, PAGE, Region};
use crate::runtime::clock::{self, NEVER};
use crate::runtime::engine::stack_usage::StackUsage;
use crate::runtime::lock::lock;

/// How much of a warm stack stays when it is trimmed: what an ordinary handler
/// touches again at once.
const KEPT: usize = 2 * PAGE;
/// How long after a coroutine's end its warm stack may keep what deep calls
/// touched.
const TRIM_AFTER: Duration = Duration::from_secs(1);

/// The size of every stack, its guard included. Set before the first is cut.
static STACK_BYTES: AtomicUsize = AtomicUsize::new(0);
/// When warm stacks are to be trimmed; [`NEVER`] while none was used.
static TRIM_AT: AtomicU64 = AtomicU64::new(NEVER);

static POOL: Mutex<Pool> = Mutex::new(Pool {
    warm: Vec::new(),
    trimmed: 0,
    cold: Vec::new(),
    region: Region::empty(),
    mapped: 0,
    most_warm: 0,
});

/// The address space of one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    bottom: NonZeroUsize,
}

struct Pool {
    /// With the memory of the coroutine before; the last one is used first.
    warm: Vec<Slot>,
    /// How many of them, from the first on, have been trimmed.
    trimmed: usize,
    /// Address space only.
    cold: Vec<Slot>,
    region: Region,
    mapped: usize,
    most_warm: usize,
}

/// Sets the size of all stacks and how many are kept warm.
pub(super) fn configure(stack_bytes: usize, most_warm: usize) {
    STACK_BYTES.store(stack_bytes, Ordering::Relaxed);
    lock(&POOL).most_warm = most_warm;
}

/// The size of all stacks; 0 before the start.
pub(in crate::runtime::engine) fn stack_bytes() -> usize {
    STACK_BYTES.load(Ordering::Relaxed)
}

/// A stack that nobody uses.
///
/// # Errors
/// When the system has no room for another one.
pub(super) fn take() -> io::Result<Slot> {
    lock(&POOL).take().map_err(|err| {
        let text = format!("the system refused to map another coroutine stack: {err}");
        io::Error::new(err.kind(), text)
    })
}

/// The stack of a coroutine that has ended.
pub(super) fn give_back(slot: Slot) {
    if TRIM_AT.load(Ordering::Relaxed) == NEVER {
        TRIM_AT.store(clock::after(TRIM_AFTER), Ordering::Relaxed);
    }
    lock(&POOL).give_back(slot);
}

/// How many stacks the process can have, given the maps it has left.
pub(in crate::runtime::engine) fn stacks_within(maps: usize) -> usize {
    match Guard::kind().maps_a_stack() {
        0 => usize::MAX,
        each => maps / each,
    }
}

/// Said once, where stacks cost more than they might.
pub(in crate::runtime::engine) fn remark() -> Option<&'static str> {
    (Guard::kind() == Guard::Page).then_some(
        "this kernel cannot mark guard pages (MADV_GUARD_INSTALL, Linux 6.13): each stack takes two memory maps",
    )
}

/// Gives the memory back that stacks hold and no coroutine uses.
pub(in crate::runtime::engine) fn trim() {
    let mut pool = lock(&POOL);
    let warm = std::mem::take(&mut pool.warm);
    pool.trimmed = 0;
    for slot in warm {
        pool.chill(slot);
    }
    TRIM_AT.store(NEVER, Ordering::Relaxed);
}

/// What the stacks take now.
pub(in crate::runtime::engine) fn usage() -> StackUsage {
    let pool = lock(&POOL);
    let (warm, cold) = (pool.warm.len(), pool.cold.len());
    let uncut = pool.region.bytes();
    StackUsage {
        mapped: pool.mapped,
        in_use: pool.mapped - uncut - (warm + cold) * stack_bytes(),
        kept: warm * stack_bytes(),
    }
}

/// Trims warm stacks if it is time; otherwise says when it will be.
pub(super) fn trim_if_due() -> u64 {
    let at = TRIM_AT.load(Ordering::Relaxed);
    if !clock::passed(at) {
        return at;
    }
    lock(&POOL).trim_warm();
    NEVER
}

impl Pool {
    fn take(&mut self) -> io::Result<Slot> {
        if let Some(slot) = self.warm.pop() {
            self.trimmed = self.trimmed.min(self.warm.len());
            return Ok(slot);
        }
        if let Some(slot) = self.cold.pop() {
            return Ok(slot);
        }
        let stack = stack_bytes();
        if let Some(bottom) = self.region.cut(stack)? {
            return Ok(Slot { bottom });
        }
        self.region = Region::map(stack, self.mapped)?;
        self.mapped += self.region.bytes();
        match self.region.cut(stack)? {
            Some(bottom) => Ok(Slot { bottom }),
            None => Err(io::ErrorKind::OutOfMemory.into()),
        }
    }

    fn give_back(&mut self, slot: Slot) {
        if self.warm.len() < self.most_warm {
            self.warm.push(slot);
        } else {
            self.chill(slot);
        }
    }

    /// All its memory goes back.
    fn chill(&mut self, slot: Slot) {
        // SAFETY: no coroutine has it.
        unsafe { slot.release(slot.top()) };
        self.cold.push(slot);
    }

    /// Of each warm stack used since the last time, all but the top goes back.
    fn trim_warm(&mut self) {
        TRIM_AT.store(NEVER, Ordering::Relaxed);
        for slot in &self.warm[self.trimmed..] {
            // SAFETY: it is in the pool, so no coroutine has it.
            unsafe { slot.release(slot.top().saturating_sub(KEPT)) };
        }
        self.trimmed = self.warm.len();
    }
}

impl Slot {
    /// The slot in whose top page `address` lies.
    pub(super) fn of(address: NonZeroUsize) -> Slot {
        let top = address.get().next_multiple_of(PAGE);
        let bottom = top - stack_bytes();
        Slot {
            bottom: NonZeroUsize::new(bottom).unwrap_or(address),
        }
    }

    /// As [`of`](Slot::of); `None` for a null pointer.
    pub(super) fn of_pointer<T>(pointer: *const T) -> Option<Slot> {
        NonZeroUsize::new(pointer.addr()).map(Slot::of)
    }

    /// Whether `address` is in it, its guard included.
    pub(super) fn contains(self, address: usize) -> bool {
        (self.bottom.get()..self.top()).contains(&address)
    }

    /// All but its guard.
    pub(super) fn usable(self) -> Range<usize> {
        self.bottom.get() + PAGE..self.top()
    }

    pub(super) fn bottom(self) -> NonZeroUsize {
        self.bottom
    }

    fn top(self) -> usize {
        self.bottom.get() + stack_bytes()
    }

    /// Where a `T` goes that ends where the usable stack begins.
    ///
    /// Not at the very top: the same words of all stacks, a multiple of a page
    /// apart, would share the same few lines of the processor's cache. So they
    /// are spread over the first kilobyte of the top page.
    pub(super) fn top_for<T>(self) -> NonZeroUsize {
        const LINE: usize = 64;
        const COLOURS: usize = 8;
        let number = self.bottom.get() / stack_bytes().max(PAGE);
        let colour = number % COLOURS;
        let place = self.top() - colour * LINE - size_of::<T>();
        NonZeroUsize::new(place).unwrap_or(self.bottom)
    }

    /// Gives back what lies deeper than `address`, where its coroutine is now,
    /// and a page more, on which the frames of this very call are.
    ///
    /// # Safety
    /// It is the running coroutine's slot, and `address` one of its locals.
    #[cfg(feature = "tls")]
    pub(super) unsafe fn release_below(self, address: usize) {
        let kept = address.saturating_sub(PAGE) / PAGE * PAGE;
        if self.contains(kept) {
            // SAFETY: a stack has nothing below its innermost frame.
            unsafe { self.release(kept) };
        }
    }

    /// Gives back what lies between the guard and `to`.
    ///
    /// # Safety
    /// Nobody has anything there.
    unsafe fn release(self, to: usize) {
        let from = self.bottom.get() + PAGE;
        if from >= to {
            return;
        }
        // SAFETY: the caller's promise; all of it is a region's.
        if let Err(err) = unsafe { region::give_back(from, to) } {
            log::warn!("the memory of a stack cannot be given back: {err}");
        }
    }
}
