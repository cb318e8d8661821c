//! What asks a server to end, and who is told.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::Lifecycle;
use super::shim::Ordering;
use crate::runtime::{NEVER, after};

impl Lifecycle {
    /// Asks the accept loop to end: at once, and also if it has not begun.
    pub(crate) fn request_shutdown(&self) {
        self.shutdown.store(true, Ordering::SeqCst);
        self.begin_drain();
        self.changed();
    }

    /// Who is idle need wait no longer. The flags are set already, so that who
    /// becomes idle now sees them.
    pub(super) fn begin_drain(&self) {
        if !self.is_child.load(Ordering::SeqCst) {
            self.drain_sign.raise();
            self.connections.dismiss_idle();
        }
    }

    pub(crate) fn shutdown_requested(&self) -> bool {
        self.shutdown.load(Ordering::SeqCst)
    }

    /// The loop that was asked to end has ended.
    pub(crate) fn shutdown_done(&self) {
        // In this order, so that a handler never sees neither of them set.
        self.was_shut_down.fetch_or(self.shutdown_requested(), Ordering::SeqCst);
        self.shutdown.store(false, Ordering::SeqCst);
    }

    /// Another loop begins.
    pub(crate) fn shutdown_forgotten(&self) {
        self.was_shut_down.store(false, Ordering::SeqCst);
        self.drain_sign.lower();
        // It may have been asked to end again meanwhile.
        match self.is_draining() {
            true => self.drain_sign.raise(),
            false => self.kill_at.store(NEVER, Ordering::SeqCst),
        }
    }

    /// True once the server was asked to end, unless it serves again.
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown_requested()
            || self.was_shut_down.load(Ordering::SeqCst)
            || self.ends.load(Ordering::SeqCst)
            || self.is_child.load(Ordering::SeqCst) && self.drain_sign.is_raised()
    }

    /// Blocks the calling thread until `fd` can be read, the server drains or
    /// `deadline` passes. What can be read is told first.
    ///
    /// # Errors
    /// [`WaitError::Draining`](crate::WaitError::Draining), or whatever else
    /// ends a wait.
    pub(crate) fn wait_unless_draining(&self, fd: BorrowedFd<'_>, deadline: u64) -> io::Result<()> {
        self.drain_sign.wait_unless_raised(fd, deadline)
    }

    pub(crate) fn set_signal_grace(&self, grace: Option<Duration>) {
        let nanos = grace.map_or(u64::MAX, |grace| u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX));
        self.signal_grace.store(nanos, Ordering::SeqCst);
    }

    /// A first signal came.
    pub(crate) fn end_by_signal(&self) {
        let grace = self.signal_grace.load(Ordering::SeqCst);
        if grace != u64::MAX {
            self.kill_at.store(after(Duration::from_nanos(grace)), Ordering::SeqCst);
        }
        self.request_shutdown();
    }

    /// When a drain ends at the latest, because of a signal.
    pub(crate) fn kill_at(&self) -> u64 {
        self.kill_at.load(Ordering::SeqCst)
    }

    /// In a forked child: no loop waits here for the bell, and what changes
    /// here does not change in the parent.
    pub(crate) fn leave_to_parent(&self) {
        self.is_child.store(true, Ordering::SeqCst);
        self.set_polled(false);
    }
}
