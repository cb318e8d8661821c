//! What is ready to be sent and has not been.

use std::io;

use super::sending::send_all;
use crate::handler::Transport;

/// The largest buffer that is kept for the next connection.
const KEPT: usize = 64 * 1024;

/// Answers, or parts of them, that go out together.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) ready: Vec<u8>,
    /// How much of `ready` belongs to earlier answers.
    earlier: usize,
    /// Sends since the present answer began.
    sends: usize,
    /// Whether the present answer has failed before its end, with a part of it
    /// on its way.
    pub(super) cut: Cut,
    /// How a send failed: nobody knows how much of it is on its way, so nothing
    /// may follow.
    broken: Option<(io::ErrorKind, String)>,
}

/// Whether an answer is cut, and what shows that to its client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Cut {
    #[default]
    Not,
    /// Its length or its chunks do.
    Framed,
    /// Nothing, if the connection ends in order: it would have ended with it.
    Unframed,
}

impl Outbox {
    /// What comes from now on is another answer's.
    pub(super) fn begin_answer(&mut self) {
        (self.earlier, self.sends) = (self.ready.len(), 0);
        self.cut = Cut::Not;
    }

    /// # Errors
    /// When an earlier send has failed, whether or not the handler took notice.
    pub(super) fn check(&self) -> io::Result<()> {
        self.broken.as_ref().map_or(Ok(()), |(kind, text)| {
            Err(io::Error::new(
                *kind,
                format!("a part of the answer could not be sent: {text}"),
            ))
        })
    }

    /// Takes the present answer back; false if a part of it is on its way.
    pub(super) fn take_back(&mut self) -> bool {
        self.ready.truncate(self.earlier);
        self.sends == 0
    }

    /// Sends all that is ready, and `rest` behind it.
    pub(super) fn send(&mut self, transport: &dyn Transport, rest: &[&[u8]]) -> io::Result<()> {
        if self.ready.is_empty() && rest.is_empty() {
            return Ok(());
        }
        self.check()?;
        self.sends += 1;
        if self.sends == 2 {
            // An answer in several parts: none of them shall wait for the
            // client to confirm another. Where it cannot be set, it is slow.
            let _ = transport.set_nodelay(true);
        }
        let sent = match rest {
            [] => send_all(transport, &mut [&self.ready]),
            [one] => send_all(transport, &mut [&self.ready, one]),
            [one, two] => send_all(transport, &mut [&self.ready, one, two]),
            [one, two, three, ..] => send_all(transport, &mut [&self.ready, one, two, three]),
        };
        self.ready.clear();
        self.earlier = 0;
        sent.inspect_err(|err| self.broken = Some((err.kind(), err.to_string())))
    }

    /// For another connection.
    pub(super) fn clear(&mut self) {
        self.ready.clear();
        (self.earlier, self.sends) = (0, 0);
        self.broken = None;
        if self.ready.capacity() > KEPT {
            self.ready = Vec::new();
        }
    }
}
