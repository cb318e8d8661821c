//! Events as lines of the log, with their parts as key-values.

use std::fmt;
use std::time::Duration;

use log::kv::Value;
use log::{Level, Record};

use crate::lifecycle::{Connection, Event, Observer, ServerHandle};

/// The target of its lines.
const TARGET: &str = "greenserve::events";

/// An [`Observer`] that writes each event as a line of the log, with target
/// `greenserve::events`, and its parts as key-values for loggers that keep
/// them.
///
/// | key | of | value |
/// | --- | --- | --- |
/// | `event` | all | `accepted`, `ended`, `turned away`, `refused`, `accept paused`, `phase changed`, `drained` |
/// | `server` | all | the address the server is bound to |
/// | `id`, `model`, `handler` | accepted, ended | [`Connection`]'s |
/// | `peer` | accepted, ended, turned away, refused | who asked |
/// | `outcome` | ended | `finished`, `turned away`, `disconnected`, `failed` |
/// | `error` | ended, accept paused | why, if it did not finish |
/// | `took_us` | ended, drained | microseconds |
/// | `received`, `sent` | ended | bytes |
/// | `limit` | turned away | the limit |
/// | `pause_us` | accept paused | microseconds |
/// | `phase` | phase changed | the new one |
/// | `in_flight`, `killed`, `survivors` | drained | numbers of requests |
///
/// It waits for as long as the logger does: see
/// [Logging](crate#logging).
///
/// ```
/// use greenserve::{LogEvents, TcpServer, net::TcpStream};
///
/// let server = TcpServer::builder(|_: &mut TcpStream| std::io::Result::Ok(()))
///     .observe(LogEvents::new().requests_at(log::Level::Info)) // an access log
///     .bind("127.0.0.1:0")?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogEvents {
    requests: Level,
    server: Level,
}

impl Default for LogEvents {
    fn default() -> Self {
        LogEvents {
            requests: Level::Debug,
            server: Level::Info,
        }
    }
}

impl LogEvents {
    /// With the default levels.
    pub fn new() -> LogEvents {
        LogEvents::default()
    }

    /// The level of what happens to one request. Defaults to debug: there may
    /// be a hundred thousand a second.
    pub fn requests_at(mut self, level: Level) -> LogEvents {
        self.requests = level;
        self
    }

    /// The level of what happens to the server. Defaults to info.
    pub fn server_at(mut self, level: Level) -> LogEvents {
        self.server = level;
        self
    }

    fn level_of(&self, event: &Event<'_>) -> Level {
        match event {
            Event::AcceptPaused { .. } | Event::PhaseChanged { .. } | Event::Drained { .. } => self.server,
            _ => self.requests,
        }
    }
}

impl Observer for LogEvents {
    fn observe(&self, event: &Event<'_>, server: &ServerHandle) {
        let level = self.level_of(event);
        if !log::log_enabled!(target: TARGET, level) {
            return;
        }
        let address = server.address();
        let mut parts = parts_of(event);
        if let Some(address) = &address {
            parts.push(("server", Value::from_display(address)));
        }
        log::logger().log(
            &Record::builder()
                .target(TARGET)
                .level(level)
                .module_path_static(Some(module_path!()))
                .key_values(&parts.as_slice())
                .args(format_args!("{}", Line(event)))
                .build(),
        );
    }
}

type Parts<'a> = Vec<(&'static str, Value<'a>)>;

fn parts_of<'a>(event: &'a Event<'_>) -> Parts<'a> {
    let mut parts: Parts<'a> = vec![("event", Value::from(name_of(event)))];
    match event {
        Event::Accepted { connection } => parts.extend(parts_of_connection(connection)),
        Event::Ended {
            connection,
            outcome,
            took,
            received,
            sent,
        } => {
            parts.extend(parts_of_connection(connection));
            parts.push(("outcome", Value::from(outcome.as_str())));
            parts.extend(outcome.error().map(|err| ("error", Value::from_dyn_display(err))));
            parts.push(("took_us", micros(*took)));
            parts.push(("received", Value::from(*received)));
            parts.push(("sent", Value::from(*sent)));
        }
        Event::TurnedAway { peer, limit } => {
            parts.push(("peer", Value::from_display(*peer)));
            parts.push(("limit", Value::from_display(limit)));
        }
        Event::Refused { peer } => parts.push(("peer", Value::from_display(*peer))),
        Event::AcceptPaused { pause, cause } => {
            parts.push(("pause_us", micros(*pause)));
            parts.push(("error", Value::from_dyn_display(*cause)));
        }
        Event::PhaseChanged { phase } => parts.push(("phase", Value::from_debug(phase))),
        Event::Drained { report } => {
            parts.push(("in_flight", Value::from(report.in_flight)));
            parts.push(("killed", Value::from(report.killed.len())));
            parts.push(("survivors", Value::from(report.survivors.len())));
            parts.push(("took_us", micros(report.took)));
        }
    }
    parts
}

fn parts_of_connection(connection: &Connection) -> [(&'static str, Value<'_>); 4] {
    [
        ("id", Value::from(connection.id())),
        ("model", Value::from(connection.model())),
        ("peer", Value::from_display(connection.peer())),
        ("handler", Value::from(connection.handler())),
    ]
}

fn micros(time: Duration) -> Value<'static> {
    Value::from(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn name_of(event: &Event<'_>) -> &'static str {
    match event {
        Event::Accepted { .. } => "accepted",
        Event::Ended { .. } => "ended",
        Event::TurnedAway { .. } => "turned away",
        Event::Refused { .. } => "refused",
        Event::AcceptPaused { .. } => "accept paused",
        Event::PhaseChanged { .. } => "phase changed",
        Event::Drained { .. } => "drained",
    }
}

/// An event as the text of a line.
struct Line<'a>(&'a Event<'a>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Event::Accepted { connection } => write!(f, "{connection} is accepted"),
            Event::Ended {
                connection,
                outcome,
                took,
                ..
            } => write!(f, "{connection} has ended after {took:?}: {outcome}"),
            Event::TurnedAway { peer, limit } => write!(f, "{peer} is turned away: {limit}"),
            Event::Refused { peer } => write!(f, "{peer} is refused"),
            Event::AcceptPaused { pause, cause } => write!(f, "accepting pauses for {pause:?}: {cause}"),
            Event::PhaseChanged { phase } => write!(f, "the server is {}", phase.describe()),
            Event::Drained { report } => report.fmt(f),
        }
    }
}
