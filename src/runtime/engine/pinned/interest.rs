//! A descriptor that coroutines wait for.
//!
//! It is registered with the worker of the coroutine that first used it. What
//! is reported there wakes whoever waits, on whatever worker that is, so a
//! socket may move from one to another; waiting on its own worker is the
//! cheaper of the two.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::{Arc, Mutex};

use nix::errno::Errno;

use super::local::Local;
use super::seat::Seat;
use super::slot::{Slot, Wake};
use super::worker::{self, Delivery};
use crate::error::WaitError;
use crate::runtime::engine::edges::{Direction, Edges};
use crate::runtime::engine::readout::Readout;

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
    slots: [Slot<Seat>; 2],
}

/// A coroutine's place in a slot.
pub(in crate::runtime) struct Claim<'a> {
    slot: &'a Slot<Seat>,
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

    pub(in crate::runtime::engine) fn descriptor(&self) -> RawFd {
        self.fd
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

/// In one call, where fcntl(2) would need two for each connection.
fn never_block(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let yes: libc::c_int = 1;
    // SAFETY: FIONBIO reads one int, which outlives the call.
    let done = unsafe { libc::ioctl(descriptor.as_raw_fd(), libc::FIONBIO, &yes) };
    Errno::result(done)?;
    Ok(())
}

impl Record {
    /// Takes in a report. By the thread of the record's worker.
    pub(super) fn report(&self, readout: Readout) {
        self.edges.report(readout);
        if readout.readable() {
            self.slots[0].wake(gate(&self.slots[0]));
        }
        if readout.writable() {
            self.slots[1].wake(gate(&self.slots[1]));
        }
    }
}

impl Wake for Seat {
    fn wake(&self) {
        Seat::wake(self);
    }
}

/// The gate of a slot. Few wait on a worker that is not the socket's, so slots
/// share some.
fn gate(slot: &Slot<Seat>) -> &'static Mutex<()> {
    static GATES: [Mutex<()>; 16] = [const { Mutex::new(()) }; 16];
    &GATES[(ptr::from_ref(slot).addr() >> 6) % GATES.len()]
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
        self.slot.clear(self.is_foreign, gate(self.slot));
    }
}
