//! What the clients of one run share: the plan, the phase and the books.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use greenserve::runtime;

use crate::ceiling;
use crate::failure::Failure;
use crate::http::Request;
use crate::listeners::Site;
use crate::pace::{Loop, Schedule};
use crate::payload::{Content, Payload};
use crate::protocol::Protocol;
use crate::recording::Recorder;
use crate::sampling::Sampling;
use crate::sizes::Sizes;
use crate::source::Sources;
use crate::tally::Tally;
use crate::target::Endpoint;
use crate::verdict::VerdictOptions;

/// More connections than this come from more than one address: the kernel
/// looks through half of an address's ports before it tries the other half.
const MANY: u32 = 10_000;

/// What is to be measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What is spoken.
    pub(crate) protocol: Protocol,
    /// The server.
    pub(crate) endpoint: Endpoint,
    /// For HTTP, what is asked.
    pub(crate) request: Option<Request>,
    /// Where the clients connect from, if it matters.
    pub(crate) sources: Option<Sources>,
    /// How many simulated clients.
    pub(crate) clients: u32,
    /// With how many of them connected the server's memory is read first; it is
    /// not looked at if that is all of them.
    pub(crate) few: u32,
    /// Over how long the clients' connecting is spread.
    pub(crate) ramp: Duration,
    /// How long they work before anything counts.
    pub(crate) warmup: Duration,
    /// How long what they do counts, at most.
    pub(crate) duration: Duration,
    /// Answers after which it is over all the same.
    pub(crate) requests: Option<u64>,
    /// Errors beyond which it is over.
    pub(crate) most_errors: Option<u64>,
    /// What decides when they send.
    pub(crate) pace: Loop,
    /// Messages a client may have on their way.
    pub(crate) depth: u32,
    /// Bytes in a message.
    pub(crate) sizes: Sizes,
    /// What messages are made of.
    pub(crate) content: Content,
    /// What the messages are a function of.
    pub(crate) seed: u64,
    /// How far answers are checked.
    pub(crate) verify: Verify,
    /// How long a connection is used.
    pub(crate) churn: Churn,
    /// How a client closes.
    pub(crate) linger: Linger,
    /// Whether the clients only hold their connections.
    pub(crate) idle: bool,
    /// What is set on sockets.
    pub(crate) network: Network,
    /// How long connecting may take.
    pub(crate) connect_timeout: Duration,
    /// How long a write may take, and a whole answer: from when it is the oldest
    /// on its way over its connection, or its datagram was sent.
    pub(crate) timeout: Duration,
    /// How often what happens is taken down.
    pub(crate) sampling: Sampling,
    /// What the user accepts.
    pub(crate) accepts: VerdictOptions,
    /// Where the client's ceiling is looked up.
    pub(crate) calibration: ceiling::Source,
}

pub(crate) use crate::churn::{Churn, Linger};
pub(crate) use crate::phase::Phase;
pub(crate) use crate::verify::Verify;

/// What is set on the clients' sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    /// `TCP_NODELAY`.
    pub(crate) nodelay: bool,
    /// `SO_RCVBUF` in bytes.
    pub(crate) receive_buffer: Option<usize>,
    /// `SO_SNDBUF` in bytes.
    pub(crate) send_buffer: Option<usize>,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            nodelay: true,
            receive_buffer: None,
            send_buffer: None,
        }
    }
}

impl Plan {
    /// What is counted.
    pub(crate) fn unit(&self) -> &'static str {
        match (self.protocol, self.churn) {
            (Protocol::Http, _) => "requests",
            (_, Churn::PerRequest) => "connections",
            _ => "echoes",
        }
    }

    /// The server, as a URL without its path.
    pub(crate) fn target(&self) -> String {
        format!("{}://{}", self.protocol.id(), self.endpoint)
    }

    /// Where the server listens, as the kernel lists it.
    pub(crate) fn site(&self) -> Site {
        match (&self.endpoint, self.protocol) {
            (Endpoint::Ip(address), Protocol::Udp) => Site::Udp(*address),
            (Endpoint::Ip(address), _) => Site::Tcp(*address),
            (Endpoint::Path(path), Protocol::Unixgram) => Site::Unixgram(path.clone()),
            (Endpoint::Path(path), _) => Site::Unix(path.clone()),
        }
    }

    /// The same plan against the server at `address`.
    pub(crate) fn at(self, address: SocketAddr) -> Plan {
        let endpoint = address.into();
        Plan { endpoint, ..self }.with_sources()
    }

    /// The same plan with the source addresses it needs, if none were chosen:
    /// many connections to this machine do not fit on one.
    pub(crate) fn with_sources(self) -> Plan {
        let many = self.churn != Churn::Never || self.clients > MANY;
        let own = (self.endpoint.is_loopback_v4() && many).then_some(Sources::LOOPBACK);
        Plan {
            sources: self.sources.or(own),
            ..self
        }
    }
}

/// Shared by the clients of one run and by who leads it.
#[derive(Debug)]
pub(crate) struct Job {
    /// What is to be done.
    pub(crate) plan: Plan,
    /// What is sent.
    pub(crate) payload: Payload,
    /// When it is sent, in an open loop.
    pub(crate) schedule: Option<Arc<Schedule>>,
    /// How long first answers took, connecting included.
    pub(crate) arrivals: Recorder,
    /// From sending to the answer.
    pub(crate) service: Recorder,
    /// From the schedule's instant to the answer, in an open loop.
    pub(crate) response: Recorder,
    /// How late the client sent, by its own fault, in an open loop.
    pub(crate) lag: Recorder,
    /// What went wrong, in all phases.
    pub(crate) faults: Tally,
    phase: AtomicU8,
    /// The measured time, as planned; known when the clients begin to work.
    window: OnceLock<(Instant, Instant)>,
    counted: AtomicU64,
    /// When the last of the answers that were asked for came.
    enough: Mutex<Option<Instant>>,
    /// When the clients were told to send nothing more.
    closed: OnceLock<Instant>,
}

impl Job {
    /// A job that has not begun.
    ///
    /// # Errors
    /// When the file that messages are to be made of cannot be read.
    pub(crate) fn new(plan: Plan) -> Result<Job, Failure> {
        let workers = runtime::workers();
        let phases = (plan.warmup, plan.duration);
        let schedule = match &plan.pace {
            Loop::Closed(_) => None,
            Loop::Open { rate, arrivals, .. } => Some(Schedule::new(rate, *arrivals, plan.clients, plan.seed, phases)),
        };
        Ok(Job {
            payload: Payload::new(plan.seed, plan.sizes.clone(), &plan.content)?,
            schedule: schedule.map(Arc::new),
            plan,
            arrivals: Recorder::new(workers),
            service: Recorder::new(workers),
            response: Recorder::new(workers),
            lag: Recorder::new(workers),
            faults: Tally::new(),
            phase: AtomicU8::new(Phase::WarmUp as u8),
            window: OnceLock::new(),
            counted: AtomicU64::new(0),
            enough: Mutex::new(None),
            closed: OnceLock::new(),
        })
    }

    /// A hash of the file that messages are made of, if it is one.
    pub(crate) fn payload_hash(&self) -> Option<String> {
        let file = matches!(self.plan.content, Content::File(_));
        file.then(|| self.payload.fingerprint())
    }

    /// Where the run is.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::WarmUp,
            1 => Phase::Measure,
            2 => Phase::Closing,
            _ => Phase::Over,
        }
    }

    /// Goes on to `phase`.
    pub(crate) fn enter(&self, phase: Phase) {
        if phase >= Phase::Closing {
            self.closed.get_or_init(Instant::now);
        }
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// Fixes when the measured time begins.
    pub(crate) fn open_window(&self, begin: Instant) {
        // Once: a job is carried out once.
        let _ = self.window.set((begin, begin + self.plan.duration));
    }

    /// When the measured time begins and ends at the latest, once that is known.
    pub(crate) fn window(&self) -> Option<(Instant, Instant)> {
        self.window.get().copied()
    }

    /// When the measured time ended: with the last of the answers that were
    /// asked for, when it was stopped, or as planned; now, if it goes on.
    pub(crate) fn end(&self) -> Instant {
        let stopped = self.enough().or_else(|| self.closed.get().copied());
        let stopped = stopped.unwrap_or_else(Instant::now);
        self.window().map_or(stopped, |(_, planned)| stopped.min(planned))
    }

    /// Whether more went wrong than the plan bears.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.plan.most_errors.is_some_and(|most| self.faults.total() > most)
    }

    /// Whether an answer counts that comes now, to a message that was to be
    /// sent at `intended`. A schedule's message counts by its instant: one that
    /// is answered late must not be missed because it is late.
    pub(crate) fn counts(&self, intended: Instant) -> bool {
        match self.plan.pace {
            Loop::Closed(_) => self.phase() == Phase::Measure,
            Loop::Open { .. } => self
                .window()
                .is_some_and(|(begin, end)| (begin..end).contains(&intended)),
        }
    }

    /// Counts an answer; false when there were enough already.
    pub(crate) fn count(&self, at: Instant) -> bool {
        let Some(wanted) = self.plan.requests else {
            return true;
        };
        let counted = self.counted.fetch_add(1, Ordering::Relaxed) + 1;
        if counted == wanted {
            *self.enough.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
            self.enter(Phase::Closing);
        }
        counted <= wanted
    }

    /// When the last answer came, if their number was bounded and reached.
    pub(crate) fn enough(&self) -> Option<Instant> {
        *self.enough.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
