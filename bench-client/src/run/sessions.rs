//! TLS sessions: what was agreed on, and by which kind of handshake.

use std::sync::{Mutex, PoisonError};

use greenserve::tls::Version;

use crate::plan::tls::TlsLine;
use crate::saved::TlsSessions;

/// The sessions of all clients together, in all phases.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// One entry or two: a server agrees on the same with each client.
    met: Mutex<Vec<TlsSessions>>,
}

impl Sessions {
    /// A handshake over `line` is done.
    pub(crate) fn note(&self, line: &TlsLine) {
        let (version, suite) = (name(line.version()), line.cipher_suite());
        self.count(version, suite, line.is_resumed());
    }

    fn count(&self, version: &str, suite: &str, is_resumed: bool) {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let known = met
            .iter()
            .position(|kind| kind.version == version && kind.cipher_suite == suite);
        let at = known.unwrap_or_else(|| {
            met.push(TlsSessions {
                version: version.to_owned(),
                cipher_suite: suite.to_owned(),
                full: 0,
                resumed: 0,
            });
            met.len() - 1
        });
        match is_resumed {
            true => met[at].resumed += 1,
            false => met[at].full += 1,
        }
    }

    /// What was counted so far.
    pub(crate) fn counted(&self) -> Vec<TlsSessions> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// As OpenSSL and Python call it.
fn name(version: Version) -> &'static str {
    match version {
        Version::Tls12 => "TLSv1.2",
        _ => "TLSv1.3",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_one_kind_are_counted_together_and_resumed_ones_apart() {
        let sessions = Sessions::default();
        for (version, suite, is_resumed) in [
            ("TLSv1.3", "a", false),
            ("TLSv1.3", "a", true),
            ("TLSv1.2", "a", false),
            ("TLSv1.3", "b", false),
            ("TLSv1.3", "a", true),
        ] {
            sessions.count(version, suite, is_resumed);
        }
        let counted: Vec<_> = sessions
            .counted()
            .iter()
            .map(|kind| (kind.full, kind.resumed))
            .collect();
        assert_eq!(counted, [(1, 2), (1, 0), (1, 0)]);
    }
}
