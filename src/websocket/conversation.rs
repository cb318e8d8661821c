//! What a client says, and how it is answered when it ends or must end.

use std::io;
use std::net::Shutdown;
use std::time::Instant;

use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::{Role, WebSocketContext};

use super::close::{Close, Ended};
use super::frame::goodbye;
use super::line::{Late, Line};
use super::message::Message;
use crate::error::WaitError;

/// What is taken in for nobody, so that the last word reaches a client that is
/// still sending.
const MOST_DROPPED: usize = 16 << 20;

/// The client's side of the conversation, as far as it has come.
pub(super) struct Conversation<'a> {
    pub(super) line: Line<'a>,
    protocol: Box<WebSocketContext>,
    /// What the client's Close said.
    said: Option<Close>,
    pub(super) ended: Option<Ended>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(line: Line<'a>) -> Conversation<'a> {
        let config = line.config.of_protocol();
        Conversation {
            line,
            protocol: Box::new(WebSocketContext::new(Role::Server, Some(config))),
            said: None,
            ended: None,
        }
    }

    /// The next message; `None` when the conversation has ended.
    pub(super) fn next(&mut self) -> io::Result<Option<Message>> {
        if self.ended.is_none() && !self.is_closing() && !self.line.context.takes_more() {
            self.begin_close(Close::ours(Close::AWAY, "the server ends"))?;
        }
        while self.ended.is_none() {
            let message = match self.protocol.read(&mut self.line) {
                Ok(tungstenite::Message::Text(text)) => Message::Text(text),
                Ok(tungstenite::Message::Binary(bytes)) => Message::Binary(bytes),
                Ok(tungstenite::Message::Close(frame)) => {
                    self.said = Some(Close::received(frame));
                    continue;
                }
                Ok(_) => continue,
                Err(err) => {
                    self.broke_off(err)?;
                    continue;
                }
            };
            // Nobody can answer any more.
            if !self.is_closing() {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn is_closing(&self) -> bool {
        self.line.answer_due.is_some() || self.line.outgoing.is_closing()
    }

    fn broke_off(&mut self, err: Error) -> io::Result<()> {
        match err {
            Error::ConnectionClosed | Error::AlreadyClosed => self.closed(),
            Error::Io(err) if WaitError::of(&err) == Some(WaitError::Draining) => {
                self.begin_close(Close::ours(Close::AWAY, "the server ends"))
            }
            Error::Io(err) if Late::is(&err) => self.give_up(Close::ours(Close::POLICY, err.to_string())),
            Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) if self.is_closing() => {
                self.end(false);
                Ok(())
            }
            Error::Io(err) => Err(err),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the client of the WebSocket is gone and did not close it",
            )),
            Error::Capacity(err) => self.give_up(Close::ours(Close::TOO_BIG, err.to_string())),
            Error::Utf8(_) => self.give_up(Close::ours(Close::INVALID_TEXT, "a text that is not UTF-8")),
            err => self.give_up(Close::ours(Close::PROTOCOL, err.to_string())),
        }
    }

    /// The client has said its Close, and the answer is among what is to be
    /// sent.
    fn closed(&mut self) -> io::Result<()> {
        let is_ours = self.is_closing();
        self.line.hurry();
        let sent = self.line.send_answers();
        let said = self.end(!is_ours);
        self.line.outgoing.finish(said);
        self.let_it_out()?;
        sent
    }

    /// What is queued is waited for, before the connection ends with it.
    fn let_it_out(&self) -> io::Result<()> {
        match self.line.has_writer {
            true => self.line.outgoing.wait_said(self.line.config.close).map(drop),
            false => Ok(()),
        }
    }

    fn end(&mut self, by_client: bool) -> Close {
        let ours = self.line.outgoing.closing();
        let said = self.said.take().unwrap_or_else(|| Close::received(None));
        let close = match by_client {
            true => said,
            false => ours.unwrap_or(said),
        };
        self.ended = Some(Ended {
            by_client,
            close: close.clone(),
        });
        close
    }

    /// Says that we end. The client's answer is waited for by whoever receives.
    pub(super) fn begin_close(&mut self, close: Close) -> io::Result<()> {
        let frame = goodbye(&close)?;
        let is_first = self.ended.is_none() && self.line.outgoing.close(close);
        if self.line.answer_due.is_none() {
            self.line.answer_due = Instant::now().checked_add(self.line.config.close);
        }
        if self.line.has_writer {
            return Ok(());
        }
        self.line.check_whole()?;
        match is_first {
            true => {
                self.line.hurry();
                self.line.send(frame)
            }
            false => Ok(()),
        }
    }

    /// Ends a conversation in which nothing that follows would be understood.
    #[inline(never)]
    fn give_up(&mut self, close: Close) -> io::Result<()> {
        log::debug!(
            "{}: closed with {}: {}",
            self.line.context.connection(),
            close.code,
            close.reason
        );
        self.begin_close(close)?;
        self.end(false);
        self.let_it_out()?;
        self.linger();
        Ok(())
    }

    /// Closing at once would reset the connection of a client that still sends,
    /// and the last word could be lost with it.
    fn linger(&self) {
        let transport = self.line.wire.transport();
        if transport.shutdown(Shutdown::Write).is_err() {
            return;
        }
        transport.set_read_deadline(self.line.answer_due);
        let (mut dropped, mut room) = (0, [0; 1024]);
        while dropped < MOST_DROPPED {
            match self.line.wire.read(&mut room) {
                Ok(count @ 1..) => dropped += count,
                _ => return,
            }
        }
    }

    /// Says the last word if that was not said, and waits for the answer.
    pub(super) fn conclude(&mut self, close: Close) -> io::Result<()> {
        let concluded = match self.ended {
            None => self.begin_close(close).and_then(|()| self.next().map(drop)),
            Some(_) => Ok(()),
        };
        self.line.cut_if_broken();
        if self.ended.is_none() {
            self.end(false);
        }
        concluded
    }
}
