//! A measurement as it is saved: what the JSON file holds, and what every
//! report and every comparison is made of.
//!
//! Fields whose name ends in `_s` are seconds, in `_bytes` bytes; times in
//! [`Times`] are nanoseconds. A figure that there is none of is `null`.

mod ceiling;
#[cfg(any(test, fuzzing))]
mod example;
mod judgement;
mod knee;
#[cfg(test)]
mod schema;
mod times;
mod usage;
mod workload;

use serde::{Deserialize, Serialize};

use crate::machine::{Machine, command_line, version};
use crate::stage::Stage;
pub(crate) use ceiling::Ceiling;
pub(crate) use judgement::{Difference, Judgement, Party, Word};
pub(crate) use knee::Knee;
pub(crate) use times::{Second, Times};
pub(crate) use usage::{Host, Memory, Usage};
pub(crate) use workload::Workload;

/// Raised whenever a field changes its meaning or goes.
pub(crate) const SCHEMA: u32 = 3;

/// Everything one command measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// How it came about.
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
    /// One for each server, or for each round of each, in the order of time.
    pub(crate) runs: Vec<Run>,
    /// What was concluded of sides that were compared.
    #[serde(default)]
    pub(crate) judgements: Vec<Judgement>,
    /// Of a sweep, the knee for each size.
    #[serde(default)]
    pub(crate) knees: Vec<Knee>,
}

impl Saved {
    /// These runs, of which nothing is concluded.
    pub(crate) fn new(manifest: Manifest, runs: Vec<Run>) -> Saved {
        Saved {
            manifest,
            runs,
            judgements: Vec::new(),
            knees: Vec::new(),
        }
    }
}

/// What every file begins with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// [`SCHEMA`] of the program that wrote it.
    pub(crate) schema: u32,
    /// The command line.
    pub(crate) command: Vec<String>,
    /// This program's version and revision.
    pub(crate) version: String,
    /// What it ran on.
    pub(crate) machine: Machine,
    /// The processor the servers were bound to.
    pub(crate) server_cpu: Option<usize>,
    /// The processor the client was bound to.
    pub(crate) client_cpu: Option<usize>,
}

impl Manifest {
    /// Of this process, on this stage.
    pub(crate) fn new(stage: &Stage) -> Manifest {
        Manifest {
            schema: SCHEMA,
            command: command_line(),
            version: version(),
            machine: stage.machine.clone(),
            server_cpu: stage.places.server,
            client_cpu: stage.places.client,
        }
    }
}

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
fn second() -> f64 {
    1.0
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
