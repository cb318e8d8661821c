//! What was measured, as text, JSON and Markdown.

pub(crate) mod differences;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod one;
pub(crate) mod sides;
pub(crate) mod table;

use crate::failure::Failure;
use crate::format;
use crate::job::{Churn, Plan};
use crate::outcome::{Memory, Outcome};
use crate::pace::Loop;
use crate::target::Protocol;

/// One server and what was measured of it.
#[derive(Debug)]
pub(crate) struct Side {
    /// What it is called.
    pub(crate) name: String,
    /// What was measured.
    pub(crate) outcome: Outcome,
}

/// What was done, in one line.
pub(crate) fn headline(plan: &Plan) -> String {
    let clients = format::thousands(f64::from(plan.clients));
    let length = format::seconds(plan.duration);
    let protocol = plan.protocol.id();
    if plan.idle {
        return format!("{protocol}, {clients} idle clients, held for {length} s");
    }
    let depth = match plan.depth {
        1 => String::new(),
        depth => format!(" x depth {depth}"),
    };
    format!(
        "{}, {}, {clients} clients{depth}, {} B, verify={}, seed {}, {length} s after {} s warm-up",
        plan.kind(),
        plan.mode(),
        plan.sizes,
        plan.verify.id(),
        plan.seed,
        format::seconds(plan.warmup),
    )
}

impl Plan {
    /// What an exchange is.
    fn kind(&self) -> String {
        let protocol = self.protocol.id();
        match (&self.request, self.churn) {
            (Some(request), Churn::Never) => format!("http {}", request.summary),
            (Some(request), churn) => format!("http {}, connections {churn}", request.summary),
            (None, Churn::Never) => format!("{protocol} echo"),
            (None, Churn::PerRequest) => format!("{protocol} connect, echo, close"),
            (None, churn) => format!("{protocol} echo, connections {churn}"),
        }
    }

    /// What decides when messages are sent.
    fn mode(&self) -> String {
        match &self.pace {
            Loop::Closed(None) => "closed loop".to_owned(),
            Loop::Closed(Some(think)) => format!("closed loop with pauses of {think}"),
            Loop::Open { rate, arrivals, .. } => format!("open loop at {rate}/s, {} arrivals", arrivals.id()),
        }
    }

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
}

/// Between which numbers of clients the memory was taken.
fn slope(memory: &Memory) -> String {
    format!(
        "growth of the server's resident memory from {} to {} clients that had each exchanged one message",
        memory.few, memory.many
    )
}

/// What must be known before a figure is believed.
fn remarks(name: &str, outcome: &Outcome) -> Vec<String> {
    let mut remarks = Vec::new();
    if outcome.interrupted {
        let measured = outcome.window.map_or_else(
            || "before anything was measured".to_owned(),
            |window| format!("after {} of measuring", format::duration(window.length)),
        );
        remarks.push(format!("{name}: PARTIAL, interrupted {measured}"));
    }
    if let Some(flaw) = outcome.flaw() {
        remarks.push(format!("{name}: INVALID, {flaw}"));
    }
    if let Some(bottleneck) = outcome.bottleneck() {
        remarks.push(format!("{name}: {bottleneck}"));
    }
    for (class, tallied) in &outcome.faults {
        if let Some(sample) = format::sample(*class, tallied) {
            remarks.push(format!("{name}: {sample}"));
        }
    }
    remarks
}

/// Writes a report where it was asked for.
fn write_file(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|source| Failure::Report {
        path: path.to_owned(),
        source,
    })
}
