//! A client over a connection.

mod connection;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::buffers::{Inbox, Outbox};
use super::{Desk, Flight, Served, Trouble, trouble};
use crate::codec::Answer;
use crate::job::{Churn, Job};
use crate::line::Line;
use crate::taxonomy::{Doing, ErrorClass, Fault};

/// Bytes on their way at most: a longer message is sent while its answer comes
/// in, because a server that echoes as it reads, and a client that reads only
/// when it has written all, would wait for each other.
const UNANSWERED: usize = 64 * 1024;

/// A client whose messages go over a connection, one after the other.
#[derive(Debug)]
pub(crate) struct StreamClient {
    desk: Desk,
    /// `None` between two connections.
    line: Option<Line>,
    /// What a write does: the first one may be what completes the connection.
    doing: Doing,
    /// Messages that this connection carried.
    carried: u64,
    connected: Instant,
    /// In the order in which they were sent and are answered.
    flights: VecDeque<Flight>,
    outbox: Outbox,
    inbox: Inbox,
    /// Bytes written for which none came back yet.
    unanswered: usize,
    /// When the server last showed that it lives.
    heard: Instant,
    /// In a row, the last one included.
    failures: u32,
    /// Whether the connection is to carry no more.
    leaving: bool,
}

impl StreamClient {
    /// Connects and exchanges one message.
    pub(super) fn arrive(job: &Arc<Job>, connection: u32) -> Result<StreamClient, Trouble> {
        let now = Instant::now();
        let mut client = StreamClient {
            desk: Desk::new(job, connection),
            line: None,
            doing: Doing::Connecting,
            carried: 0,
            connected: now,
            flights: VecDeque::new(),
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            unanswered: 0,
            heard: now,
            failures: 0,
            leaving: false,
        };
        client.exchange()?;
        Ok(client)
    }

    /// Sends and verifies until the run is over.
    pub(super) fn work(mut self) -> Served {
        self.desk.start();
        while !self.desk.is_over() || !self.flights.is_empty() {
            match self.turn() {
                Ok(()) => {}
                Err(Trouble::Fault(fault)) => self.recover(fault),
                Err(Trouble::Stopped) => break,
            }
        }
        self.desk.served.unfinished += self.flights.len() as u64 + self.desk.left_over();
        self.hang_up();
        self.desk.served
    }

    /// One more exchange.
    pub(super) fn say_goodbye(mut self) -> Served {
        match self.exchange() {
            Ok(()) => {}
            Err(Trouble::Fault(fault)) => self.desk.note(fault),
            Err(Trouble::Stopped) => self.desk.served.unfinished += 1,
        }
        self.desk.served
    }

    /// One message there and back, now. A wrong answer is a fault.
    fn exchange(&mut self) -> Result<(), Trouble> {
        let now = Instant::now();
        self.begin(now, now)?;
        while !self.flights.is_empty() {
            self.send()?;
            self.receive(Instant::now())?.map_err(Trouble::Fault)?;
        }
        Ok(())
    }

    /// What is due is sent, what comes is taken.
    fn turn(&mut self) -> Result<(), Trouble> {
        let mut now = Instant::now();
        while self.may_begin() {
            let Some(intended) = self.desk.take_turn(now) else {
                break;
            };
            if !self.desk.sheds(intended, now) {
                now = self.begin(intended, now)?;
            }
        }
        self.send()?;
        if self.flights.is_empty() {
            self.part();
            return self.desk.rest();
        }
        if let Err(fault) = self.receive(now)? {
            self.desk.note(fault);
        }
        Ok(())
    }

    fn may_begin(&self) -> bool {
        self.flights.len() < self.desk.job.plan.depth as usize && !self.leaving && self.desk.may_send()
    }

    /// Puts a message into the outbox, over a new connection if there is none.
    /// Returns what the time is then.
    fn begin(&mut self, intended: Instant, mut now: Instant) -> Result<Instant, Trouble> {
        let origin = self.desk.next_origin();
        let mut began = now;
        if self.line.is_none() {
            self.connect(origin).map_err(|err| trouble(&err, Doing::Connecting))?;
            now = Instant::now();
            if self.desk.job.plan.churn != Churn::PerRequest {
                began = now;
            }
        }
        if self.flights.is_empty() {
            self.heard = began;
        }
        let size = self.desk.job.encode(origin, self.outbox.end());
        let flight = Flight {
            origin,
            intended,
            began,
            size,
        };
        self.desk.sent(&flight);
        self.flights.push_back(flight);
        self.carried += 1;
        self.leaving = self.desk.job.plan.churn.is_over(self.carried, self.connected);
        Ok(now)
    }

    /// Writes what may be written of the outbox.
    fn send(&mut self) -> Result<(), Trouble> {
        let Some(line) = &self.line else {
            return Ok(());
        };
        // A request is read before it is answered: all of it may go out.
        let echoes = self.desk.job.plan.request.is_none();
        let room = if echoes {
            UNANSWERED.saturating_sub(self.unanswered)
        } else {
            usize::MAX
        };
        let now = self.outbox.next(room);
        if now.is_empty() {
            return Ok(());
        }
        let count = now.len();
        line.write_all(now).map_err(|err| trouble(&err, self.doing))?;
        if self.doing == Doing::Connecting {
            self.doing = Doing::Sending;
            let limit = self.desk.job.plan.timeout;
            line.set_write_timeout(limit)
                .map_err(|err| trouble(&err, Doing::Sending))?;
        }
        self.outbox.wrote(count);
        self.unanswered += count;
        Ok(())
    }

    /// Waits for bytes and takes the answers among them; the inner result is of
    /// those.
    fn receive(&mut self, now: Instant) -> Result<Result<(), Fault>, Trouble> {
        self.inbox.make_room(self.expected());
        let Some(line) = &self.line else {
            return Ok(Ok(()));
        };
        let deadline = self.heard + self.desk.job.plan.timeout;
        if self.desk.pace.due().is_some() {
            let patience = self.desk.patience(deadline, self.may_begin(), now);
            line.set_read_timeout(patience)
                .map_err(|err| trouble(&err, Doing::Receiving))?;
        }
        match line.read(self.inbox.room()) {
            Ok(0) => self.ended(),
            Ok(count) => {
                self.heard = Instant::now();
                self.inbox.read(count);
                self.unanswered = self.unanswered.saturating_sub(count);
                self.take_answers(false)
            }
            // It was time to send, not to give up.
            Err(err) if err.kind() == io::ErrorKind::TimedOut && Instant::now() < deadline => Ok(Ok(())),
            Err(err) => Err(trouble(&err, Doing::Receiving)),
        }
    }

    /// How many bytes there should be room for.
    fn expected(&self) -> usize {
        let filled = self.inbox.bytes().len();
        match self.desk.job.plan.request {
            // How long a response is, its head will tell.
            Some(_) => filled.max(1024) * 2,
            None => {
                let sizes = self.flights.iter().map(|flight| flight.size);
                sizes.sum::<usize>().min(filled + UNANSWERED)
            }
        }
    }

    fn take_answers(&mut self, ended: bool) -> Result<Result<(), Fault>, Trouble> {
        let (mut at, mut verdict, mut last) = (0, Ok(()), false);
        while let Some(flight) = self.flights.front().filter(|_| !last) {
            let decoded = self.desk.job.decode(flight.origin, &self.inbox.bytes()[at..], ended);
            let Some(answer) = decoded.map_err(Trouble::Fault)? else {
                break;
            };
            at += answer.length;
            last = answer.last;
            verdict = self.finish(answer).and(verdict);
        }
        self.inbox.drop_front(at);
        if last {
            self.desk.served.unfinished += self.flights.len() as u64;
            self.hang_up();
        } else if self.flights.is_empty() {
            self.part();
        }
        Ok(verdict)
    }

    fn finish(&mut self, answer: Answer) -> Result<(), Fault> {
        if self.flights.len() == self.desk.job.plan.depth as usize {
            self.desk.free_since = self.heard;
        }
        if let Some(mut flight) = self.flights.pop_front() {
            flight.size = answer.length;
            answer.verdict?;
            self.failures = 0;
            self.desk.answered(&flight, self.heard);
        }
        Ok(())
    }

    /// The server has closed: that may end a response, and else is a fault.
    fn ended(&mut self) -> Result<Result<(), Fault>, Trouble> {
        let waiting = self.flights.len();
        let verdict = self.take_answers(true)?;
        if self.flights.len() < waiting {
            self.hang_up();
            return Ok(verdict);
        }
        let read = self.inbox.bytes().len();
        let class = match read {
            0 => ErrorClass::ClosedEarly,
            _ => ErrorClass::Short,
        };
        let detail = format!("the server closed after {read} bytes of the answer");
        Err(Trouble::Fault(Fault { class, detail }))
    }
}
