//! How the clients work, as it is asked for on the command line.

use std::time::Duration;

use clap::Args;

use crate::base::failure::Failure;
use crate::base::quantity;
use crate::plan::churn::{Churn, Linger};
use crate::plan::http::{Request, RequestOptions};
use crate::plan::pace::{Arrivals, Loop, Think};
use crate::plan::payload::{Content, HEADER};
use crate::plan::protocol::Protocol;
use crate::plan::rate::Rate;
use crate::plan::sizes::Sizes;
use crate::plan::target::{Endpoint, Target};
use crate::plan::tls::{Tls, TlsOptions};
use crate::plan::websocket::Opening;
use crate::plan::{Network, Plan};

/// How the clients work, in all commands that have a target.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorkloadOptions {
    /// Messages a client may have in flight.
    #[arg(long, default_value = "1", value_parser = quantity::count, visible_alias = "udp-window")]
    pub(crate) depth: u32,
    /// Messages a second, of all clients together: 20k, 1k:50k, stages:10s@1k,30s@5k.
    ///
    /// An open loop: the schedule does not wait for answers, and response time
    /// counts from the scheduled instant.
    #[arg(long)]
    pub(crate) rate: Option<Rate>,
    /// How --rate spaces messages.
    #[arg(long, value_enum, requires = "rate")]
    pub(crate) arrivals: Option<Arrivals>,
    /// With --rate, count what is later than this instead of sending it.
    #[arg(long, requires = "rate", value_parser = quantity::positive_duration)]
    pub(crate) shed: Option<Duration>,
    /// A pause between an answer and the next message: 5ms, exp:5ms.
    #[arg(long, conflicts_with = "rate")]
    pub(crate) think: Option<Think>,
    /// Stop after so many answers, if they come before the time is up.
    #[arg(short = 'n', long, value_parser = quantity::large_count)]
    pub(crate) requests: Option<u64>,
    /// Stop after more errors than this: errors>100
    #[arg(long, value_name = "CONDITION", value_parser = most_errors)]
    pub(crate) until: Option<u64>,
    /// Spread the clients' connecting over this time.
    #[arg(long, default_value = "0s", value_parser = quantity::duration)]
    pub(crate) ramp: Duration,
    /// Connect so many clients a second.
    #[arg(long, value_name = "RATE", conflicts_with = "ramp")]
    pub(crate) connect_rate: Option<Rate>,
    /// When a connection is closed: never, per-request, every:10, lifetime:1s.
    #[arg(long, default_value = "never")]
    pub(crate) churn: Churn,
    /// How a connection is closed.
    #[arg(long, value_enum, default_value = "fin")]
    pub(crate) linger: Linger,
    /// Hold the connections without using them, to measure memory.
    #[arg(long, conflicts_with_all = ["churn", "rate", "think", "requests"])]
    pub(crate) idle: bool,
    /// What messages are made of: random, pattern, or a file.
    #[arg(long, default_value = "random")]
    pub(crate) payload: String,
    /// Send text over a WebSocket, of ASCII, instead of binary.
    #[arg(long)]
    pub(crate) text: bool,
    /// Send small segments at once (TCP_NODELAY).
    #[arg(long, default_value = "true", action = clap::ArgAction::Set, value_name = "BOOL")]
    pub(crate) nodelay: bool,
    /// Bytes of the sockets' receive buffers (SO_RCVBUF).
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    pub(crate) rcvbuf: Option<usize>,
    /// Bytes of the sockets' send buffers (SO_SNDBUF).
    #[arg(long, value_name = "BYTES", value_parser = quantity::bytes)]
    pub(crate) sndbuf: Option<usize>,
    /// For http:// and https:// targets, and --header for ws:// and wss:// ones.
    #[command(flatten)]
    pub(crate) http: RequestOptions,
    /// For https:// and wss:// targets.
    #[command(flatten)]
    pub(crate) tls: TlsOptions,
}

impl WorkloadOptions {
    /// `plan` against `target`, with these options.
    ///
    /// # Errors
    /// Options that contradict each other or the target.
    pub(crate) fn apply(&self, target: &Target, endpoint: Endpoint, plan: Plan) -> Result<Plan, Failure> {
        self.check(target, &plan)?;
        let clients = f64::from(plan.clients);
        let ramp = match &self.connect_rate {
            Some(rate) => Duration::from_secs_f64(rate.curve(Duration::MAX).instant(clients).min(1e9)),
            None => self.ramp,
        };
        let request = match target.protocol.is_http() {
            true => Some(Request::new(target, &self.http, self.churn == Churn::PerRequest)?),
            false => None,
        };
        let opening = match target.protocol.is_websocket() {
            true => Some(Opening::new(target, &self.http, self.text)?),
            false => None,
        };
        let tls = match target.protocol.is_tls() {
            true => Some(Tls::new(&self.tls, &target.host(), plan.connect_timeout)?),
            false => None,
        };
        let plan = Plan {
            protocol: target.protocol,
            endpoint,
            request,
            opening,
            tls,
            ramp,
            duration: self.rate.as_ref().and_then(Rate::length).unwrap_or(plan.duration),
            requests: self.requests,
            most_errors: self.until,
            pace: self.pace(),
            depth: self.depth,
            content: Content::parse(&self.payload),
            churn: self.churn,
            linger: self.linger,
            idle: self.idle,
            network: Network {
                nodelay: self.nodelay,
                receive_buffer: self.rcvbuf,
                send_buffer: self.sndbuf,
            },
            // Connections that are closed again have no slope.
            few: if self.churn == Churn::Never {
                plan.few
            } else {
                plan.clients
            },
            ..plan
        };
        Ok(plan.with_sources())
    }

    fn pace(&self) -> Loop {
        match &self.rate {
            None => Loop::Closed(self.think),
            Some(rate) => Loop::Open {
                rate: rate.clone(),
                arrivals: self.arrivals.unwrap_or_default(),
                shed: self.shed,
            },
        }
    }

    fn check(&self, target: &Target, plan: &Plan) -> Result<(), Failure> {
        let scheme = target.protocol.id();
        let datagrams = target.protocol.is_datagram();
        let at_once = u64::from(plan.clients) * u64::from(self.depth);
        check_sizes(target.protocol, &plan.sizes)?;
        for (wrong, why) in [
            (
                datagrams && self.churn != Churn::Never,
                format!("{scheme}:// has no connections to close; leave --churn out"),
            ),
            (
                !target.protocol.has_requests() && !self.http.is_empty(),
                format!(
                    "--method, --header, --body and --expect are for http:// and https:// targets, not for {scheme}://"
                ),
            ),
            (
                !target.protocol.is_tls() && !self.tls.is_empty(),
                format!("--ca, --insecure and --tls-resume are for https:// and wss:// targets, not for {scheme}://"),
            ),
            (
                target.protocol.is_websocket() && !self.http.has_fields_only(),
                format!(
                    "--method, --body and --expect are for http:// targets; over {scheme}:// every message is to come \
                     back, and of the handshake only --header is to be chosen"
                ),
            ),
            (
                self.text && !target.protocol.is_websocket(),
                format!("--text is for ws:// and wss:// targets; {scheme}:// has no kinds of messages"),
            ),
            (
                self.requests.is_some_and(|wanted| wanted < at_once),
                format!(
                    "-n {} gives some of {} clients with {} messages each no answer; give -n {at_once} or more, or fewer clients (-c)",
                    self.requests.unwrap_or_default(),
                    plan.clients,
                    self.depth
                ),
            ),
            (
                self.depth > 1 && self.churn == Churn::PerRequest,
                format!(
                    "--churn per-request sends one message over a connection; leave --depth {} out",
                    self.depth
                ),
            ),
        ] {
            if wrong {
                return Err(Failure::Usage(why));
            }
        }
        Ok(())
    }
}

/// Fails unless messages of `sizes` can be sent over `protocol`.
///
/// # Errors
/// [`Failure::Usage`], with the limit.
pub(crate) fn check_sizes(protocol: Protocol, sizes: &Sizes) -> Result<(), Failure> {
    let scheme = protocol.id();
    let why = match protocol.is_datagram() {
        true if sizes.smallest() < HEADER => format!(
            "{scheme}:// needs messages of at least {HEADER} bytes, to tell whose they are; give --size {HEADER} or more"
        ),
        true if sizes.largest() > LARGEST_DATAGRAM => {
            format!("{scheme}:// takes at most {LARGEST_DATAGRAM} bytes in a message; give a smaller --size")
        }
        _ => return Ok(()),
    };
    Err(Failure::Usage(why))
}

fn most_errors(text: &str) -> Result<u64, String> {
    let limit = text
        .replace(' ', "")
        .strip_prefix("errors>")
        .and_then(|limit| limit.parse().ok());
    limit.ok_or_else(|| format!("{text:?} ends no run; write errors>100"))
}

/// Of UDP over IPv4: 65,535 bytes less both headers.
const LARGEST_DATAGRAM: usize = 65_507;
