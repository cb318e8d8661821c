//! Requests that are taken off the kernel's queue for nothing.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;

use super::session::Core;
use crate::concurrency::{Model, close, turn_away};
use crate::family::Family;
use crate::lifecycle::Ending;
use crate::limits::Refusal;
use crate::net::Peer;

impl<F: Family, M: Model> Core<F, M> {
    /// Ends a request that is beyond a limit.
    pub(super) fn turn_away(&self, request: F::Request, peer: &Peer, refusal: Refusal) {
        log::debug!("{peer} is turned away: {refusal}");
        turn_away(&request, &self.shared.lifecycle, peer, refusal);
        close(self.shared.hooks.as_ref(), request, peer);
        // Of one request that was asked for, this was none.
        self.goal.give_back(&self.shared.lifecycle);
    }

    /// Takes a datagram for nothing. Left in the kernel's buffer, it would keep
    /// those behind it waiting that come when there is room again.
    pub(super) fn drop_one(&self) -> io::Result<()> {
        self.next_request()?;
        self.shared.lifecycle.tally().count(Ending::Dropped);
        Ok(())
    }

    /// Turns one request away for which the process has no descriptor but the
    /// spare one; `None` when that is missing too.
    pub(super) fn turn_away_with(&self, spare: &mut Spare) -> Option<io::Result<()>> {
        spare.lend(|| {
            let (request, peer) = self.next_request()?;
            self.turn_away(request, &peer, Refusal::Connections);
            Ok(())
        })
    }
}

/// A descriptor that is kept for a time when there is no other, so that a
/// client can be told no instead of waiting for ever.
#[derive(Debug, Default)]
pub(super) struct Spare(Option<OwnedFd>);

impl Spare {
    /// Opens it, unless it is open already or there is none to be had.
    pub(super) fn keep(&mut self) {
        if self.0.is_none() {
            self.0 = File::open("/dev/null").ok().map(OwnedFd::from);
        }
    }

    /// Calls `f` with one more descriptor to be had.
    fn lend<R>(&mut self, f: impl FnOnce() -> R) -> Option<R> {
        drop(self.0.take()?);
        let result = f();
        self.keep();
        Some(result)
    }
}

/// Whether the process, or the system, has no descriptor left.
pub(super) fn is_out_of_descriptors(err: &io::Error) -> bool {
    matches!(
        err.raw_os_error().map(Errno::from_raw),
        Some(Errno::EMFILE | Errno::ENFILE)
    )
}
