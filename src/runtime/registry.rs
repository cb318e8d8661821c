//! Every live coroutine, for who wants a list and for the report of an
//! overflow, which may take no lock.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use super::lock::lock;
use super::name::Name;
use super::task::Task;

const SLOTS_A_CHUNK: usize = 1024;
const CHUNKS: usize = 4096;
/// How many coroutines the list can hold.
pub(super) const PLACES: usize = CHUNKS * SLOTS_A_CHUNK;

static CHUNK: [OnceLock<Box<[Slot]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];
static FREE: Mutex<FreeList> = Mutex::new(FreeList {
    free: Vec::new(),
    made: 0,
});
static LIVE: AtomicUsize = AtomicUsize::new(0);

struct Slot {
    /// An address near the top of the coroutine's stack; 0 for an empty slot.
    stack: AtomicUsize,
    /// Owns one reference while the slot is taken.
    task: AtomicPtr<Task>,
}

struct FreeList {
    free: Vec<usize>,
    made: usize,
}

/// A coroutine as a list shows it; see [`tasks`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskState {
    /// The coroutine's number.
    pub id: u64,
    /// Its name: for a server's, the model and the peer.
    pub name: Name,
    /// Whether it was killed and has not ended yet.
    pub killed: bool,
}

/// How many coroutines live now, those of the runtime itself not counted.
pub fn live_count() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// Every live coroutine that has begun to run, in no order.
pub fn tasks() -> Vec<TaskState> {
    let list = lock(&FREE);
    (0..list.made)
        .filter_map(|index| {
            let task = slot(index).task.load(Ordering::Acquire);
            // SAFETY: a slot's pointer is set and cleared under the lock that
            // is held here, and owns a reference while it is set.
            unsafe { task.as_ref() }.map(|task| TaskState {
                id: task.id(),
                name: task.name().clone(),
                killed: task.is_killed(),
            })
        })
        .collect()
}

/// A place among the live coroutines, reserved before the coroutine exists so
/// that a spawn beyond the ceiling is refused.
#[derive(Debug)]
pub(super) struct Reservation(());

impl Reservation {
    /// One of `limit` places, or how many live when all are taken.
    pub(super) fn take(limit: usize) -> Result<Reservation, usize> {
        LIVE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |live| {
            (live < limit).then_some(live + 1)
        })
        .map(|_| Reservation(()))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The entry of a running coroutine; dropping it takes the coroutine off the list.
pub(super) struct Entry(usize);

impl Entry {
    /// Enters the coroutine whose stack the caller runs on.
    pub(super) fn new(task: &Arc<Task>) -> Entry {
        let marker = 0_u8;
        let mut list = lock(&FREE);
        let index = list.free.pop().unwrap_or_else(|| {
            list.made += 1;
            list.made - 1
        });
        let slot = slot(index);
        slot.task
            .store(Arc::into_raw(Arc::clone(task)).cast_mut(), Ordering::Release);
        slot.stack.store(ptr::from_ref(&marker).addr(), Ordering::Release);
        Entry(index)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut list = lock(&FREE);
        let slot = slot(self.0);
        slot.stack.store(0, Ordering::Release);
        let task = slot.task.swap(ptr::null_mut(), Ordering::AcqRel);
        list.free.push(self.0);
        drop(list);
        // SAFETY: the pointer came from `into_raw` in `new`, and this entry,
        // which owned it, is the only one that takes it out.
        drop(unsafe { Arc::from_raw(task) });
    }
}

fn slot(index: usize) -> &'static Slot {
    let chunk = CHUNK[index / SLOTS_A_CHUNK].get_or_init(|| {
        (0..SLOTS_A_CHUNK)
            .map(|_| Slot {
                stack: AtomicUsize::new(0),
                task: AtomicPtr::new(ptr::null_mut()),
            })
            .collect()
    });
    &chunk[index % SLOTS_A_CHUNK]
}

/// Calls `report` with the coroutine whose stack, `stack_bytes` long with a
/// guard page below, contains `address`. Takes no lock and allocates nothing:
/// this runs in a signal handler.
pub(super) fn with_owner_of(address: usize, stack_bytes: usize, report: impl FnOnce(&Task)) {
    const PAGE: usize = 4096;
    let owner = CHUNK.iter().map_while(OnceLock::get).flatten().find(|slot| {
        let top = slot.stack.load(Ordering::Acquire);
        top != 0 && address < top && top - address <= stack_bytes + 2 * PAGE
    });
    let task = owner.map_or(ptr::null_mut(), |slot| slot.task.load(Ordering::Acquire));
    // SAFETY: the fault was on this coroutine's stack, on this thread, so the
    // coroutine is running and cannot leave the list before we return.
    if let Some(task) = unsafe { task.as_ref() } {
        report(task);
    }
}
