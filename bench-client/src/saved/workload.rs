//! What was asked of a server, as it is saved.

use serde::{Deserialize, Serialize};

use crate::base::random::fingerprint;

/// What was asked for. Two runs whose [`hash`](Workload::hash) differs are not
/// compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Workload {
    /// Of everything here but the target.
    pub(crate) hash: String,
    /// As `tcp://127.0.0.1:7000`.
    pub(crate) target: String,
    /// `tcp`, `udp`, `unix`, `unixgram`, `http`, `https`, `ws` or `wss`.
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
    /// A hash of the bytes of that file.
    pub(crate) payload_hash: Option<String>,
    /// What they are a function of.
    pub(crate) seed: u64,
    /// How far answers are checked: `full`, `header`, `len` or `off`.
    pub(crate) verify: String,
    /// How long a connection is used: `never`, `per-request`, ...
    pub(crate) churn: String,
    /// How a connection is closed: `fin` or `rst`.
    pub(crate) linger: String,
    /// Whether clients only hold their connections.
    pub(crate) idle: bool,
    /// For HTTP: method, path and what else makes the request.
    pub(crate) request: Option<String>,
    /// For HTTP, what the body of the request is: `none`, `file` or `message`.
    pub(crate) request_body: Option<String>,
    /// For HTTP, what the body of the response is compared with, likewise.
    pub(crate) expected_body: Option<String>,
    /// A hash of the request, its body and what is expected, for HTTP.
    pub(crate) request_hash: Option<String>,
    /// For WebSockets, the path that opens them and what else makes the handshake;
    /// ", text" behind the path where messages are text. Absent elsewhere, so that
    /// other loads keep their hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) websocket: Option<String>,
    /// Whether the server's certificate is verified, where there is TLS. Absent
    /// elsewhere, so that loads without it keep their hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_verified: Option<bool>,
    /// Whether TLS sessions are resumed, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tls_resumption: Option<bool>,
    /// Worker threads of the client.
    pub(crate) workers: usize,
    /// The addresses that clients connect from, if they were chosen.
    pub(crate) source: Option<String>,
    /// Whether small segments are sent at once (`TCP_NODELAY`).
    pub(crate) nodelay: bool,
    /// What was asked for of `SO_RCVBUF`.
    pub(crate) receive_buffer_bytes: Option<usize>,
    /// What was asked for of `SO_SNDBUF`.
    pub(crate) send_buffer_bytes: Option<usize>,
    /// How long connecting may take.
    pub(crate) connect_timeout_s: f64,
    /// How long a read or a write may take, and a datagram's answer.
    pub(crate) timeout_s: f64,
    /// How late a message of an open loop is not sent any more.
    pub(crate) shed_s: Option<f64>,
    /// Over how long the connecting is spread.
    pub(crate) ramp_s: f64,
    /// Before anything counts.
    pub(crate) warmup_s: f64,
    /// While it counts, if time bounds it.
    pub(crate) duration_s: Option<f64>,
    /// Answers after which it is over, if their number bounds it.
    pub(crate) requests: Option<u64>,
}

impl Workload {
    /// Of everything but the hash and the target: the fields in their order as
    /// JSON.
    pub(crate) fn hashed(&self) -> String {
        let load = Workload {
            hash: String::new(),
            target: String::new(),
            ..self.clone()
        };
        fingerprint(&serde_json::to_vec(&load).unwrap_or_default())
    }

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
