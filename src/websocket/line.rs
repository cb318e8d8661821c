//! The connection as the reader of frames sees it.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::config::Config;
use super::frame::{Batch, ping};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use crate::error::WaitError;
use crate::handler::{Context, Transport};
use crate::http::Upgraded;
use crate::net::Overdue;
use crate::runtime;

/// What a WebSocket is spoken over.
pub(super) trait Wire: Send + Sync {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    fn has_read_ahead(&self) -> bool;
    fn transport(&self) -> &dyn Transport;
}

impl Wire for Upgraded<'_> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn has_read_ahead(&self) -> bool {
        Upgraded::has_read_ahead(self)
    }

    fn transport(&self) -> &dyn Transport {
        Upgraded::transport(self)
    }
}

/// What ends the wait for a client.
#[derive(Debug, thiserror::Error)]
pub(super) enum Late {
    /// It may be gone.
    #[error("nothing has come for {0:?}, not even an answer to a ping")]
    Silent(Duration),
    /// It keeps what is taken of a message for as long as it likes.
    #[error("the message came too slowly")]
    Slow,
}

impl Late {
    pub(super) fn is(err: &io::Error) -> bool {
        matches!(err.get_ref(), Some(inner) if inner.is::<Late>())
    }

    fn error(self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, self)
    }
}

/// Reads for the protocol; what the protocol writes, answers to pings and
/// Closes, goes the way of all frames.
pub(super) struct Line<'a> {
    pub(super) wire: &'a dyn Wire,
    pub(super) context: &'a Context,
    pub(super) config: &'a Config,
    pub(super) outgoing: &'a Outgoing,
    /// Whether a writer writes; else whoever has something to say does.
    pub(super) has_writer: bool,
    /// A write has failed, within a frame for all we know.
    is_broken: bool,
    incoming: Incoming,
    answers: Vec<u8>,
    /// When the client was last heard.
    heard: Instant,
    /// When it was sent a ping since.
    pinged: Option<Instant>,
    /// Our Close has been said: the answer is due then.
    pub(super) answer_due: Option<Instant>,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        wire: &'a dyn Wire,
        context: &'a Context,
        config: &'a Config,
        outgoing: &'a Outgoing,
    ) -> Line<'a> {
        Line {
            wire,
            context,
            config,
            outgoing,
            has_writer: false,
            is_broken: false,
            incoming: Incoming::new(config.frame, config.message_rate),
            answers: Vec::new(),
            heard: Instant::now(),
            pinged: None,
            answer_due: None,
        }
    }

    pub(super) fn send(&mut self, frame: tungstenite::Bytes) -> io::Result<()> {
        if self.has_writer {
            return self.outgoing.push(&frame);
        }
        self.check_whole()?;
        let mut batch = Batch::default();
        batch.push(frame);
        let written = batch.write(self.wire.transport());
        self.is_broken = written.is_err();
        written
    }

    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] when a write has failed.
    pub(super) fn check_whole(&self) -> io::Result<()> {
        match self.is_broken {
            true => Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "a frame before this one was cut short, and the client would take this one for its rest",
            )),
            false => Ok(()),
        }
    }

    /// What is sent from now on is the last word, for which there is as long as
    /// for the answer. A writer sees to that itself.
    pub(super) fn hurry(&self) {
        if !self.has_writer {
            let limit = || Instant::now().checked_add(self.config.close);
            self.wire.transport().set_write_deadline(self.answer_due.or_else(limit));
        }
    }

    /// Ends a connection that nothing more can be said on. What has been
    /// encrypted and not sent would be waited for otherwise.
    pub(super) fn cut_if_broken(&self) {
        if self.is_broken {
            let transport = self.wire.transport();
            transport.set_write_deadline(Some(Instant::now()));
            // It may be gone.
            let _ = transport.shutdown(Shutdown::Both);
        }
    }

    /// Sends what the protocol has written. Nothing follows a Close.
    pub(super) fn send_answers(&mut self) -> io::Result<()> {
        if self.answers.is_empty() {
            return Ok(());
        }
        let answers = std::mem::take(&mut self.answers);
        match self.outgoing.is_closing() {
            true => Ok(()),
            false => self.send(answers.into()),
        }
    }

    /// By when something must have happened, for one that waits from `now` on.
    fn due(&self, now: Instant) -> Option<Instant> {
        if self.answer_due.is_some() {
            return self.answer_due;
        }
        let ping = self.config.ping.filter(|_| self.pinged.is_none());
        let ping = ping.and_then(|limit| self.heard.checked_add(limit));
        let rest = self.incoming.due(now);
        [ping, self.end_of_silence(), rest].into_iter().flatten().min()
    }

    /// By when the client must be heard. Its time to answer a ping begins when
    /// that is sent, however late we were.
    fn end_of_silence(&self) -> Option<Instant> {
        let idle = self.config.idle?;
        let end = self.heard.checked_add(idle)?;
        match (self.config.ping.filter(|ping| *ping < idle), self.pinged) {
            (Some(ping), Some(pinged)) => Some(end.max(pinged.checked_add(idle - ping)?)),
            (Some(_), None) => None,
            (None, _) => Some(end),
        }
    }

    /// The time is up.
    fn is_overdue(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.end_of_silence().is_some_and(|end| end <= now) {
            self.context.count_missed(Overdue::Idle);
            return Err(Late::Silent(self.heard.elapsed()).error());
        }
        if self.incoming.due(now).is_some_and(|due| due <= now) {
            self.context.count_missed(Overdue::ReceiveRate);
            return Err(Late::Slow.error());
        }
        self.pinged = Some(now);
        match self.outgoing.is_closing() {
            true => Ok(()),
            false => self.send(ping()?),
        }
    }

    /// What tungstenite is to see of what comes next; `None` if that is nothing
    /// yet.
    fn read_once(&mut self, buffer: &mut [u8], begun: Instant) -> io::Result<Option<usize>> {
        let waiting = Waiting {
            wire: self.wire,
            context: self.context,
            is_closing: self.answer_due.is_some(),
        };
        self.incoming.read(buffer, begun, |room| waiting.read(room))
    }
}

/// A read of the connection.
struct Waiting<'a> {
    wire: &'a dyn Wire,
    context: &'a Context,
    is_closing: bool,
}

impl Waiting<'_> {
    /// Waits as something that a drain ends, unless it is the goodbye already.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_closing || self.wire.has_read_ahead() {
            return self.wire.read(buffer);
        }
        if runtime::in_coroutine() {
            return self.context.idle(|| self.wire.read(buffer));
        }
        // A thread's wait is ended there alone.
        let has_come = !self.context.is_draining() && self.wire.transport().wait_for_request(self.context)?;
        match has_come {
            true => self.wire.read(buffer),
            false => Err(WaitError::Draining.into()),
        }
    }
}

impl Read for Line<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.send_answers()?;
            let begun = Instant::now();
            let due = self.due(begun);
            self.wire.transport().set_read_deadline(due);
            match self.read_once(buffer, begun) {
                Ok(count) => {
                    (self.heard, self.pinged) = (Instant::now(), None);
                    if let Some(count) = count {
                        return Ok(count);
                    }
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => {
                    let is_due = due.is_some_and(|due| due <= Instant::now());
                    if WaitError::of(&err) != Some(WaitError::Deadline) || !is_due || self.answer_due.is_some() {
                        return Err(err);
                    }
                    self.is_overdue()?;
                }
            }
        }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.answers.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
