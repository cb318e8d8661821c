//! A client by datagrams: each message travels by itself, and none is sent again.

mod socket;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use socket::Socket;

use super::desk::{Desk, Flight, Served, Trouble, trouble};
use crate::base::taxonomy::{Doing, ErrorClass, Fault};
use crate::plan::origin::Origin;
use crate::run::job::Job;

/// How many unanswered messages are remembered, to know their answers when they
/// come late.
const REMEMBERED: usize = 4096;

/// A client whose messages are datagrams.
#[derive(Debug)]
pub(crate) struct DatagramClient {
    desk: Desk,
    socket: Socket,
    /// In the order in which they were sent.
    flights: VecDeque<Flight>,
    /// Messages whose time is over, by their sequence.
    overdue: BTreeSet<u64>,
    /// The highest sequence that was answered: what is answered after it and was
    /// sent before it is out of order. What is lost on the way makes nothing so.
    newest: u64,
    outbox: Vec<u8>,
    inbox: Vec<u8>,
}

impl DatagramClient {
    /// Exchanges messages until one is answered, for as long as connecting may take.
    pub(super) fn arrive(job: &Arc<Job>, connection: u32) -> Result<DatagramClient, Trouble> {
        let mut client = DatagramClient {
            desk: Desk::new(job, connection),
            socket: Socket::open(job, connection).map_err(|err| trouble(&err, Doing::Connecting))?,
            flights: VecDeque::new(),
            overdue: BTreeSet::new(),
            newest: 0,
            outbox: Vec::new(),
            // One byte more than there can be: a longer answer shows.
            inbox: vec![0; job.payload.sizes().largest() + 1],
        };
        let deadline = Instant::now() + job.plan.connect_timeout;
        // Not the same message again, but the next one.
        while !client.exchange()? {
            if Instant::now() >= deadline || client.desk.is_over() {
                client.give_up();
                return Err(Trouble::Stopped);
            }
        }
        Ok(client)
    }

    /// Sends and verifies until the run is over.
    pub(super) fn work(mut self) -> Served {
        self.desk.start();
        while !self.desk.is_over() || !self.flights.is_empty() {
            match self.turn() {
                Ok(()) => {}
                Err(Trouble::Fault(fault)) => self.desk.note(fault),
                Err(Trouble::Counted) => {}
                Err(Trouble::Stopped) => break,
            }
        }
        self.give_up();
        self.desk.served.unfinished += self.flights.len() as u64 + self.desk.left_over();
        self.desk.served
    }

    /// One more exchange.
    pub(super) fn say_goodbye(mut self) -> Served {
        let said = self.exchange();
        if said.is_ok() {
            self.give_up();
        }
        self.desk.after_goodbye(said.map(drop))
    }

    /// One message there, now; whether an answer came before it was overdue.
    fn exchange(&mut self) -> Result<bool, Trouble> {
        let overdue = self.overdue.len();
        self.begin(Instant::now())?;
        while !self.flights.is_empty() {
            self.receive(Instant::now())?;
        }
        Ok(self.overdue.len() <= overdue)
    }

    /// What is overdue will not be answered any more.
    fn give_up(&mut self) {
        while let Some(sequence) = self.overdue.pop_first() {
            self.desk.note(lost(sequence));
        }
    }

    fn turn(&mut self) -> Result<(), Trouble> {
        let mut now = Instant::now();
        while self.may_begin() {
            let Some(intended) = self.desk.take_turn(now) else {
                break;
            };
            if !self.desk.sheds(intended, now) {
                self.begin(intended)?;
                now = Instant::now();
            }
        }
        match self.flights.is_empty() && (self.desk.pace.due().is_none() || !self.desk.may_send()) {
            true => self.desk.rest(),
            false => self.receive(now),
        }
    }

    fn may_begin(&self) -> bool {
        self.desk.may_send_beside(self.flights.len())
    }

    fn begin(&mut self, intended: Instant) -> Result<(), Trouble> {
        let origin = self.desk.next_origin();
        self.outbox.clear();
        let size = self.desk.job.encode(origin, &mut self.outbox);
        let began = Instant::now();
        self.socket
            .send(&self.outbox)
            .map_err(|err| trouble(&err, Doing::Sending))?;
        let flight = Flight {
            origin,
            intended,
            began,
            // The queue of a Unix datagram socket is short: senders wait for room.
            awaited: Instant::now(),
            size,
        };
        self.desk.sent(&flight);
        self.flights.push_back(flight);
        Ok(())
    }

    /// Waits for a datagram, until the oldest message is overdue or the next is
    /// to be sent.
    fn receive(&mut self, now: Instant) -> Result<(), Trouble> {
        let timeout = self.desk.job.plan.timeout;
        let deadline = self
            .flights
            .front()
            .map_or(now + super::desk::NAP, |flight| flight.awaited + timeout);
        let patience = self.desk.patience(deadline, self.may_begin(), now);
        let doing = |err: io::Error| trouble(&err, Doing::Receiving);
        self.socket.set_read_timeout(patience).map_err(doing)?;
        let received = self.socket.recv(&mut self.inbox);
        let now = Instant::now();
        match received {
            Ok(count) => self.take(count, now),
            Err(err) if err.kind() == io::ErrorKind::TimedOut => {}
            Err(err) => return Err(doing(err)),
        }
        self.expire(now);
        Ok(())
    }

    /// Forgets about messages that should have been answered.
    fn expire(&mut self, now: Instant) {
        let timeout = self.desk.job.plan.timeout;
        while self
            .flights
            .front()
            .is_some_and(|flight| now >= flight.awaited + timeout)
        {
            let Some(flight) = self.flights.pop_front() else {
                return;
            };
            self.desk.free_since = now;
            self.overdue.insert(flight.origin.sequence);
            if self.overdue.len() > REMEMBERED
                && let Some(sequence) = self.overdue.pop_first()
            {
                self.desk.note(lost(sequence));
            }
        }
    }

    /// Takes the datagram of `length` bytes in the inbox.
    fn take(&mut self, length: usize, now: Instant) {
        let bytes = &self.inbox[..length.min(self.inbox.len())];
        match self.desk.job.payload.origin_of(bytes) {
            Some(origin) if origin.connection != self.desk.connection => self.desk.note(misrouted(origin)),
            Some(origin) => self.take_own(origin, length, now),
            // Whose it was cannot be read: it most likely answers the oldest.
            None => self.take_broken(length),
        }
    }

    fn take_own(&mut self, origin: Origin, length: usize, now: Instant) {
        let Some(place) = self.flights.iter().position(|flight| flight.origin == origin) else {
            let class = match self.overdue.remove(&origin.sequence) {
                true => ErrorClass::Late,
                false => ErrorClass::Duplicate,
            };
            return self.desk.note(about(class, origin.sequence));
        };
        if origin.sequence < self.newest {
            self.desk.note(about(ErrorClass::Reordered, origin.sequence));
        }
        self.newest = self.newest.max(origin.sequence);
        let Some(flight) = self.flights.remove(place) else {
            return;
        };
        self.desk.free_since = now;
        let verdict = match length < flight.size {
            true => Err(truncated(&flight, length)),
            false => self.desk.job.verify(origin, &self.inbox[..length]),
        };
        match verdict {
            Ok(()) => self.desk.answered(&flight, now),
            Err(fault) => self.desk.note(fault),
        }
    }

    fn take_broken(&mut self, length: usize) {
        let Some(flight) = self.flights.pop_front() else {
            return self.desk.note(about(ErrorClass::Corrupt, self.desk.sequence));
        };
        let verdict = match length < flight.size {
            true => Err(truncated(&flight, length)),
            false => self.desk.job.verify(flight.origin, &self.inbox[..length]),
        };
        self.desk.note(
            verdict
                .err()
                .unwrap_or_else(|| about(ErrorClass::Corrupt, flight.origin.sequence)),
        );
    }
}

fn about(class: ErrorClass, sequence: u64) -> Fault {
    Fault {
        class,
        detail: format!("message {sequence}"),
    }
}

fn lost(sequence: u64) -> Fault {
    about(ErrorClass::Lost, sequence)
}

fn misrouted(origin: Origin) -> Fault {
    Fault {
        class: ErrorClass::Misrouted,
        detail: format!("it is message {} of connection {}", origin.sequence, origin.connection),
    }
}

fn truncated(flight: &Flight, length: usize) -> Fault {
    Fault {
        class: ErrorClass::Truncated,
        detail: format!(
            "{length} of {} bytes of message {}",
            flight.size, flight.origin.sequence
        ),
    }
}
