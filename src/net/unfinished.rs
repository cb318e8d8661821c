//! What came of an operation of many parts that a limit ended.

use std::io;

use super::Overdue;
use crate::error::WaitError;

/// How far `write_all` or `read_exact` of a [`Stream`](super::Stream) came
/// before a limit or a kill ended it.
///
/// It is inside the [`io::Error`], whose kind is that of the
/// [`WaitError`], which [`WaitError::of`] finds as ever. What was written
/// cannot be taken back, and the peer may have read it or not.
///
/// ```
/// use greenserve::net::{UnixStream, Unfinished};
/// use std::io::Write;
/// use std::time::Duration;
///
/// let (mut near, _nobody_reads) = UnixStream::pair()?;
/// near.set_timeout(Some(Duration::from_millis(10)))?;
/// let err = near.write_all(&vec![0; 10_000_000]).expect_err("no room for that");
/// let written = Unfinished::of(&err).map(Unfinished::moved).expect("a timeout tells");
/// assert!(written > 0 && written < 10_000_000);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{}; {moved} bytes were moved before", .overdue.map_or_else(|| .why.to_string(), |overdue| overdue.to_string()))]
pub struct Unfinished {
    moved: usize,
    pub(super) overdue: Option<Overdue>,
    #[source]
    why: WaitError,
}

impl Unfinished {
    /// What an error of `write_all` or `read_exact` tells, if a limit or a kill
    /// was the reason.
    pub fn of(err: &io::Error) -> Option<&Unfinished> {
        err.get_ref().and_then(|inner| inner.downcast_ref())
    }

    /// How many bytes were written, or stand at the begin of the buffer.
    pub fn moved(&self) -> usize {
        self.moved
    }

    /// `err` with the count, if it is the end of a wait.
    pub(crate) fn tell(err: io::Error, moved: usize) -> io::Error {
        match WaitError::of(&err) {
            Some(why) => {
                let overdue = Overdue::of(&err);
                io::Error::new(why.kind(), Unfinished { moved, overdue, why })
            }
            None => err,
        }
    }
}
