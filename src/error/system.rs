//! Errors of the system: what to do about one, and ours in the form of one.

use std::io;

use super::{Error, WaitError};

/// For code that returns [`io::Error`]s: a wait that failed is found by
/// [`WaitError::of`] as if it had been the caller's own, and anything else is
/// wrapped with its text.
impl From<Error> for io::Error {
    fn from(err: Error) -> io::Error {
        match err {
            Error::System { source, .. } if WaitError::of(&source).is_some() => source,
            Error::Elapsed { .. } => io::Error::new(io::ErrorKind::TimedOut, err),
            err if err.is_usage() => io::Error::new(io::ErrorKind::InvalidInput, err),
            err => io::Error::other(err),
        }
    }
}

/// What to do about the bind errors users meet most.
pub(super) fn remedy(err: &io::Error) -> &'static str {
    match err.kind() {
        io::ErrorKind::AddrInUse => "; another process listens there: stop it, or choose another address",
        io::ErrorKind::AddrNotAvailable => "; no interface of this machine has that address",
        io::ErrorKind::PermissionDenied => "; ports below 1024 and protected directories need privileges",
        io::ErrorKind::NotFound => "; the directory does not exist: create it first",
        _ => "",
    }
}
