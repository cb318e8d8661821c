//! Why a task was killed.

use std::error::Error;
use std::ops::Deref;
use std::sync::Arc;
use std::{fmt, io};

/// What was given to [`Task::kill_with`](crate::runtime::Task::kill_with): the
/// exception of `Greenlet.kill(exception)` in gevent.
///
/// Shared by all who are told it. It can be asked what an error can be asked:
///
/// ```
/// use greenserve::runtime::KillReason;
/// use std::io;
///
/// let reason = KillReason::new(io::Error::from(io::ErrorKind::StorageFull));
/// let cause = reason.downcast_ref::<io::Error>().expect("as it was given");
/// assert_eq!(cause.kind(), io::ErrorKind::StorageFull);
/// ```
// As thin as a pointer, so that no result of a coroutine grows by it.
#[derive(Clone)]
pub struct KillReason(Arc<Box<dyn Error + Send + Sync>>);

impl KillReason {
    /// A reason that is this error, or this text.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> KillReason {
        KillReason(Arc::new(reason.into()))
    }

    /// The wait of a task that was killed for this reason.
    pub(crate) fn into_io(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, Killed(self))
    }
}

impl Deref for KillReason {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &**self.0
    }
}

impl fmt::Display for KillReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl fmt::Debug for KillReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// What an [`io::Error`] holds for [`WaitError::Killed`](super::WaitError::Killed)
/// when there is a reason.
#[derive(Debug, thiserror::Error)]
#[error("the coroutine or its connection was killed: {0}")]
pub(super) struct Killed(KillReason);

impl Killed {
    pub(super) fn reason_of<'a>(err: &'a (dyn Error + 'static)) -> Option<&'a KillReason> {
        err.downcast_ref::<Killed>().map(|killed| &killed.0)
    }
}
