//! What every socket of this crate shares: a descriptor with its registration,
//! its limits and its kill switch. How an operation is performed on it stands
//! in `perform`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use socket2::SockRef;

use super::overdue::Overdue;
use super::pace::{Pace, Progress, Rules};
use super::time_limits::TimeLimits;
use super::turns::Turns;
use crate::error::WaitError;
use crate::runtime::{self, Readiness, lock};

/// A descriptor with its waits, limits and kill switch.
///
/// In this order, what each message touches fills one cache line and, for its
/// count of bytes, a second one: with thousands of clients every line is
/// fetched from memory anew.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Socket<S: AsFd> {
    // Dropped before the descriptor it is registered for.
    readiness: OnceLock<Readiness>,
    system: S,
    pub(super) turns: Turns,
    /// [`NONBLOCKING`], [`WATCHED`], [`RESETS`], [`AGED`], [`NOT_TAKEN`].
    marks: AtomicU8,
    killed: AtomicBool,
    pub(super) limits: TimeLimits,
    pub(super) pace: Pace,
}

/// Made non-blocking for a thread's deadline.
const NONBLOCKING: u8 = 1;
/// The connection's pace has deadlines to keep.
const WATCHED: u8 = 2;
/// The close shall reset the connection.
const RESETS: u8 = 4;
/// It has been counted that the connection is as old as it may become.
const AGED: u8 = 8;
/// A write came to its deadline, and none has moved anything since.
const NOT_TAKEN: u8 = 16;

const _: () = assert!(std::mem::offset_of!(Socket<std::net::TcpStream>, pace) == 64);
const _: () = assert!(size_of::<Socket<std::net::TcpStream>>() == 128);

impl<S: AsFd> Socket<S> {
    pub(super) fn new(system: S) -> Self {
        Socket::with(system, TimeLimits::none(), Pace::new())
    }

    fn with(system: S, limits: TimeLimits, pace: Pace) -> Self {
        Socket {
            readiness: OnceLock::new(),
            system,
            turns: Turns::default(),
            marks: AtomicU8::new(if pace.rules().is_some() { WATCHED } else { 0 }),
            killed: AtomicBool::new(false),
            limits,
            pace,
        }
    }

    /// A socket on a duplicate of the descriptor, with the same limits and
    /// deadlines.
    pub(super) fn with_duplicate(&self, system: S) -> Self {
        Socket::with(system, self.limits.duplicate(), self.pace.duplicate())
    }

    /// Has the connection keep deadlines from now on.
    pub(super) fn watch(&self, rules: Arc<Rules>) {
        self.pace.follow(rules);
        self.marks.fetch_or(WATCHED, Ordering::Relaxed);
    }

    pub(super) fn is_watched(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & WATCHED != 0
    }

    /// Refuses to go on with a connection that is as old as it may become.
    pub(super) fn check_age(&self) -> io::Result<()> {
        match self.pace.is_too_old() {
            true => Err(self.overdue(Overdue::Connection)),
            false => Ok(()),
        }
    }

    /// The error of a deadline that the client has missed, which is counted.
    pub(super) fn overdue(&self, deadline: Overdue) -> io::Error {
        // Every operation that follows tells of the age again, and it is one.
        let is_known = deadline == Overdue::Connection && self.marks.fetch_or(AGED, Ordering::Relaxed) & AGED != 0;
        if !is_known {
            self.pace.count_missed(deadline);
        }
        if matches!(deadline, Overdue::Write | Overdue::SendRate) {
            self.marks.fetch_or(NOT_TAKEN, Ordering::Relaxed);
        }
        deadline.into_error()
    }

    /// Counts what a write moved.
    pub(super) fn sent(&self, count: usize, of: usize, progress: &Progress) {
        self.pace.sent(count, of, progress);
        if self.is_not_taken() {
            self.marks.fetch_and(!NOT_TAKEN, Ordering::Relaxed);
        }
    }

    /// Whether a write came to its deadline and none has moved anything since: the
    /// kernel would offer what it has for minutes, in memory that nobody counts.
    /// What a write has handed over whole is not meant, however slow its peer is.
    pub(super) fn is_not_taken(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & NOT_TAKEN != 0
    }

    /// Whether the close shall reset the connection.
    pub(super) fn set_resets(&self, resets: bool) {
        match resets {
            true => self.marks.fetch_or(RESETS, Ordering::Relaxed),
            false => self.marks.fetch_and(!RESETS, Ordering::Relaxed),
        };
    }

    pub(super) fn resets(&self) -> bool {
        self.marks.load(Ordering::Relaxed) & RESETS != 0
    }

    pub(super) fn system(&self) -> &S {
        &self.system
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.system.as_fd().as_raw_fd()
    }

    /// Makes every operation on this socket fail from now on. What is blocked
    /// in it must be woken by whoever kills it: `shutdown(2)` does.
    pub(super) fn mark_killed(&self) {
        self.killed.store(true, Ordering::SeqCst);
    }

    pub(super) fn check_killed(&self) -> io::Result<()> {
        if self.killed.load(Ordering::Relaxed) {
            return Err(WaitError::Killed.into());
        }
        Ok(())
    }

    /// The registration; made on the first use in a coroutine.
    pub(super) fn registration(&self) -> io::Result<Option<&Readiness>> {
        if let Some(readiness) = self.readiness.get() {
            return Ok(Some(readiness));
        }
        if !runtime::in_coroutine() {
            return Ok(None);
        }
        self.register().map(Some)
    }

    /// One at a time: a descriptor cannot be registered twice. `OnceLock` lets
    /// nobody fail, and the cell of the crate once_cell is a word too large.
    fn register(&self) -> io::Result<&Readiness> {
        let _gate = lock(self.gate());
        if let Some(readiness) = self.readiness.get() {
            return Ok(readiness);
        }
        let readiness = Readiness::register(self.system.as_fd())?;
        Ok(self.readiness.get_or_init(|| readiness))
    }

    /// Few register at the same moment, so sockets share some gates.
    fn gate(&self) -> &'static Mutex<()> {
        static GATES: [Mutex<()>; 16] = [const { Mutex::new(()) }; 16];
        &GATES[(ptr::from_ref(self).addr() / align_of::<Self>()) % GATES.len()]
    }

    /// The registration if there is one already.
    pub(super) fn registered(&self) -> Option<&Readiness> {
        self.readiness.get()
    }

    pub(super) fn never_block(&self) -> io::Result<()> {
        if self.marks.load(Ordering::Relaxed) & NONBLOCKING == 0 {
            SockRef::from(&self.system).set_nonblocking(true)?;
            self.marks.fetch_or(NONBLOCKING, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl<S: AsFd> AsFd for Socket<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.system.as_fd()
    }
}
