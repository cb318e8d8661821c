//! A report for the terminal.

use super::grouping::{Comparison, comparisons};
use super::{differences, lines, one, rounds};
use crate::base::percentile::Percentile;
use crate::saved::{Knee, Saved};

/// Everything in `saved`: what was concluded, where something was; else a
/// single run line by line, several side by side, with the percentiles that were
/// `asked` for, or the usual ones.
pub(crate) fn report(saved: &Saved, asked: &[Percentile]) -> String {
    if !saved.judgements.is_empty() {
        let judgements = saved.judgements.iter();
        let parts: Vec<_> = judgements
            .map(|judgement| differences::report(saved, judgement))
            .collect();
        return parts.join("\n");
    }
    let places = saved.manifest.places();
    let part = |comparison: &Comparison<'_>| match &comparison.sides[..] {
        [side] if side.runs.len() > 1 => rounds::report(side, asked),
        [side] => one::report(side.runs[0], asked),
        _ => sides(comparison, &places, asked),
    };
    let mut parts: Vec<_> = comparisons(&saved.runs).iter().map(part).collect();
    if !saved.knees.is_empty() {
        parts.push(knees(saved).join("\n") + "\n");
    }
    parts.join("\n")
}

/// The knees of a sweep, a line for each, and what a knee is.
pub(crate) fn knees(saved: &Saved) -> Vec<String> {
    let mut lines: Vec<_> = saved.knees.iter().map(Knee::in_words).collect();
    if !lines.is_empty() {
        lines.push(Knee::rule());
    }
    lines
}

fn sides(comparison: &Comparison<'_>, places: &str, asked: &[Percentile]) -> String {
    let rounds = match comparison.rounds() {
        0 | 1 => String::new(),
        rounds => format!("; medians of {rounds} rounds"),
    };
    let mut text = format!("{}\n{places}{rounds}\n\n", comparison.workload.headline());
    text.push_str(&lines::table(comparison, asked).to_string());
    text.push('\n');
    for note in notes(comparison) {
        text.push_str(&note);
        text.push('\n');
    }
    text
}

/// What must be known of the figures, and of the runs.
pub(crate) fn notes(comparison: &Comparison<'_>) -> Vec<String> {
    let workload = comparison.workload;
    let mut notes = Vec::new();
    if !workload.idle {
        notes.push(match workload.mode.as_str() {
            "open" => {
                "response time: from the scheduled instant, however late the message was sent".to_owned()
            }
            _ => format!(
                "{}: in a closed loop a server that stalls is asked less, so stalls are under-counted (coordinated omission)",
                workload.service_time()
            ),
        });
    }
    if comparison.runs().any(|run| run.server.is_some()) {
        notes.push(
            "server CPU: process CPU clock, user and system; sending on loopback does the receiver's kernel work too"
                .to_owned(),
        );
    }
    if let Some(memory) = comparison.runs().find_map(|run| run.memory) {
        notes.push(format!("memory per client: {}", memory.slope()));
        if memory.page_table_bytes_per_client.is_some() {
            notes.push(
                "page tables per client: what the kernel keeps to map that memory, which is not in it".to_owned(),
            );
        }
    }
    notes.extend(comparison.runs().flat_map(crate::saved::Run::remarks));
    notes
}
