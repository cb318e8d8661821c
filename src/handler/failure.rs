//! How a request fails.

use std::error::Error;
use std::fmt;
use std::{io, iter};

use crate::lifecycle::Ending;
use crate::net::{Overdue, is_end_read_on};
use crate::runtime::Panic;

/// An error of a handler, of whatever type: `?` turns any error into it.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What [`Hooks::handle_error`](crate::Hooks::handle_error) is told.
#[derive(Debug)]
#[non_exhaustive]
pub enum HandlerError {
    /// The handler, or a hook around it, returned an error.
    Failed(Failure),
    /// The handler, or a hook around it, panicked.
    Panicked(Panic),
    /// The request could not be given to its concurrency model: no thread, no
    /// process, no coroutine was to be had.
    NotStarted(crate::Error),
}

impl HandlerError {
    /// True for the everyday ends of a connection that are nobody's fault:
    /// the peer went away, also in the middle of a message
    /// ([`io::ErrorKind::UnexpectedEof`]) or missed a
    /// [deadline](crate::Deadlines), or the server ended the request itself. The [`io::Error`] may be the failure or any
    /// [source](Error::source) of it.
    ///
    /// Not so the error of a handler that reads the end of its stream again and
    /// again: that is a loop without a test.
    pub fn is_disconnect(&self) -> bool {
        let HandlerError::Failed(failure) = self else {
            return false;
        };
        let failure: &(dyn Error + 'static) = failure.as_ref();
        iter::successors(Some(failure), |err| (*err).source())
            .filter_map(|err| err.downcast_ref::<io::Error>())
            .any(is_disconnect)
    }

    pub(crate) fn ending(&self) -> Ending {
        match self.is_disconnect() {
            true => Ending::Disconnected,
            false => Ending::Failed,
        }
    }
}

fn is_disconnect(err: &io::Error) -> bool {
    match err.kind() {
        io::ErrorKind::UnexpectedEof => !is_end_read_on(err),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => true,
        _ => Overdue::of(err).is_some(),
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HandlerError::Failed(failure) => write!(f, "the handler failed: {failure}"),
            HandlerError::Panicked(panic) => write!(f, "the handler panicked: {}", panic.message()),
            HandlerError::NotStarted(err) => write!(f, "the handler could not be started: {err}"),
        }
    }
}

impl Error for HandlerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            HandlerError::Failed(failure) => Some(failure.as_ref()),
            HandlerError::Panicked(panic) => Some(panic),
            HandlerError::NotStarted(err) => Some(err),
        }
    }
}
