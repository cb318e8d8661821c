//! How an accept loop waits: as a coroutine for its listener, or in poll(2)
//! for its listener and its bell.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::{io, thread};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use crate::error::WaitError;
use crate::family::Family;
use crate::lifecycle::{Lifecycle, Watcher};
use crate::runtime::{self, NEVER, Outcome, Task, earlier};

/// Why a wait of the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// A request may be there.
    Request,
    /// Something else is different: look at everything again.
    Change,
    /// The deadline passed.
    Deadline,
    /// The loop's own coroutine may not wait any longer: it was killed, or the
    /// deadline of a timeout around it has passed.
    Over(WaitError),
}

/// The wait of one accept loop, for as long as it serves.
#[derive(Debug)]
pub(super) enum Waiting {
    Coroutine(Watcher),
    Thread(Arc<Lifecycle>),
}

impl Waiting {
    pub(super) fn new(lifecycle: &Arc<Lifecycle>) -> Waiting {
        if runtime::in_coroutine() {
            Waiting::Coroutine(lifecycle.watch())
        } else {
            lifecycle.set_polled(true);
            Waiting::Thread(Arc::clone(lifecycle))
        }
    }

    /// Waits for a request, a change or `deadline`.
    pub(super) fn for_request<F: Family>(&self, listener: &F::Listener, deadline: u64) -> io::Result<Woken> {
        match self {
            Waiting::Coroutine(_) => match F::wait(listener, deadline) {
                Ok(outcome) if outcome.0 == Outcome::Ready => Ok(Woken::Request),
                Ok(_) => Ok(Woken::Change),
                Err(err) => why(&err).ok_or(err),
            },
            Waiting::Thread(lifecycle) => poll_both(Some(listener), lifecycle, deadline),
        }
    }

    /// Waits for a change or `deadline`.
    pub(super) fn for_change(&self, deadline: u64) -> io::Result<Woken> {
        match self {
            Waiting::Coroutine(watcher) => match watcher.task().park(deadline) {
                Ok(()) => Ok(Woken::Change),
                Err(err) => {
                    let err = io::Error::from(err);
                    why(&err).ok_or(err)
                }
            },
            Waiting::Thread(lifecycle) => poll_both(None::<&std::os::fd::OwnedFd>, lifecycle, deadline),
        }
    }

    /// After many requests in a row: others first.
    pub(super) fn breathe(&self) {
        match self {
            Waiting::Coroutine(_) => runtime::yield_now(),
            Waiting::Thread(_) => thread::yield_now(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Waiting::Thread(lifecycle) = self {
            lifecycle.set_polled(false);
        }
    }
}

fn why(err: &io::Error) -> Option<Woken> {
    match WaitError::of(err)? {
        WaitError::Deadline => Some(Woken::Deadline),
        over @ (WaitError::Timeout | WaitError::Killed) => Some(Woken::Over(over)),
        _ => None,
    }
}

fn poll_both<L: AsFd>(listener: Option<&L>, lifecycle: &Lifecycle, deadline: u64) -> io::Result<Woken> {
    let scope = match Task::with_current(|task| task.may_wait(NEVER).map(|()| task.scope())) {
        Ok(scope) => scope,
        Err(over) => return Ok(Woken::Over(over)),
    };
    let deadline = earlier(deadline, scope);
    let mut polled = vec![PollFd::new(lifecycle.bell().as_fd(), PollFlags::POLLIN)];
    polled.extend(listener.map(|listener| PollFd::new(listener.as_fd(), PollFlags::POLLIN)));
    match poll(&mut polled, runtime::poll_timeout(deadline)) {
        Ok(0) => Ok(Woken::Deadline),
        Err(Errno::EINTR) => Ok(Woken::Change),
        Err(err) => Err(err.into()),
        Ok(_) => {
            if polled[0].any().unwrap_or(false) {
                lifecycle.bell().hear();
                return Ok(Woken::Change);
            }
            Ok(Woken::Request)
        }
    }
}
