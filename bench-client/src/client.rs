//! One simulated client, written as if it had the machine to itself.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use greenserve::net::TcpStream;
use greenserve::runtime;

use crate::dial::dial;
use crate::job::{Churn, Job, Phase, Verify};
use crate::payload::Origin;
use crate::taxonomy::{Doing, ErrorClass, Fault};
use crate::verify::{Mismatch, judge};

/// Bytes on their way at most: a longer message is sent while its answer comes
/// in, because a server that echoes as it reads, and a client that reads only
/// when it has written all, would wait for each other.
const UNANSWERED: usize = 64 * 1024;

/// Pause after the second failure in a row; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A client that got its first answer.
#[derive(Debug)]
pub(crate) struct Client {
    job: Arc<Job>,
    connection: u32,
    sequence: u64,
    /// `None` between two connections.
    stream: Option<TcpStream>,
    message: Vec<u8>,
    answer: Vec<u8>,
    /// In a row, the last one included.
    failures: u32,
}

/// What a client has done when it ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Served {
    /// Echoes that counted.
    pub(crate) echoes: u64,
    /// Whether it waited for an answer when it was told to stop.
    pub(crate) unfinished: bool,
}

/// Why an exchange came to nothing.
enum Trouble {
    Fault(Fault),
    /// The client was told to stop.
    Stopped,
}

impl Client {
    /// Connects and exchanges one message: a connection that no answer came
    /// over may be one the kernel accepted and the server never saw.
    pub(crate) fn arrive(job: &Arc<Job>, connection: u32) -> Option<Client> {
        let size = job.payload.size();
        let mut client = Client {
            job: Arc::clone(job),
            connection,
            sequence: 0,
            stream: None,
            message: vec![0; size],
            answer: vec![0; size],
            failures: 0,
        };
        let began = Instant::now();
        match client.exchange() {
            Ok(_) => {
                job.arrivals.record(connection, began.elapsed());
                Some(client)
            }
            Err(Trouble::Fault(fault)) => {
                job.faults.note(connection, fault);
                None
            }
            Err(Trouble::Stopped) => None,
        }
    }

    /// Sends and verifies until the run is over.
    pub(crate) fn work(mut self) -> Served {
        let mut served = Served::default();
        while self.job.phase() != Phase::Over {
            match self.exchange() {
                Ok(took) => self.count(took, &mut served),
                Err(Trouble::Fault(fault)) => self.recover(fault),
                Err(Trouble::Stopped) => {
                    served.unfinished = true;
                    break;
                }
            }
        }
        served
    }

    /// One more exchange, to prove that an idle connection was held.
    pub(crate) fn say_goodbye(mut self) -> Served {
        let mut served = Served::default();
        match self.exchange() {
            Ok(_) => {}
            Err(Trouble::Fault(fault)) => self.job.faults.note(self.connection, fault),
            Err(Trouble::Stopped) => served.unfinished = true,
        }
        served
    }

    fn count(&mut self, took: Duration, served: &mut Served) {
        self.failures = 0;
        if self.job.phase() == Phase::Measure {
            self.job.echoes.record(self.connection, took);
            served.echoes += 1;
        }
    }

    /// Counts the fault; the next exchange makes a new connection if this one
    /// was lost. A server that refuses again and again is not hammered.
    fn recover(&mut self, fault: Fault) {
        self.job.faults.note(self.connection, fault);
        if self.stream.is_some() {
            return;
        }
        if self.failures > 0 {
            let pause = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(10));
            // Told to stop: the phase says so too.
            let _ = runtime::sleep(pause.min(LONGEST_PAUSE));
        }
        self.failures += 1;
    }

    /// One message there and back: how long it took.
    fn exchange(&mut self) -> Result<Duration, Trouble> {
        let origin = self.next_message();
        let keeps = self.job.plan.churn == Churn::Never;
        let mut began = Instant::now();
        let (stream, doing) = match self.stream.take() {
            Some(stream) => (stream, Doing::Sending),
            None => {
                let dialled = dial(&self.job.plan, origin).map_err(|err| trouble(&err, Doing::Connecting))?;
                if keeps {
                    began = Instant::now();
                }
                dialled
            }
        };
        converse(&stream, doing, &self.message, &mut self.answer)?;
        let took = began.elapsed();
        if keeps {
            self.stream = Some(stream);
        }
        self.check(origin)?;
        Ok(took)
    }

    fn next_message(&mut self) -> Origin {
        let origin = Origin {
            connection: self.connection,
            sequence: self.sequence,
        };
        self.sequence += 1;
        self.job.payload.fill(origin, &mut self.message);
        origin
    }

    fn check(&self, origin: Origin) -> Result<(), Trouble> {
        if self.job.plan.verify == Verify::Off {
            return Ok(());
        }
        judge(&self.job.payload, origin, &self.message, &self.answer).map_err(|mismatch| wrong(origin, mismatch))
    }
}

/// Sends `message` and reads as many bytes of `answer`; a failure to write is
/// one of `doing`.
fn converse(mut stream: &TcpStream, doing: Doing, message: &[u8], answer: &mut [u8]) -> Result<(), Trouble> {
    let (mut sent, mut received) = (0, 0);
    while received < message.len() {
        let may_send = message.len().min(received + UNANSWERED);
        if sent < may_send {
            stream
                .write_all(&message[sent..may_send])
                .map_err(|err| trouble(&err, doing))?;
            sent = may_send;
        }
        match stream.read(&mut answer[received..sent]) {
            Ok(0) => return Err(ended(received, message.len())),
            Ok(count) => received += count,
            Err(err) => return Err(trouble(&err, Doing::Receiving)),
        }
    }
    Ok(())
}

fn trouble(err: &std::io::Error, doing: Doing) -> Trouble {
    Fault::of(err, doing).map_or(Trouble::Stopped, Trouble::Fault)
}

#[cold]
fn ended(received: usize, expected: usize) -> Trouble {
    Trouble::Fault(Fault {
        class: match received {
            0 => ErrorClass::ClosedEarly,
            _ => ErrorClass::Short,
        },
        detail: format!("the server closed after {received} of {expected} bytes"),
    })
}

#[cold]
fn wrong(origin: Origin, mismatch: Mismatch) -> Trouble {
    let class = match mismatch {
        Mismatch::Corrupt { .. } => ErrorClass::Corrupt,
        Mismatch::Misrouted(_) => ErrorClass::Misrouted,
        Mismatch::Duplicate(_) => ErrorClass::Duplicate,
    };
    let detail = format!("in the answer to message {}: {mismatch}", origin.sequence);
    Trouble::Fault(Fault { class, detail })
}
