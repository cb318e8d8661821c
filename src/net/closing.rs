//! The end of a socket that others may be waiting on.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use socket2::SockRef;

use crate::error::WaitError;

/// Whether a socket has been closed; one for all its handles.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing(Arc<AtomicBool>);

impl Closing {
    /// Ends every present and later wait for `socket`; the second time does
    /// nothing. The mark comes first: whom the kernel wakes finds it.
    ///
    /// The kernel wakes whoever waits for a socket that is shut down, with and
    /// without a connection, though without one it also reports an error.
    pub(super) fn close(&self, socket: impl AsFd) -> io::Result<()> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        match SockRef::from(&socket).shutdown(Shutdown::Both) {
            Err(err) if err.kind() != io::ErrorKind::NotConnected => Err(err),
            _ => Ok(()),
        }
    }

    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) {
            return Err(WaitError::Closed.into());
        }
        Ok(())
    }

    /// What an operation gave: a failure on a closed socket has one reason,
    /// `WouldBlock` too, which would be waited for in vain. What was received
    /// in the very moment of the close is not lost.
    pub(super) fn judge<R>(&self, result: io::Result<R>) -> io::Result<R> {
        result.or_else(|err| self.check().and(Err(err)))
    }
}
