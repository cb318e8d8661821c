//! A client's WebSocket: how it is opened, what is heard over it beside answers,
//! and how it is closed (RFC 6455).

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tungstenite::protocol::frame::coding::Control;

use super::{StreamClient, UNANSWERED};
use crate::base::taxonomy::{Doing, ErrorClass, Fault};
use crate::plan::churn::Linger;
use crate::plan::origin::Origin;
use crate::plan::websocket::{control, key, mask};
use crate::run::client::desk::{Trouble, trouble};

/// How long a server may take to answer a goodbye.
const FAREWELL: Duration = Duration::from_secs(1);
/// Of a normal end (section 7.4.1).
const NORMAL: [u8; 2] = 1000_u16.to_be_bytes();
/// What stands before a message at most.
const LONGEST_HEAD: usize = 14;

impl StreamClient {
    /// Whether there is a WebSocket, whose server may say something unasked.
    pub(super) fn has_socket(&self) -> bool {
        self.desk.job.plan.opening.is_some() && self.line.is_some()
    }

    /// Opens the WebSocket over a new connection by `due`, if one is to be.
    pub(super) fn open(&mut self, origin: Origin, due: Instant) -> Result<(), Trouble> {
        let job = Arc::clone(&self.desk.job);
        let (Some(opening), Some(line)) = (&job.plan.opening, &self.line) else {
            return Ok(());
        };
        let key = key(job.plan.seed, origin);
        line.write_all(opening.request(&key).as_bytes())
            .map_err(|err| trouble(&err, self.doing))?;
        self.established()?;
        loop {
            match opening.accepted(self.inbox.bytes(), &key) {
                Ok(Some(length)) => {
                    // Frames may have come along.
                    self.inbox.drop_front(length);
                    return Ok(());
                }
                Ok(None) => self.hear_handshake(due)?,
                Err(fault) => return Err(Trouble::Fault(fault)),
            }
        }
    }

    /// Reads more of the answer to the handshake.
    fn hear_handshake(&mut self, due: Instant) -> Result<(), Trouble> {
        match self.hear(due) {
            Ok(0) => Err(closed_within(self.inbox.bytes().len())),
            Ok(_) => Ok(()),
            // Cut off under TLS, which is nothing to tell apart here.
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Err(closed_within(self.inbox.bytes().len())),
            Err(err) if err.kind() == io::ErrorKind::TimedOut => Err(Trouble::Fault(Fault {
                class: ErrorClass::Timeout,
                detail: format!(
                    "the handshake was not answered within the {:?} of --connect-timeout",
                    self.desk.job.plan.connect_timeout
                ),
            })),
            Err(err) => Err(trouble(&err, Doing::Connecting)),
        }
    }

    /// Reads what comes by `due`, behind what is here.
    fn hear(&mut self, due: Instant) -> io::Result<usize> {
        let left = due.saturating_duration_since(Instant::now());
        let Some(line) = self.line.as_ref().filter(|_| !left.is_zero()) else {
            return Err(io::ErrorKind::TimedOut.into());
        };
        self.inbox.make_room(2 * self.inbox.bytes().len().max(512));
        line.set_read_timeout(left)?;
        let count = line.read(self.inbox.room())?;
        self.inbox.read(count);
        Ok(count)
    }

    /// How much may be sent: as over a bare connection, but always the oldest
    /// message to its end. Many servers read all of one before they answer it.
    pub(super) fn socket_room(&self) -> usize {
        let oldest = self.flights.front().map_or(0, |flight| flight.size + LONGEST_HEAD);
        let sent = self.on_their_way().saturating_sub(self.outbox.left());
        UNANSWERED.max(oldest).saturating_sub(sent)
    }

    /// Bytes that frames add to the answers that are to come, at most.
    pub(super) fn frames(&self) -> usize {
        match self.desk.job.plan.opening {
            Some(_) => self.flights.len() * LONGEST_HEAD,
            None => 0,
        }
    }

    /// Takes what has come while nothing was on its way. Returns what a message
    /// says that is there all the same.
    pub(super) fn take_control_frames(&mut self) -> Result<Vec<u8>, Trouble> {
        match self.reader.messages.message(self.inbox.bytes()) {
            Ok(None) => {
                let settled = self.reader.messages.settled();
                self.inbox.drop_front(settled);
                Ok(Vec::new())
            }
            Ok(Some(message)) => Ok(message.body(self.inbox.bytes()).to_vec()),
            Err(fault) if fault.class == ErrorClass::ClosedEarly => Err(self.closed_by_frame(fault)),
            Err(fault) => Err(Trouble::Fault(fault)),
        }
    }

    /// Puts an answer to each ping that has come into the outbox.
    pub(super) fn answer_pings(&mut self) {
        for payload in self.reader.messages.pings() {
            self.desk.job.turnover.pinged();
            let mask = self.next_mask();
            control(Control::Pong, &payload, mask, self.outbox.end());
        }
    }

    /// The server has sent a close frame, which `fault` tells. It gets one back.
    pub(super) fn closed_by_frame(&mut self, fault: Fault) -> Trouble {
        self.server_closes();
        let answer = self.reader.messages.close().map(<[u8]>::to_vec);
        if let Some(code) = answer {
            self.say_close(&code);
        }
        Trouble::Fault(fault)
    }

    /// Says goodbye over a WebSocket that is at rest, and waits until the server
    /// has said it too (section 7.1.1).
    pub(super) fn farewell(&mut self) {
        let resets = self.desk.job.plan.linger == Linger::Rst;
        if resets || !self.has_socket() || !self.flights.is_empty() {
            return;
        }
        // Pings may wait for their answer.
        if self.send().is_err() || !self.say_close(&NORMAL) {
            return;
        }
        let due = Instant::now() + FAREWELL;
        while matches!(self.hear(due), Ok(1..)) {
            match self.reader.messages.message(self.inbox.bytes()) {
                Ok(None) => {
                    let settled = self.reader.messages.settled();
                    self.inbox.drop_front(settled);
                }
                // Its goodbye, or what it ought not to send.
                Ok(Some(_)) | Err(_) => break,
            }
        }
        // What is due meanwhile is late by the server's doing.
        self.desk.free_since = Instant::now();
    }

    /// Sends a close frame; false when it would come into the middle of another
    /// frame, or cannot be sent.
    fn say_close(&mut self, code: &[u8]) -> bool {
        let mask = self.next_mask();
        let mut frame = Vec::new();
        control(Control::Close, code, mask, &mut frame);
        let line = self.line.as_ref().filter(|_| self.outbox.left() == 0);
        line.is_some_and(|line| line.write_all(&frame).is_ok())
    }

    /// For a control frame; those of messages count from the other end.
    fn next_mask(&mut self) -> [u8; 4] {
        self.controls += 1;
        let origin = Origin {
            connection: self.desk.connection,
            sequence: u64::MAX - self.controls,
        };
        mask(self.desk.job.plan.seed, origin)
    }
}

fn closed_within(bytes: usize) -> Trouble {
    let class = match bytes {
        0 => ErrorClass::ClosedEarly,
        _ => ErrorClass::Short,
    };
    Trouble::Fault(Fault {
        class,
        detail: format!("the server closed after {bytes} bytes of the answer to the handshake"),
    })
}
