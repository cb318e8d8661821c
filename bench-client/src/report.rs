//! What was measured, as text, JSON and Markdown.

pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod one;
pub(crate) mod sides;
pub(crate) mod table;

use crate::failure::Failure;
use crate::format;
use crate::job::{Churn, Plan};
use crate::outcome::{Memory, Outcome};

/// One server and what was measured of it.
#[derive(Debug)]
pub(crate) struct Side {
    /// What it is called.
    pub(crate) name: String,
    /// What was measured.
    pub(crate) outcome: Outcome,
}

/// What was done, in one line.
fn headline(plan: &Plan) -> String {
    let clients = format::thousands(f64::from(plan.clients));
    let length = format::seconds(plan.duration);
    if plan.idle {
        return format!("tcp, {clients} idle clients, held for {length} s");
    }
    let kind = match plan.churn {
        Churn::Never => "tcp echo",
        Churn::PerRequest => "tcp connect, echo, close",
    };
    format!(
        "{kind}, closed loop, {clients} clients, {} B, verify={}, seed {}, {length} s after {} s warm-up",
        plan.size,
        plan.verify.id(),
        plan.seed,
        format::seconds(plan.warmup),
    )
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
        let measured = outcome.window.as_ref().map_or_else(
            || "before anything was measured".to_owned(),
            |window| format!("after {} of measuring", format::duration(window.length)),
        );
        remarks.push(format!("{name}: PARTIAL, interrupted {measured}"));
    }
    let verdict = outcome.judged().verdict;
    remarks.push(format!("{name}: bottleneck: {}", verdict.bottleneck));
    remarks.extend(
        verdict
            .reasons
            .iter()
            .map(|reason| format!("{name}: INVALID, {reason}")),
    );
    remarks.extend(verdict.remarks.iter().map(|remark| format!("{name}: {remark}")));
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
