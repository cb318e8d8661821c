//! A descriptor that coroutines wait for.
//!
//! It is registered with the worker of the coroutine that first used it. What
//! is reported there wakes whoever waits, on whatever worker that is, so a
//! socket may move from one to another; waiting on its own worker is the
//! cheaper of the two.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::local::Local;
use super::seat::Seat;
use super::worker::{self, Delivery};
use crate::error::WaitError;
use crate::runtime::engine::edges::{Direction, Edges};
use crate::runtime::engine::readout::Readout;
use crate::runtime::lock::lock;

/// The owner of a registration.
#[derive(Debug)]
pub(in crate::runtime) struct Interest {
    record: Arc<Record>,
    fd: RawFd,
}

/// What a report finds. The epoll instance owns one reference.
#[derive(Debug)]
pub(super) struct Record {
    edges: Edges,
    /// Who gets the reports.
    worker: u32,
    slots: [Slot; 2],
}

/// Who waits for one direction: a seat, or null.
///
/// A seat of the record's own worker is put in, taken out and woken by that
/// worker's thread alone. One of another worker is marked [`FOREIGN`] and
/// taken out and woken under its [`gate`] only: who finds it there wakes it
/// before it can go.
#[derive(Debug)]
struct Slot(AtomicPtr<Seat>);

const FOREIGN: usize = 1;

const _: () = assert!(align_of::<Seat>() > FOREIGN);

/// A coroutine's place in a slot.
pub(in crate::runtime) struct Claim<'a> {
    slot: &'a Slot,
    seat: &'a Seat,
    is_foreign: bool,
}

impl Interest {
    pub(in crate::runtime::engine) fn register(fd: RawFd) -> io::Result<Interest> {
        let Some(index) = Local::with(Local::index) else {
            return Err(io::Error::other("only a coroutine can wait for a descriptor"));
        };
        let record = Arc::new(Record {
            edges: Edges::new(),
            worker: index as u32,
            slots: [Slot::empty(), Slot::empty()],
        });
        // SAFETY: the caller owns the descriptor and keeps it open until the
        // interest is dropped.
        let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
        never_block(descriptor)?;
        let theirs = Arc::into_raw(Arc::clone(&record));
        if let Err(err) = worker::all()[index].poll.add(descriptor, theirs) {
            // SAFETY: it was not taken.
            drop(unsafe { Arc::from_raw(theirs) });
            return Err(err);
        }
        Ok(Interest { record, fd })
    }

    #[inline]
    pub(in crate::runtime::engine) fn edges(&self) -> &Edges {
        &self.record.edges
    }

    pub(in crate::runtime::engine) fn claim<'a>(
        &'a self,
        direction: Direction,
        seat: &'a Seat,
    ) -> Result<Claim<'a>, WaitError> {
        let is_foreign = seat.home() != self.record.worker as usize;
        let slot = &self.record.slots[direction.index()];
        if !slot.put(seat, is_foreign) {
            return Err(WaitError::Busy);
        }
        Ok(Claim { slot, seat, is_foreign })
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        let index = self.record.worker as usize;
        // SAFETY: an interest is dropped before its descriptor is closed.
        let descriptor = unsafe { BorrowedFd::borrow_raw(self.fd) };
        if let Err(err) = worker::all()[index].poll.remove(descriptor) {
            // Its reports may go on: the record must stay for ever.
            return log::error!("descriptor {} cannot be taken out of epoll: {err}", self.fd);
        }
        // SAFETY: the reference that the epoll instance owned, which from now
        // on reports nothing for it.
        let theirs = unsafe { Arc::from_raw(Arc::as_ptr(&self.record)) };
        // What was reported before may still be in the hands of the worker's
        // thread, but on that thread itself it is not: a batch of reports is
        // done with before any coroutine runs.
        if Local::with(Local::index) != Some(index) {
            worker::send(index, Delivery::Retired(theirs));
        }
    }
}

fn never_block(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    if !flags.contains(OFlag::O_NONBLOCK) {
        fcntl(descriptor, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    }
    Ok(())
}

impl Record {
    /// Takes in a report. By the thread of the record's worker.
    pub(super) fn report(&self, readout: Readout) {
        self.edges.report(readout);
        if readout.readable() {
            self.slots[0].wake();
        }
        if readout.writable() {
            self.slots[1].wake();
        }
    }
}

impl Slot {
    fn empty() -> Slot {
        Slot(AtomicPtr::new(ptr::null_mut()))
    }

    /// False when somebody is there already.
    ///
    /// `SeqCst`: who waits announces itself here and then looks at the
    /// reports; who reports looks here afterwards.
    fn put(&self, seat: &Seat, is_foreign: bool) -> bool {
        let seat = ptr::from_ref(seat).cast_mut();
        let marked = if is_foreign {
            seat.map_addr(|address| address | FOREIGN)
        } else {
            seat
        };
        self.0
            .compare_exchange(ptr::null_mut(), marked, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    fn wake(&self) {
        let found = self.0.load(Ordering::SeqCst);
        if found.is_null() {
            return;
        }
        if found.addr() & FOREIGN == 0 {
            // SAFETY: a seat of this very thread, which takes it out before
            // its coroutine ends.
            return unsafe { &*found }.wake();
        }
        let _gate = lock(self.gate());
        let found = self.0.load(Ordering::SeqCst);
        if found.addr() & FOREIGN != 0 {
            // SAFETY: it is taken out under this gate only, before its
            // coroutine ends.
            unsafe { &*found.map_addr(|address| address & !FOREIGN) }.wake();
        }
    }

    fn clear(&self, is_foreign: bool) {
        let _gate = is_foreign.then(|| lock(self.gate()));
        self.0.store(ptr::null_mut(), Ordering::SeqCst);
    }

    /// Few wait on a worker that is not the socket's, so they share some.
    fn gate(&self) -> &'static Mutex<()> {
        static GATES: [Mutex<()>; 16] = [const { Mutex::new(()) }; 16];
        &GATES[(ptr::from_ref(self).addr() >> 6) % GATES.len()]
    }
}

impl Claim<'_> {
    /// Suspends the coroutine until it is woken, by a report or otherwise, or
    /// until `until`. What it was must be looked up in the reports.
    pub(in crate::runtime::engine) fn suspend(&mut self, until: u64) -> bool {
        self.seat.park(until);
        false
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.slot.clear(self.is_foreign);
    }
}
