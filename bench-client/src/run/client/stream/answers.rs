//! What a client makes of the bytes that come over its connection.

use std::time::Instant;

use super::StreamClient;
use crate::base::taxonomy::{ErrorClass, Fault};
use crate::run::client::codec::{Answer, Step};
use crate::run::client::desk::Trouble;

/// What there was of the oldest answer.
enum Taken {
    /// Not all of it.
    Nothing,
    /// So many bytes.
    Whole(usize),
    /// So many bytes, behind which the connection carries no other answer.
    Last(usize),
}

impl StreamClient {
    /// Takes the whole answers that are here, and counts what is wrong with them;
    /// `ended` when no more can come.
    ///
    /// # Errors
    /// When the server says that it has closed, which no answer can follow.
    pub(super) fn take_answers(&mut self, ended: bool) -> Result<(), Trouble> {
        let mut at = 0;
        let leaves = loop {
            match self.take_answer(at, ended)? {
                Taken::Nothing => break false,
                Taken::Whole(length) => at += length,
                Taken::Last(length) => {
                    at += length;
                    break true;
                }
            }
        };
        self.inbox.drop_front(at);
        match leaves {
            true => {
                self.disconnect();
                self.pause();
                Ok(())
            }
            false if self.flights.is_empty() => self.check_silence(),
            false => Ok(()),
        }
    }

    /// Takes the oldest answer, which begins at `at`.
    fn take_answer(&mut self, at: usize, ended: bool) -> Result<Taken, Trouble> {
        let Some(flight) = self.flights.front() else {
            return Ok(Taken::Nothing);
        };
        let bytes = &self.inbox.bytes()[at..];
        let taken = match self.desk.job.decode(flight.origin, bytes, ended, &mut self.reader) {
            Ok(None) => Taken::Nothing,
            // One byte or one message too many is one fault: what is behind it is
            // asked for again, over a connection where answers are in their place.
            Ok(Some(answer)) if self.in_doubt && answer.step == Step::Lost => Taken::Last(0),
            Ok(Some(answer)) => {
                let (length, last) = (answer.length, answer.last);
                self.finish(answer);
                if last {
                    self.server_closes();
                    Taken::Last(length)
                } else {
                    Taken::Whole(length)
                }
            }
            Err(fault) if fault.class == ErrorClass::ClosedEarly => return Err(self.closed_by_frame(fault)),
            Err(fault) => {
                self.flights.pop_front();
                self.desk.note(fault);
                self.failures += 1;
                Taken::Last(0)
            }
        };
        Ok(taken)
    }

    fn finish(&mut self, answer: Answer) {
        if self.flights.len() == self.desk.job.plan.depth as usize {
            self.desk.free_since = self.heard;
        }
        let Some(mut flight) = self.flights.pop_front() else {
            return;
        };
        if let Some(next) = self.flights.front_mut() {
            next.awaited = self.heard;
        }
        flight.size = answer.size;
        self.in_doubt = answer.step != Step::Kept;
        match answer.verdict {
            Ok(()) => {
                self.failures = 0;
                self.right += 1;
                self.desk.answered(&flight, self.heard);
            }
            Err(fault) => self.desk.note(fault),
        }
    }

    /// Nothing is on its way: nothing may come, but for the control frames of a
    /// WebSocket.
    fn check_silence(&mut self) -> Result<(), Trouble> {
        let stray = match self.desk.job.plan.opening.is_some() {
            true => self.take_control_frames()?,
            false => self.inbox.bytes().to_vec(),
        };
        if stray.is_empty() {
            self.part();
            return Ok(());
        }
        // Behind a wrong answer they are the rest of the same fault.
        if !self.in_doubt {
            let fault = self.desk.job.stray(self.desk.connection, &stray);
            self.desk.note(fault);
        }
        self.disconnect();
        Ok(())
    }

    /// The server has closed: that may end a response, and else is a fault.
    pub(super) fn ended(&mut self) -> Result<(), Trouble> {
        self.take_answers(true)?;
        if self.line.is_none() {
            return Ok(());
        }
        Err(self.closed_within(""))
    }

    /// The connection has ended and its TLS session has not: anybody on the way
    /// may have cut it, so that it does not end a response (RFC 9112, section 9.8).
    pub(super) fn cut_off(&self) -> Trouble {
        self.closed_within(", and did not say that it has finished (close_notify of TLS)")
    }

    fn closed_within(&self, how: &str) -> Trouble {
        self.server_closes();
        let read = self.inbox.bytes().len();
        let class = match read {
            0 => ErrorClass::ClosedEarly,
            _ => ErrorClass::Short,
        };
        let detail = match self.flights.is_empty() {
            true => "the server closed when nothing was on its way, without a close frame".to_owned(),
            false => format!("the server closed after {read} bytes of the answer{how}"),
        };
        Trouble::Fault(Fault { class, detail })
    }

    /// A whole answer has `--timeout` from when it is the oldest on its way:
    /// a server that sends it byte by byte must not keep a client for ever.
    pub(super) fn check_time(&self, now: Instant) -> Result<(), Trouble> {
        let limit = self.desk.job.plan.timeout;
        let oldest = self.flights.front().filter(|_| self.line.is_some());
        let Some(flight) = oldest.filter(|flight| now >= flight.awaited + limit) else {
            return Ok(());
        };
        let detail = format!(
            "{} bytes of the answer to message {} came within the {:?} of --timeout, and not all of it",
            self.inbox.bytes().len(),
            flight.origin.sequence,
            limit
        );
        Err(Trouble::Fault(Fault {
            class: ErrorClass::ReadTimeout,
            detail,
        }))
    }
}
