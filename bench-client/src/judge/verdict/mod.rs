//! Whether the figures of a run may be believed, and what bounded them.
//!
//! Judged from what is saved: whoever has the file can judge again.

mod ends;
mod reasons;
mod remarks;

use ends::Ends;

use crate::base::failure::Status;
use crate::base::format;
use crate::plan::accepts::VerdictOptions;
use crate::saved::{Run, Verdict};

/// The part of the clients that must be waiting at a time for the rate to be
/// bounded by waiting.
const WAITING: f64 = 0.9;

/// What there is to know beside the figures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Circumstances {
    /// Whether it was stopped before its time.
    pub(crate) interrupted: bool,
    /// How the server ended, if it did so by itself.
    pub(crate) server_end: Option<String>,
    /// What was found before the load.
    pub(crate) remarks: Vec<String>,
    /// What the user accepts.
    pub(crate) accepts: VerdictOptions,
}

/// The verdict on `run`, whose own is not looked at.
pub(crate) fn judge(run: &Run, circumstances: &Circumstances) -> Verdict {
    let ends = Ends::of(run);
    let limited = ends.shortage();
    let accepted = circumstances.accepts.allow_client_limited;
    let mut reasons = server_end(circumstances);
    reasons.extend(reasons::of(run, &ends));
    reasons.extend(limited.clone().filter(|_| !accepted && !run.workload.idle));
    let mut remarks = circumstances.remarks.clone();
    remarks.extend(limited.filter(|_| accepted));
    remarks.extend(ends.doubt());
    remarks.extend(remarks::of(run));
    Verdict {
        valid: reasons.is_empty(),
        reasons,
        interrupted: circumstances.interrupted,
        bottleneck: bottleneck(run, &ends).to_owned(),
        remarks,
    }
}

/// What other work did to `run`, if a processor was missed for more than `part`
/// of the time; finer than what the verdict remarks on.
pub(crate) fn disturbance(run: &Run, part: f64) -> Option<String> {
    let waited = remarks::longest_wait(run).filter(|(_, waited)| *waited > part);
    let crowded = waited.map(|(end, waited)| {
        let waited = format::percent(waited);
        format!("other work kept the processor from the {end} for {waited} of the time")
    });
    crowded.or_else(|| remarks::stolen(run))
}

/// Whether something else than the server had a part in the figures of `run`.
pub(crate) fn is_disturbed(run: &Run) -> bool {
    !run.verdict.valid || run.client_stopped_s > 0.0 || disturbance(run, remarks::CROWDED).is_some()
}

/// What the exit status should say of `run`.
pub(crate) fn status(run: &Run) -> Status {
    match (run.verdict.interrupted, run.verdict.valid, run.errors()) {
        (true, ..) => Status::Interrupted,
        (_, false, _) => Status::Invalid,
        (_, true, 0) => Status::Fine,
        _ => Status::Errors,
    }
}

fn bottleneck(run: &Run, ends: &Ends) -> &'static str {
    match (ends.server_is_busy(), ends.client_is_busy()) {
        _ if run.workload.idle => "waiting",
        _ if reasons::achieved(run) == Some(true) => "schedule",
        (true, true) => "both",
        (true, false) => "server CPU",
        (false, true) => "client CPU",
        _ if run.workload.think.is_some() => "schedule",
        _ if waits(run) => "waiting",
        _ => "unknown",
    }
}

/// Whether nearly all clients waited for an answer nearly always.
fn waits(run: &Run) -> bool {
    let most = f64::from(run.connections.connected) * f64::from(run.workload.depth);
    run.fairness
        .effective
        .is_some_and(|effective| effective >= WAITING * most)
}

fn server_end(circumstances: &Circumstances) -> Vec<String> {
    let end = circumstances.server_end.iter();
    end.map(|end| format!("the server ended by itself ({end})")).collect()
}

#[cfg(test)]
mod tests;
