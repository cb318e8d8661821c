//! What was asked of a server, as it is saved.

use serde::{Deserialize, Serialize};

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

impl Workload {
    /// Whether `other` is the same load of the same server, but for the number
    /// of clients and the size of messages.
    pub(crate) fn differs_in_steps_only(&self, other: &Workload) -> bool {
        let step = Workload {
            hash: other.hash.clone(),
            clients: other.clients,
            size: other.size.clone(),
            ..self.clone()
        };
        step == *other
    }
}
