//! What a server says: where it listens, and what is to be told of it when it
//! fails.

use std::convert::Infallible;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::Child;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::drain::Drain;
use super::relay::Relay;
use crate::base::format;
use crate::plan::target::Endpoint;

/// How long the rest of what a server wrote is waited for when it is gone.
const PATIENCE: Duration = Duration::from_millis(500);

/// Both outputs of a server, read while it runs.
#[derive(Debug)]
pub(super) struct Outputs {
    said: Drain,
    complained: Drain,
    /// Where it says it listens; once.
    endpoint: Receiver<Endpoint>,
    /// Disconnected once what it complained about is written.
    written: Option<Receiver<Infallible>>,
}

impl Outputs {
    /// Of `child`, whose complaints are passed on unless all is to be `quiet`.
    pub(super) fn of(child: &mut Child, quiet: bool) -> Outputs {
        let (sender, endpoint) = channel();
        let mut sender = Some(sender);
        let said = Drain::start(child.stdout.take(), move |line| {
            if let Some(found) = sender.as_ref().and_then(|_| read_endpoint(line)) {
                // Whoever started it may have gone.
                let _ = sender.take().map(|sender| sender.send(found));
            }
        });
        let (mut relay, written) = (!quiet).then(Relay::to_terminal).unzip();
        let complained = Drain::start(child.stderr.take(), move |line| {
            if let Some(relay) = &mut relay {
                relay.pass(line);
            }
        });
        Outputs {
            said,
            complained,
            endpoint,
            written,
        }
    }

    /// Where it says it listens, if it does so within `patience`.
    pub(super) fn endpoint(&self, patience: Duration) -> Option<Endpoint> {
        match self.endpoint.recv_timeout(patience) {
            Ok(endpoint) => Some(endpoint),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // It closed its output, and may be about to end.
                std::thread::sleep(patience);
                None
            }
        }
    }

    /// Waits until what it wrote before its end is read and passed on.
    pub(super) fn settle(&self) {
        self.said.settle(PATIENCE);
        self.complained.settle(PATIENCE);
        if let Some(written) = &self.written {
            // As in a drain, nothing is ever sent.
            let _ = written.recv_timeout(PATIENCE);
        }
    }

    /// The last line it printed.
    pub(super) fn last_said(&self) -> Option<String> {
        self.said.last().pop()
    }

    /// What it wrote last: complaints if there are any, else what it printed.
    pub(super) fn last_words(&self) -> Vec<String> {
        let complaints = self.complained.last();
        let lines = if complaints.is_empty() {
            self.said.last()
        } else {
            complaints
        };
        lines.iter().map(|line| format::printable(line)).collect()
    }
}

/// The address or path in `listening on ADDRESS`; any address of this machine
/// is its loopback address.
pub(crate) fn read_endpoint(line: &str) -> Option<Endpoint> {
    let said = line.trim_end().strip_prefix("listening on ")?;
    if let Some(path) = said.strip_prefix("unix:") {
        return Some(Endpoint::Path(path.into()));
    }
    let mut address: SocketAddr = said.parse().ok()?;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Some(address.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_listens_is_an_address_or_a_path() {
        for (line, endpoint) in [
            ("listening on 127.0.0.1:7000", Some("127.0.0.1:7000")),
            ("listening on 0.0.0.0:7000", Some("127.0.0.1:7000")),
            ("listening on [::]:7000", Some("[::1]:7000")),
            ("listening on unix:/run/x.sock", Some("/run/x.sock")),
            ("listening on port 7000", None),
            ("now listening on 127.0.0.1:7000", None),
        ] {
            let found = read_endpoint(line).map(|endpoint| endpoint.to_string());
            assert_eq!(found.as_deref(), endpoint, "{line}");
        }
    }
}
