//! What a coroutine does.

use std::fmt;
use std::mem;
use std::os::fd::RawFd;
use std::sync::Arc;

use socket2::SockAddr;

use crate::runtime::task::{Awaited, Sighting, Task, Wait};

/// What a coroutine does at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It runs; on the engine `may`, also if it was woken and will run.
    Running,
    /// It was woken, or has stepped aside, and will run when it is its turn.
    Ready,
    /// In [`sleep`](crate::runtime::sleep).
    Sleeping,
    /// It waits until the descriptor can be read.
    Reading(Descriptor),
    /// It waits until the descriptor can be written.
    Writing(Descriptor),
    /// It waits until the peer has accepted.
    Connecting(Descriptor),
    /// It waits for a client.
    Accepting(Descriptor),
    /// It waits for something of this process.
    Waiting {
        /// For what.
        what: Awaited,
        /// For which: of a coroutine the lower 32 bits of its number, of
        /// anything else the lower 36 bits of its address, of which the last
        /// four are zero. Two that wait for the same have the same number.
        which: u64,
    },
}

/// A descriptor that is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// Its number.
    pub number: RawFd,
    /// Its peer; of a listener its own address. `None` where there is none, or
    /// when the coroutine went on at that very moment.
    pub address: Option<String>,
}

impl Activity {
    /// What `task` does, which was seen just now.
    pub(super) fn of(task: &Arc<Task>, seen: &Sighting) -> Activity {
        let Some(wait) = seen.wait else {
            return Activity::Running;
        };
        if seen.is_queued {
            return Activity::Ready;
        }
        let number = seen.which.cast_signed();
        match wait {
            Wait::Turn => Activity::Ready,
            Wait::Sleeping => Activity::Sleeping,
            Wait::Reading if is_listener(number) => Activity::Accepting(descriptor(task, seen, own_address)),
            Wait::Reading => Activity::Reading(descriptor(task, seen, peer)),
            Wait::Writing => {
                let descriptor = descriptor(task, seen, peer);
                if descriptor.address.is_none() && is_stream(number) {
                    Activity::Connecting(descriptor)
                } else {
                    Activity::Writing(descriptor)
                }
            }
            Wait::Coroutine => Activity::Waiting {
                what: Awaited::Coroutine,
                which: seen.which.into(),
            },
            other => Activity::Waiting {
                what: Awaited::from(other),
                which: u64::from(seen.which) << 4,
            },
        }
    }
}

/// The number may be another file's by now: then the coroutine has gone on, and
/// what was found out is of no worth.
fn descriptor(task: &Arc<Task>, seen: &Sighting, address: fn(RawFd) -> Option<SockAddr>) -> Descriptor {
    let number = seen.which.cast_signed();
    let address = address(number);
    let still = task.sighting();
    let stayed = still.is_some_and(|now| (now.wait, now.which, now.since) == (seen.wait, seen.which, seen.since));
    Descriptor {
        number,
        address: address.filter(|_| stayed).as_ref().and_then(text_of),
    }
}

fn peer(number: RawFd) -> Option<SockAddr> {
    ask(number, libc::getpeername)
}

fn own_address(number: RawFd) -> Option<SockAddr> {
    ask(number, libc::getsockname)
}

type Question = unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

fn ask(number: RawFd, question: Question) -> Option<SockAddr> {
    // SAFETY: the storage has the length that is told, and is filled by the
    // call if that succeeds. A number that is no socket is an error.
    let answer = unsafe {
        SockAddr::try_init(|storage, length| match question(number, storage.cast(), length) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        })
    };
    answer.ok().map(|((), address)| address)
}

fn is_listener(number: RawFd) -> bool {
    option(number, libc::SO_ACCEPTCONN) == Some(1)
}

fn is_stream(number: RawFd) -> bool {
    option(number, libc::SO_TYPE) == Some(libc::SOCK_STREAM)
}

fn option(number: RawFd, option: libc::c_int) -> Option<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = mem::size_of_val(&value) as libc::socklen_t;
    // SAFETY: the value has the length that is told.
    let got = unsafe {
        libc::getsockopt(
            number,
            libc::SOL_SOCKET,
            option,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    (got == 0).then_some(value)
}

/// `None` for one without a name.
fn text_of(address: &SockAddr) -> Option<String> {
    if let Some(address) = address.as_socket() {
        return Some(address.to_string());
    }
    if let Some(path) = address.as_pathname() {
        return Some(format!("unix:{}", path.display()));
    }
    let name = address.as_abstract_namespace()?;
    Some(format!("unix-abstract:{}", name.escape_ascii()))
}

impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activity::Running => f.write_str("runs"),
            Activity::Ready => f.write_str("is ready"),
            Activity::Sleeping => f.write_str("sleeps"),
            Activity::Reading(descriptor) => write!(f, "reads {descriptor}"),
            Activity::Writing(descriptor) => write!(f, "writes {descriptor}"),
            Activity::Connecting(descriptor) => write!(f, "connects {descriptor}"),
            Activity::Accepting(descriptor) => write!(f, "accepts on {descriptor}"),
            Activity::Waiting { what, which } => match what {
                Awaited::Something => f.write_str("waits"),
                Awaited::Coroutine => write!(f, "waits for the end of coroutine {which}"),
                Awaited::Call => f.write_str("waits for an off-loaded call"),
                Awaited::Lock => write!(f, "waits for lock {which:#x}"),
                Awaited::Condvar => write!(f, "waits for condition {which:#x}"),
                Awaited::Semaphore => write!(f, "waits for semaphore {which:#x}"),
                Awaited::Channel => write!(f, "waits for channel {which:#x}"),
                Awaited::Event => write!(f, "waits for event {which:#x}"),
                Awaited::Result => write!(f, "waits for result {which:#x}"),
                Awaited::Several => f.write_str("waits for several things"),
                Awaited::Group => write!(f, "waits for group {which:#x}"),
            },
        }
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "descriptor {}", self.number)?;
        match &self.address {
            Some(address) => write!(f, " ({address})"),
            None => Ok(()),
        }
    }
}
