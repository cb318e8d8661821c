//! A client over a connection.

mod answers;
mod connection;
mod websocket;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use super::buffers::{Inbox, Outbox};
use super::codec::Reader;
use super::desk::{Desk, Flight, NAP, Served, Trouble, trouble};
use crate::base::taxonomy::Doing;
use crate::plan::churn::Churn;
use crate::plan::tls::Tls;
use crate::run::client::line::Line;
use crate::run::job::Job;

/// Bytes on their way at most: a longer message is sent while its answer comes
/// in, because a server that echoes as it reads, and a client that reads only
/// when it has written all, would wait for each other.
const UNANSWERED: usize = 64 * 1024;

/// A client whose messages go over a connection, one after the other.
#[derive(Debug)]
pub(crate) struct StreamClient {
    desk: Desk,
    /// With the tickets of this client.
    tls: Option<Tls>,
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
    /// What is known of the answer that the inbox begins with.
    reader: Reader,
    /// Bytes written for which none came back yet.
    unanswered: usize,
    /// When bytes last came.
    heard: Instant,
    /// In a row, the last one included.
    failures: u32,
    /// Right answers, in all phases.
    right: u64,
    /// Whether a wrong answer left open if those behind it are in their place.
    in_doubt: bool,
    /// Whether the connection is to carry no more.
    leaving: bool,
    /// Control frames that were sent over WebSockets.
    controls: u64,
}

impl StreamClient {
    /// Connects and exchanges one message.
    pub(super) fn arrive(job: &Arc<Job>, connection: u32) -> Result<StreamClient, Trouble> {
        let now = Instant::now();
        let mut client = StreamClient {
            desk: Desk::new(job, connection),
            tls: job.plan.tls.as_ref().map(Tls::of_one_client),
            line: None,
            doing: Doing::Connecting,
            carried: 0,
            connected: now,
            flights: VecDeque::new(),
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            reader: Reader::default(),
            unanswered: 0,
            heard: now,
            failures: 0,
            right: 0,
            in_doubt: false,
            leaving: false,
            controls: 0,
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
                Err(Trouble::Counted) => {}
                Err(Trouble::Stopped) => break,
            }
        }
        self.desk.served.unfinished += self.flights.len() as u64 + self.desk.left_over();
        self.farewell();
        self.hang_up();
        self.desk.served
    }

    /// One more exchange.
    pub(super) fn say_goodbye(mut self) -> Served {
        let said = self.exchange();
        self.farewell();
        self.desk.after_goodbye(said)
    }

    /// One message there and back, now. A wrong answer is a fault.
    fn exchange(&mut self) -> Result<(), Trouble> {
        let now = Instant::now();
        let right = self.right;
        self.begin(now, now)?;
        while !self.flights.is_empty() {
            self.resume()?;
            self.send()?;
            self.receive(Instant::now())?;
        }
        if self.has_socket() {
            // The answers to pings.
            self.send()?;
        }
        match self.right > right {
            true => Ok(()),
            false => Err(Trouble::Counted),
        }
    }

    /// What is due is sent, what comes is taken.
    fn turn(&mut self) -> Result<(), Trouble> {
        self.resume()?;
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
            if !self.has_socket() {
                return self.desk.rest();
            }
        }
        self.receive(now)
    }

    fn may_begin(&self) -> bool {
        !self.leaving && self.desk.may_send_beside(self.flights.len())
    }

    /// Puts a message into the outbox, over a new connection if there is none.
    /// Returns what the time is then.
    fn begin(&mut self, intended: Instant, mut now: Instant) -> Result<Instant, Trouble> {
        let origin = self.desk.next_origin();
        let mut began = now;
        if self.line.is_none() {
            self.connect(origin)?;
            now = Instant::now();
            if self.desk.job.plan.churn != Churn::PerRequest {
                began = now;
            }
        }
        let size = self.desk.job.encode(origin, self.outbox.end());
        let flight = Flight {
            origin,
            intended,
            began,
            awaited: now,
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
        let now = self.outbox.next(self.room());
        if now.is_empty() {
            return Ok(());
        }
        let count = now.len();
        line.write_all(now).map_err(|err| trouble(&err, self.doing))?;
        self.outbox.wrote(count);
        self.unanswered += count;
        self.established()
    }

    /// A write went well: whatever it completed, the next one has its own time.
    fn established(&mut self) -> Result<(), Trouble> {
        if let (Some(line), Doing::Connecting) = (&self.line, self.doing) {
            self.doing = Doing::Sending;
            let limit = self.desk.job.plan.timeout;
            line.set_write_timeout(limit)
                .map_err(|err| trouble(&err, Doing::Sending))?;
        }
        Ok(())
    }

    /// How much may be sent before more has come back.
    fn room(&self) -> usize {
        let plan = &self.desk.job.plan;
        match (&plan.request, &plan.opening) {
            // A request is read before it is answered: all of it may go out.
            (Some(_), _) => usize::MAX,
            (None, Some(_)) => self.socket_room(),
            (None, None) => UNANSWERED.saturating_sub(self.unanswered),
        }
    }

    /// Waits for bytes and takes the answers among them.
    fn receive(&mut self, now: Instant) -> Result<(), Trouble> {
        self.inbox.make_room(self.expected());
        let Some(line) = &self.line else {
            return Ok(());
        };
        let timeout = self.desk.job.plan.timeout;
        let deadline = match self.flights.front() {
            Some(oldest) => oldest.awaited + timeout,
            None => now + NAP,
        };
        let patience = self.desk.patience(deadline, self.may_begin(), now);
        line.set_read_timeout(patience)
            .map_err(|err| trouble(&err, Doing::Receiving))?;
        match line.read(self.inbox.room()) {
            Ok(0) => self.ended(),
            Ok(count) => {
                self.heard = Instant::now();
                self.inbox.read(count);
                self.unanswered = self.unanswered.saturating_sub(count);
                self.take_answers(false)?;
                self.answer_pings();
                self.check_time(self.heard)
            }
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Err(self.cut_off()),
            // Or it was time to send.
            Err(err) if err.kind() == io::ErrorKind::TimedOut => self.check_time(Instant::now()),
            Err(err) => Err(trouble(&err, Doing::Receiving)),
        }
    }

    /// How many bytes there should be room for.
    fn expected(&self) -> usize {
        let filled = self.inbox.bytes().len();
        match self.desk.job.plan.request {
            // How long a response is, its head will tell.
            Some(_) => filled.max(1024) * 2,
            None => (self.on_their_way() + self.frames()).min(filled + UNANSWERED),
        }
    }

    /// Bytes of the messages that are.
    fn on_their_way(&self) -> usize {
        self.flights.iter().map(|flight| flight.size).sum()
    }
}
