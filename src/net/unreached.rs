//! Why none of several addresses could be connected to.

use std::io;
use std::net::SocketAddr;

use super::Address;
use crate::error::WaitError;

/// What came of each attempt.
#[derive(Debug, Default)]
pub(super) struct Unreached {
    pub(super) failed: Vec<(SocketAddr, io::Error)>,
    /// Those that had not ended when the wait for them did.
    pub(super) unanswered: Vec<SocketAddr>,
    /// What ended the wait, if it was not that all had failed.
    pub(super) ended: Option<io::Error>,
}

/// The text for a user, and beneath it what ended the wait.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Told {
    text: String,
    #[source]
    why: Option<WaitError>,
}

impl Unreached {
    /// As the error of connecting to `address`. Its kind is that of what ended
    /// the wait, or of the last attempt.
    pub(super) fn named(self, address: &Address) -> io::Error {
        let told = Told {
            text: self.text(address),
            why: self.ended.as_ref().and_then(WaitError::of),
        };
        let last = self.failed.last().map(|(_, err)| err);
        let kind = self.ended.as_ref().or(last).map(io::Error::kind);
        io::Error::new(kind.unwrap_or(io::ErrorKind::AddrNotAvailable), told)
    }

    fn text(&self, address: &Address) -> String {
        let failed = self.failed.iter().map(|(tried, err)| format!("{tried}: {err}"));
        let unanswered = self.unanswered.iter().map(|tried| format!("{tried}: no answer yet"));
        let ended = self.ended.iter().map(io::Error::to_string);
        let reasons: Vec<_> = failed.chain(unanswered).chain(ended).collect();
        match reasons.as_slice() {
            [] => format!("cannot connect to {address}: the host has no address"),
            reasons => format!("cannot connect to {address}: {}", reasons.join("; ")),
        }
    }
}
