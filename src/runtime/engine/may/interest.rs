//! A descriptor in `may`'s epoll loop.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};

use may::io::{CoIo, WaitIo, WaitIoWaker};

use super::seat::Seat;
use super::worker;
use crate::error::WaitError;
use crate::runtime::engine::edges::Edges;
use crate::runtime::engine::readout::Readout;

/// The worker on which waits for `fd` end: `may` ties a descriptor to one by
/// its number.
pub(super) fn worker_of(fd: RawFd) -> usize {
    worker_among(fd, worker::count().max(1))
}

pub(super) fn worker_among(fd: RawFd, workers: usize) -> usize {
    fd.unsigned_abs() as usize % workers
}

/// A descriptor known to the epoll loop of one worker.
///
/// Owns the registration, not the descriptor.
pub(super) struct Registration(CoIo<Descriptor>);

#[derive(Debug)]
struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.0.as_raw_fd()).finish()
    }
}

/// How one wait ended: epoll's bits, and whether it was [`Waker::wake`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending(usize);

impl Ending {
    const WOKEN: usize = 0x8000_0000;

    /// The kernel reported something, as opposed to a wake-up of our own.
    pub(super) fn is_kernels(self) -> bool {
        self.0 & !Self::WOKEN != 0
    }

    /// We did not wake it; the kernel must have.
    fn is_kernels_alone(self) -> bool {
        self.is_kernels() && self.0 & Self::WOKEN == 0
    }

    fn readout(self) -> Readout {
        Readout::new((self.0 & !Self::WOKEN) as u32)
    }
}

impl Registration {
    /// Registers `fd`, edge-triggered, for everything, and makes it non-blocking.
    pub(super) fn new(fd: RawFd) -> io::Result<Registration> {
        CoIo::new(Descriptor(fd)).map(Registration).map_err(Into::into)
    }

    /// Suspends until something is reported; whatever was reported since the
    /// last call is returned at once. One coroutine at a time.
    pub(super) fn wait(&self) -> Ending {
        Ending(self.0.wait_io())
    }

    pub(super) fn waker(&self) -> Waker {
        Waker(self.0.waker())
    }
}

/// Ends the current or next [`Registration::wait`] from anywhere.
pub(super) struct Waker(WaitIoWaker);

impl Waker {
    pub(super) fn wake(&self) {
        self.0.wakeup();
    }
}

impl fmt::Debug for Waker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waker")
    }
}

/// A registered descriptor of a coroutine's, and what was reported of it.
#[derive(Debug)]
pub(in crate::runtime) struct Interest {
    registration: Registration,
    /// Where its waits end.
    worker: usize,
    waker: Arc<Waker>,
    edges: Edges,
    /// One coroutine at a time can be woken by one registration.
    taken: AtomicBool,
}

/// One coroutine's turn at waiting; over when dropped.
pub(in crate::runtime) struct Turn<'a> {
    interest: &'a Interest,
    seat: &'a Arc<Seat>,
}

impl Interest {
    pub(in crate::runtime::engine) fn register(fd: RawFd) -> io::Result<Interest> {
        let registration = Registration::new(fd)?;
        Ok(Interest {
            waker: Arc::new(registration.waker()),
            worker: worker_of(fd),
            registration,
            edges: Edges::new(),
            taken: AtomicBool::new(false),
        })
    }

    pub(in crate::runtime::engine) fn descriptor(&self) -> RawFd {
        self.registration.0.as_raw_fd()
    }

    pub(in crate::runtime::engine) fn edges(&self) -> &Edges {
        &self.edges
    }

    pub(in crate::runtime::engine) fn take_turn<'a>(&'a self, seat: &'a Arc<Seat>) -> Result<Turn<'a>, WaitError> {
        if self.taken.swap(true, Ordering::Acquire) {
            return Err(WaitError::Busy);
        }
        // Before the flags are looked at: who kills sets its flag first and
        // then wakes what it finds noted here.
        seat.note_interest(&self.waker);
        Ok(Turn { interest: self, seat })
    }
}

impl Turn<'_> {
    /// Switches away once.
    ///
    /// On the descriptor's own worker: on another one the coroutine could be
    /// running again there, and have closed the descriptor, before the
    /// scheduler here has finished looking at it. And reports would come in
    /// beside it, so that a wait in a loop might never let others run.
    pub(in crate::runtime::engine) fn suspend(&mut self, until: u64) -> bool {
        self.seat.move_to(self.interest.worker);
        self.seat.arm(until);
        worker::rests();
        let ending = self.interest.registration.wait();
        self.seat.disarm();
        let here = self.seat.settle();
        if ending.is_kernels() {
            worker::polled(here);
        }
        self.interest.edges.report(ending.readout());
        ending.is_kernels_alone()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.interest.taken.store(false, Ordering::Release);
    }
}
