//! Whether the figures of a run may be believed, and what bounded them.
//!
//! Judged from what is saved: whoever has the file can judge again.

mod ends;
mod remarks;

use ends::Ends;

use crate::failure::Status;
use crate::format;
use crate::saved::{Run, Verdict};
use crate::taxonomy::ErrorClass;

/// The part of what was offered that must have been achieved.
const ACHIEVED: f64 = 0.99;
/// The longest that the client may send late, in nanoseconds: of 99 of 100
/// messages, and ever.
const LAG_P99: u64 = 1_000_000;
const LAG_MAX: u64 = 100_000_000;
/// Messages for each client on average, from which on a schedule should have
/// given every client one.
const ENOUGH: u64 = 10;
/// The part of the clients that must be waiting at a time for the rate to be
/// bounded by waiting.
const WAITING: f64 = 0.9;

/// How figures are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct VerdictOptions {
    /// Accept figures that were bounded by the client's processor time.
    #[arg(long)]
    pub(crate) allow_client_limited: bool,
}

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
    reasons.extend(
        [
            missing_clients(run),
            exhausted(run),
            starved(run),
            unkept(run),
            unachieved(run, &ends),
        ]
        .into_iter()
        .flatten(),
    );
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
        _ if achieved(run).is_some_and(|part| part >= ACHIEVED) => "schedule",
        (true, true) => "both",
        (true, false) => "server CPU",
        (false, true) => "client CPU",
        _ if run.workload.think.is_some() => "schedule",
        _ if waits(run) => "waiting",
        _ => "unknown",
    }
}

/// The part of what the schedule asked for that was answered.
fn achieved(run: &Run) -> Option<f64> {
    let offered = run.offered_per_s.filter(|offered| *offered > 0.0)?;
    Some(run.answers_per_s? / offered)
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

fn missing_clients(run: &Run) -> Option<String> {
    let (connected, asked) = (run.connections.connected, run.connections.asked);
    (connected < asked).then(|| {
        let at_work = effective(run).map(|text| format!("; {text}")).unwrap_or_default();
        format!("only {connected} of {asked} clients got an answer{at_work}")
    })
}

fn exhausted(run: &Run) -> Option<String> {
    let own = ErrorClass::ALL.into_iter().filter(|class| class.is_client_resource());
    let met: Vec<_> = own
        .map(|class| (class, run.errors_of(class.id())))
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| format!("{count} {}; {}", class.id(), remedy(class)))
        .collect();
    (!met.is_empty()).then(|| format!("the client was at its limits ({})", met.join(", ")))
}

fn remedy(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Emfile => "raise the hard limit of open files (ulimit -Hn)",
        ErrorClass::AddrNotAvail => "give more addresses to connect from with --source",
        _ => "free memory, or ask for fewer clients",
    }
}

/// Clients without an answer, where each should have had one. None at all is
/// another matter: the errors say which.
fn starved(run: &Run) -> Option<String> {
    let clients = u64::from(run.connections.connected);
    let scheduled = run.offered_per_s.is_some() || run.workload.think.is_some();
    let due = !scheduled || run.answers >= ENOUGH * clients;
    let none = run.fairness.none;
    if run.workload.idle || run.window_s.is_none() || !due {
        return None;
    }
    match run.answers {
        0 if run.errors() == 0 => Some("there was no answer in the measured time; measure for longer".to_owned()),
        0 => None,
        _ if none == 0 => None,
        _ => Some(format!(
            "{none} of {clients} clients were starved: they had no answer in the measured time{}",
            effective(run).map(|text| format!(" ({text})")).unwrap_or_default()
        )),
    }
}

fn effective(run: &Run) -> Option<String> {
    let effective = run.fairness.effective?;
    Some(format!(
        "N_eff {}: so many were served at a time",
        format::three_digits(effective)
    ))
}

/// A schedule that the client itself did not keep.
fn unkept(run: &Run) -> Option<String> {
    let lag = run.send_lag.as_ref()?;
    (lag.p99 > LAG_P99 || lag.max > LAG_MAX).then(|| {
        format!(
            "the client did not keep its schedule: it sent {} late at p99 and {} at most, more than {} and {}; \
             lower --rate, or give the client a processor of its own",
            format::nanoseconds(lag.p99),
            format::nanoseconds(lag.max),
            format::nanoseconds(LAG_P99),
            format::nanoseconds(LAG_MAX),
        )
    })
}

/// Answers missing from a schedule that neither errors, nor messages that were
/// on their way at the end, nor the server's processor time explain.
fn unachieved(run: &Run, ends: &Ends) -> Option<String> {
    let part = achieved(run).filter(|part| *part < ACHIEVED)?;
    let missing = (run.offered_per_s? - run.answers_per_s?) * run.window_s?;
    let places = u64::from(run.connections.connected) * u64::from(run.workload.depth);
    let explained = (run.errors() + run.unfinished.min(places)) as f64 >= missing;
    (!ends.server_is_busy() && !explained).then(|| {
        format!(
            "only {} of the offered rate was achieved, and the server was not saturated; lower --rate, or give more clients",
            format::percent(part)
        )
    })
}

#[cfg(test)]
mod tests;
