//! A deadline that a client did not keep.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Unfinished;
use crate::error::WaitError;

/// Which of its [`Deadlines`](super::Deadlines) a client did not keep.
///
/// It is inside the [`io::Error`] of the read or write that it ended.
///
/// ```
/// use greenserve::Deadlines;
/// use greenserve::net::{Overdue, UnixStream};
/// use std::io::Read;
/// use std::time::Duration;
///
/// let (mut near, _says_nothing) = UnixStream::pair()?;
/// near.set_deadlines(Deadlines::none().first_byte(Duration::from_millis(10)));
/// let err = near.read(&mut [0]).expect_err("nothing comes");
/// assert_eq!(Overdue::of(&err), Some(Overdue::FirstByte));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overdue {
    /// [`Deadlines::first_byte`](super::Deadlines::first_byte)
    FirstByte,
    /// [`Deadlines::idle`](super::Deadlines::idle)
    Idle,
    /// [`Deadlines::write`](super::Deadlines::write)
    Write,
    /// [`Deadlines::connection`](super::Deadlines::connection)
    Connection,
    /// [`Deadlines::receive_rate`](super::Deadlines::receive_rate)
    ReceiveRate,
    /// [`Deadlines::send_rate`](super::Deadlines::send_rate)
    SendRate,
}

impl Overdue {
    /// All of them, in the order of [`Deadlines`](super::Deadlines).
    pub const ALL: [Overdue; 6] = [
        Overdue::FirstByte,
        Overdue::Idle,
        Overdue::Write,
        Overdue::Connection,
        Overdue::ReceiveRate,
        Overdue::SendRate,
    ];

    /// The deadline that ended a read or write, if one did.
    pub fn of(err: &io::Error) -> Option<Overdue> {
        let inner = err.get_ref()?;
        match inner.downcast_ref::<Missed>() {
            Some(missed) => Some(missed.deadline),
            None => inner.downcast_ref::<Unfinished>()?.overdue,
        }
    }

    /// Its name, that of the method which sets it: `first_byte`, `idle`.
    pub fn name(self) -> &'static str {
        match self {
            Overdue::FirstByte => "first_byte",
            Overdue::Idle => "idle",
            Overdue::Write => "write",
            Overdue::Connection => "connection",
            Overdue::ReceiveRate => "receive_rate",
            Overdue::SendRate => "send_rate",
        }
    }

    pub(super) fn into_error(self) -> io::Error {
        let missed = Missed {
            deadline: self,
            why: WaitError::Deadline,
        };
        io::Error::new(missed.why.kind(), missed)
    }
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Overdue::FirstByte => "the client did not send its first byte in time",
            Overdue::Idle => "the client sent nothing for too long",
            Overdue::Write => "the client took nothing for too long",
            Overdue::Connection => "the connection is as old as it may become",
            Overdue::ReceiveRate => "the client sends too slowly",
            Overdue::SendRate => "the client takes a reply too slowly",
        })
    }
}

/// What is inside the error: the deadline, and what every ended wait has.
#[derive(Debug, thiserror::Error)]
#[error("{deadline} (deadline {})", .deadline.name())]
struct Missed {
    deadline: Overdue,
    #[source]
    why: WaitError,
}

/// How often each deadline was missed.
#[derive(Debug, Default)]
pub(crate) struct OverdueCounts([AtomicU64; Overdue::ALL.len()]);

impl OverdueCounts {
    pub(super) fn count(&self, deadline: Overdue) {
        self.0[deadline as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn of(&self, deadline: Overdue) -> u64 {
        self.0[deadline as usize].load(Ordering::Relaxed)
    }
}
