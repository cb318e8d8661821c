//! A measurement as it is saved: what the JSON file holds, and what every
//! report and every comparison is made of.
//!
//! Fields whose name ends in `_s` are seconds, in `_bytes` bytes; times in
//! [`Times`] are nanoseconds. A figure that there is none of is `null`.

#[cfg(test)]
mod example;
#[cfg(test)]
mod schema;

use serde::{Deserialize, Serialize};

use crate::machine::{Machine, command_line, version};
use crate::stage::Stage;

/// Raised whenever a field changes its meaning or goes.
pub(crate) const SCHEMA: u32 = 2;

/// Everything one command measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// How it came about.
    #[serde(flatten)]
    pub(crate) manifest: Manifest,
    /// One for each server, or for each round of each, in the order of time.
    pub(crate) runs: Vec<Run>,
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
    /// Messages per second that the schedule asked for, in an open loop.
    pub(crate) offered_per_s: Option<f64>,
    /// From the sending of a message to its answer.
    pub(crate) service_time: Times,
    /// From the instant the schedule meant, in an open loop.
    pub(crate) response_time: Option<Times>,
    /// How late the client itself sent, in an open loop.
    pub(crate) send_lag: Option<Times>,
    /// The window second by second.
    pub(crate) series: Vec<Second>,
    /// How the answers were spread over the clients.
    pub(crate) fairness: Fairness,
    /// What the server used, if it runs on this machine and was found.
    pub(crate) server: Option<Usage>,
    /// What this program used.
    pub(crate) client: Option<Usage>,
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

/// What was asked for. Two runs whose [`hash`](Workload::hash) differs are not
/// compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// Of everything here but the target.
    pub(crate) hash: String,
    /// As `tcp://127.0.0.1:7000`.
    pub(crate) target: String,
    /// `tcp`, `udp`, `unix`, `unixgram` or `http`.
    pub(crate) protocol: String,
    /// `closed` or `open`.
    pub(crate) mode: String,
    /// The rate as it was given, in an open loop.
    pub(crate) rate: Option<String>,
    /// `uniform` or `poisson`, in an open loop.
    pub(crate) arrivals: Option<String>,
    /// The pause between an answer and the next message, as it was given.
    pub(crate) think: Option<String>,
    /// Simulated clients.
    pub(crate) clients: u32,
    /// Messages a client may have on their way.
    pub(crate) depth: u32,
    /// Sizes of messages in bytes, as they were given.
    pub(crate) size: String,
    /// What messages are made of: `pattern`, or the name of a file.
    pub(crate) payload: String,
    /// What they are a function of.
    pub(crate) seed: u64,
    /// How far answers are checked: `full`, `header`, `len` or `off`.
    pub(crate) verify: String,
    /// How long a connection is used: `never`, `per-request`, ...
    pub(crate) churn: String,
    /// Whether clients only hold their connections.
    pub(crate) idle: bool,
    /// For HTTP: method, path and what else makes the request.
    pub(crate) request: Option<String>,
    /// Before anything counts.
    pub(crate) warmup_s: f64,
    /// While it counts, if time bounds it.
    pub(crate) duration_s: Option<f64>,
    /// Answers after which it is over, if their number bounds it.
    pub(crate) requests: Option<u64>,
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

/// Times in nanoseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Times {
    /// How many.
    pub(crate) count: u64,
    /// Their mean.
    pub(crate) mean: f64,
    /// The shortest.
    pub(crate) min: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) p9999: u64,
    pub(crate) p99999: u64,
    /// The longest.
    pub(crate) max: u64,
    /// How many were longer than the longest that is told apart, 60 s.
    pub(crate) saturated: u64,
    /// All of them: an HdrHistogram, V2, deflated, in base64.
    pub(crate) histogram: String,
}

/// One second of the window, or the rest at its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Second {
    /// From the begin of the window to its end.
    pub(crate) end_s: f64,
    /// Its length.
    pub(crate) length_s: f64,
    /// Answers in it.
    pub(crate) answers: u64,
    /// Times in nanoseconds, response time in an open loop and service time in
    /// a closed one.
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
    /// Errors in it, by class.
    pub(crate) errors: Vec<(String, u64)>,
    /// The part of one processor that the server used.
    pub(crate) server_cpu_share: Option<f64>,
    /// The part of one processor that the client used.
    pub(crate) client_cpu_share: Option<f64>,
    /// Resident memory of the server at its end.
    pub(crate) server_resident_bytes: Option<u64>,
    /// Resident memory of the client at its end.
    pub(crate) client_resident_bytes: Option<u64>,
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

/// What a process used in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// The process.
    pub(crate) pid: i32,
    /// Processor time, user and system, by the process's CPU clock.
    pub(crate) cpu_s: f64,
    /// The part of it in user mode, to a hundredth of a second.
    pub(crate) user_s: Option<f64>,
    /// The part of it in the kernel, to a hundredth of a second.
    pub(crate) system_s: Option<f64>,
    /// The part of one processor.
    pub(crate) cpu_share: f64,
    /// The part of one processor that the thread used which used most.
    pub(crate) busiest_thread_share: Option<f64>,
    /// Processor time for one answer, in microseconds.
    pub(crate) cpu_us_per_answer: Option<f64>,
    /// Resident memory at the end.
    pub(crate) resident_bytes: Option<u64>,
    /// Threads at the end.
    pub(crate) threads: Option<u64>,
    /// Open descriptors at the end.
    pub(crate) descriptors: Option<u64>,
    /// Times a thread that lives at the end waited.
    pub(crate) voluntary_switches: Option<u64>,
    /// Times one was made to wait.
    pub(crate) involuntary_switches: Option<u64>,
    /// Pages found without reading them from disk.
    pub(crate) minor_faults: Option<u64>,
    /// Pages read from disk.
    pub(crate) major_faults: Option<u64>,
    /// How long its threads were ready and had no processor.
    pub(crate) run_queue_delay_s: Option<f64>,
    /// The processors it may use, as the kernel writes them.
    pub(crate) allowed_cpus: Option<String>,
}

/// What the kernel counted from the first connection to the last answer, for
/// all processes together.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Connections that found a full accept queue.
    pub(crate) listen_overflows: Option<u64>,
    /// Connections dropped in a listener's queue for any reason.
    pub(crate) listen_drops: Option<u64>,
    /// Connection requests sent again.
    pub(crate) syn_retransmits: Option<u64>,
    /// TCP's retransmission timer.
    pub(crate) tcp_timeouts: Option<u64>,
    /// Datagrams dropped for want of room at the receiver.
    pub(crate) udp_receive_buffer_errors: Option<u64>,
    /// Datagrams that could not be delivered.
    pub(crate) udp_in_errors: Option<u64>,
    /// Processor time another machine on the same host took.
    pub(crate) steal_s: Option<f64>,
    /// Processor time in soft interrupts.
    pub(crate) softirq_s: Option<f64>,
}

/// The server's resident memory at two numbers of clients.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The smaller number.
    pub(crate) few_clients: u32,
    /// The larger one.
    pub(crate) many_clients: u32,
    pub(crate) few_bytes: u64,
    pub(crate) many_bytes: u64,
    /// That one more client takes.
    pub(crate) bytes_per_client: f64,
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

impl Second {
    /// Answers per second.
    pub(crate) fn answers_per_s(&self) -> Option<f64> {
        (self.length_s > 0.0).then(|| self.answers as f64 / self.length_s)
    }

    /// How much went wrong in it.
    pub(crate) fn errors(&self) -> u64 {
        let counts = self.errors.iter().map(|(_, count)| *count);
        counts.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
impl Run {
    /// A run of `name` without errors, with `rate` answers per second, times of
    /// 1 ms, 10 us of the server's processor for an answer and 10,000 bytes for
    /// a client.
    pub(crate) fn example(name: &str, rate: f64) -> Run {
        let value = serde_json::json!({
            "name": name,
            "workload": {
                "hash": "1", "target": "tcp://127.0.0.1:7000", "protocol": "tcp", "mode": "closed",
                "clients": 10, "depth": 1, "size": "64", "payload": "pattern", "seed": 42,
                "verify": "full", "churn": "never", "idle": false, "warmup_s": 1.0, "duration_s": 1.0,
            },
            "connections": {
                "asked": 10, "connected": 10, "connecting_s": 0.1, "first_answer": Times::default(),
            },
            "window_s": 1.0, "answers": rate as u64, "answered_bytes": 0, "answers_per_s": rate,
            "service_time": Times {
                count: rate as u64,
                p50: 1_000_000,
                p99: 1_000_000,
                ..Times::default()
            },
            "series": [], "fairness": Fairness::default(),
            "server": Usage { cpu_us_per_answer: Some(10.0), ..Usage::default() },
            "host": Host::default(),
            "memory": Memory {
                few_clients: 2, many_clients: 10, few_bytes: 0, many_bytes: 80_000, bytes_per_client: 10_000.0,
            },
            "errors": [], "unfinished": 0, "verdict": Verdict { valid: true, ..Verdict::default() },
        });
        let mut run: Run = serde_json::from_value(value).expect("it has every field");
        run.workload.hash = run.workload.hashed();
        run
    }
}
