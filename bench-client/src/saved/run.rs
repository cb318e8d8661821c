//! One server under one load, once, as it is saved.

use serde::{Deserialize, Serialize};

use super::{Host, Memory, Second, Times, Usage, Workload};

/// One server under one load, once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// What reports call it; the rounds of one server share it.
    pub(crate) name: String,
    /// What was asked of it.
    pub(crate) workload: Workload,
    /// The clients that came.
    pub(crate) connections: Connections,
    /// The measured time; `null` when it was interrupted before.
    pub(crate) window_s: Option<f64>,
    /// Verified answers in the window.
    pub(crate) answers: u64,
    /// Bytes of those; an echo's message has as many.
    pub(crate) answered_bytes: u64,
    /// Answers per second of the window.
    pub(crate) answers_per_s: Option<f64>,
    /// Messages that the schedule had for the window, in an open loop.
    #[serde(default)]
    pub(crate) offered: Option<u64>,
    /// The same per second.
    pub(crate) offered_per_s: Option<f64>,
    /// From the sending of a message to its answer.
    pub(crate) service_time: Times,
    /// From the instant the schedule meant, in an open loop.
    pub(crate) response_time: Option<Times>,
    /// How late the client itself sent, in an open loop.
    pub(crate) send_lag: Option<Times>,
    /// How long an interval of the series is.
    #[serde(default = "second")]
    pub(crate) sample_s: f64,
    /// The window interval by interval.
    pub(crate) series: Vec<Second>,
    /// How long this program stood still in the window, as far as a watch
    /// noticed that looks up every 50 ms: the sum of what it was late by when
    /// that was more than 250 ms.
    #[serde(default)]
    pub(crate) client_stopped_s: f64,
    /// How the answers were spread over the clients.
    pub(crate) fairness: Fairness,
    /// What the server used, if it runs on this machine and was found.
    pub(crate) server: Option<Usage>,
    /// What this program used.
    pub(crate) client: Option<Usage>,
    /// How near the client came to what it can drive, where a calibration says.
    #[serde(default)]
    pub(crate) ceiling: Option<Ceiling>,
    /// What the kernel counted for the whole machine.
    pub(crate) host: Host,
    /// What one more client costs the server.
    pub(crate) memory: Option<Memory>,
    /// What went wrong, in all phases.
    pub(crate) errors: Vec<Errors>,
    /// Messages without an answer when the run was over.
    pub(crate) unfinished: u64,
    /// Whether the figures may be believed.
    pub(crate) verdict: Verdict,
}

impl Run {
    /// The time that stands for the server's: from the schedule's instant where
    /// there is a schedule.
    pub(crate) fn time(&self) -> &Times {
        self.response_time.as_ref().unwrap_or(&self.service_time)
    }

    /// How much went wrong.
    pub(crate) fn errors(&self) -> u64 {
        let counts = self.errors.iter().map(|errors| errors.count);
        counts.fold(0, u64::saturating_add)
    }

    /// How often `class` was met.
    pub(crate) fn errors_of(&self, class: &str) -> u64 {
        let of_class = self.errors.iter().filter(|errors| errors.class == class);
        of_class.map(|errors| errors.count).fold(0, u64::saturating_add)
    }
}

/// Clients and how they came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Connections {
    /// Asked for.
    pub(crate) asked: u32,
    /// That got a first answer.
    pub(crate) connected: u32,
    /// Until all had it.
    pub(crate) connecting_s: f64,
    /// Until each had it.
    pub(crate) first_answer: Times,
    /// Opened in all phases; none where a message is a datagram.
    #[serde(default)]
    pub(crate) opened: Option<u64>,
    /// Those of them in the window.
    #[serde(default)]
    pub(crate) opened_in_window: Option<u64>,
    /// Those per second of the window.
    #[serde(default)]
    pub(crate) opened_per_s: Option<f64>,
    /// Closed by the server, in all phases, without having been asked to.
    #[serde(default)]
    pub(crate) closed_by_server: Option<u64>,
    /// Pings of the server that were answered, in all phases; none but over
    /// WebSockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pings: Option<u64>,
    /// Of the TLS sessions in all phases, what was agreed on; empty without TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tls: Vec<TlsSessions>,
}

/// TLS sessions for which the same was agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TlsSessions {
    /// `TLSv1.3` or `TLSv1.2`.
    pub(crate) version: String,
    /// As IANA calls it.
    pub(crate) cipher_suite: String,
    /// Whole handshakes, with certificates and signatures.
    pub(crate) full: u64,
    /// Handshakes that resumed an earlier session.
    pub(crate) resumed: u64,
}

impl Connections {
    /// Connections opened per second, of a run in which clients did not keep
    /// those that they came with.
    pub(crate) fn turnover_per_s(&self) -> Option<f64> {
        self.opened_per_s.filter(|rate| *rate > 0.0)
    }
}

/// How the answers were spread over the clients.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Fairness {
    /// Answers of the client with fewest.
    pub(crate) fewest: u64,
    /// Of the one in the middle.
    pub(crate) median: u64,
    /// Of the one with most.
    pub(crate) most: u64,
    /// Clients without any.
    pub(crate) none: u32,
    /// Jain's index: 1 when all have the same, 1/n when one has all.
    pub(crate) jain: Option<f64>,
    /// By Little's law, how many clients were at work at a time: rate times
    /// mean service time.
    pub(crate) effective: Option<f64>,
}

/// One kind of failure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Errors {
    /// Its name.
    pub(crate) class: String,
    /// How often.
    pub(crate) count: u64,
    /// When the first was, since the run began.
    pub(crate) first_at_s: Option<f64>,
    /// Which client met it.
    pub(crate) first_client: Option<u32>,
    /// What it was.
    pub(crate) first: Option<String>,
}

/// Whether the figures may be believed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// False when they say nothing about the server.
    pub(crate) valid: bool,
    /// Why not.
    pub(crate) reasons: Vec<String>,
    /// Whether it was stopped before its time.
    pub(crate) interrupted: bool,
    /// What the rate was bounded by: `server CPU`, `client CPU`, `both`,
    /// `schedule`, `waiting` or `unknown`.
    pub(crate) bottleneck: String,
    /// What else a reader should know.
    pub(crate) remarks: Vec<String>,
}

/// The interval of files that do not say.
pub(crate) fn second() -> f64 {
    1.0
}

/// The client's ceiling by a calibration, and the part of it that was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ceiling {
    /// The answers per second at which the client's processors would have been
    /// fully used, with messages of this run's mean size.
    pub(crate) answers_per_s: f64,
    /// The part of it that the run had. A calibration is a measurement too:
    /// this may be more than 1.
    pub(crate) share: f64,
    /// The day of the calibration, as `2026-11-21`.
    pub(crate) calibrated: String,
}
