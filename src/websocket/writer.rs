//! The coroutine that writes to a client for all who send.

use std::io;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::close::Close;
use super::frame::{Batch, goodbye};
use super::outgoing::{Next, Outgoing};
use crate::error::WaitError;
use crate::handler::{Context, Transport};
use crate::runtime::Task;

/// Writes what is queued, until the end of the conversation.
pub(super) struct Writer<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) outgoing: &'a Outgoing,
    pub(super) context: &'a Context,
    /// How long the last words may take, and the answer to them.
    pub(super) close: Duration,
}

impl Writer<'_> {
    pub(super) fn run(&self) {
        self.outgoing.begin_writing();
        let written = self.write_all();
        if let Some((messages, bytes)) = self.outgoing.too_slow() {
            let client = self.context.connection();
            log::info!("{client}: dropped as too slow: {messages} messages of {bytes} bytes waited for it");
        }
        self.outgoing.end_writing();
        let is_heard = written.is_ok() && self.outgoing.wait_heard(self.close).unwrap_or(false);
        if !is_heard {
            // Whoever still reads learns that nobody is there. What has been
            // encrypted and not sent would be waited for otherwise.
            self.transport.set_write_deadline(Some(Instant::now()));
            let _ = self.transport.shutdown(Shutdown::Both);
        }
        if let Err(err) = written {
            log::debug!("{}: cannot be written to: {err}", self.context.connection());
        }
    }

    fn write_all(&self) -> io::Result<()> {
        let mut written = (0, 0);
        loop {
            match self.outgoing.next(written) {
                Next::Write(batch) => {
                    written = (batch.len(), batch.bytes());
                    self.write(batch)?;
                }
                Next::Close(close) => return self.say_goodbye(&close),
                Next::End => return Ok(()),
                Next::Wait => {
                    written = (0, 0);
                    self.unless_cut(self.outgoing.wait_for_news())?;
                }
            }
        }
    }

    fn write(&self, mut batch: Batch) -> io::Result<()> {
        loop {
            let written = batch.write(self.transport);
            if written.is_ok() {
                return Ok(());
            }
            self.unless_cut(written)?;
            self.hurry();
            batch.cut();
        }
    }

    fn say_goodbye(&self, close: &Close) -> io::Result<()> {
        let mut last = Batch::default();
        last.push(goodbye(close)?);
        loop {
            self.hurry();
            let written = last.write(self.transport);
            if written.is_ok() {
                return Ok(());
            }
            self.unless_cut(written)?;
        }
    }

    fn hurry(&self) {
        let limit = match self.outgoing.is_abandoned() {
            true => Duration::ZERO,
            false => self.close,
        };
        self.transport.set_write_deadline(Instant::now().checked_add(limit));
    }

    /// Whoever cuts the queue off ends the wait of this task, once.
    fn unless_cut(&self, waited: io::Result<()>) -> io::Result<()> {
        match waited {
            Err(err) if WaitError::of(&err) == Some(WaitError::Draining) && self.outgoing.is_cut() => {
                Task::current().recall();
                Ok(())
            }
            waited => waited,
        }
    }
}
