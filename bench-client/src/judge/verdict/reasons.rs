//! Why figures say nothing about the server.

use super::ends::Ends;
use crate::base::format;
use crate::base::taxonomy::ErrorClass;
use crate::plan::accepts::ON_TIME;
use crate::saved::Run;

/// The part of what was offered that may be missing.
const MISSING: f64 = 0.01;
/// The longest that the client may ever send late, in nanoseconds.
const LAG_MAX: u64 = 100_000_000;
/// The part of the time in which the clients may have stood still.
pub(super) const STOPPED: f64 = 0.05;
/// Messages for each client on average, from which on a schedule should have
/// given every client one.
const ENOUGH: u64 = 10;

pub(super) fn of(run: &Run, ends: &Ends) -> Vec<String> {
    [
        unmeasured(run),
        missing_clients(run),
        exhausted(run),
        unanswered(run),
        starved(run),
        unkept(run),
        stopped(run),
        unachieved(run, ends),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether the answers are as many as the schedule had messages, or nearly.
pub(super) fn achieved(run: &Run) -> Option<bool> {
    let offered = run.offered.filter(|offered| *offered > 0)?;
    Some(missing(run)? as f64 <= (offered as f64 * MISSING).ceil())
}

/// Messages of the schedule without an answer that counted.
fn missing(run: &Run) -> Option<u64> {
    Some(run.offered?.saturating_sub(run.answers))
}

/// A run that ended before its window began.
fn unmeasured(run: &Run) -> Option<String> {
    run.window_s
        .is_none()
        .then(|| "it ended before anything was measured; let it run for longer".to_owned())
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

/// Nobody got an answer, and no error says why.
fn unanswered(run: &Run) -> Option<String> {
    let measured = run.window_s.is_some() && !run.workload.idle;
    (measured && run.answers == 0 && run.errors() == 0)
        .then(|| "there was no answer in the measured time; measure for longer".to_owned())
}

/// Clients without an answer while others had theirs.
fn starved(run: &Run) -> Option<String> {
    let (none, clients) = (run.fairness.none, run.connections.connected);
    let starved = none > 0 && run.answers > 0 && !run.workload.idle && each_was_due(run);
    starved.then(|| {
        format!(
            "{none} of {clients} clients were starved: they had no answer in the measured time{}",
            effective(run).map(|text| format!(" ({text})")).unwrap_or_default()
        )
    })
}

/// Whether each client should have had an answer: always, if nothing but
/// answers made them wait.
fn each_was_due(run: &Run) -> bool {
    let scheduled = run.offered.is_some() || run.workload.think.is_some();
    !scheduled || run.answers >= ENOUGH * u64::from(run.connections.connected)
}

fn effective(run: &Run) -> Option<String> {
    let effective = run.fairness.effective?;
    let effective = format::three_digits(effective);
    Some(format!("on average {effective} were served at a time"))
}

/// A schedule that the client itself did not keep.
fn unkept(run: &Run) -> Option<String> {
    let lag = run.send_lag.as_ref()?;
    let (p99, on_time) = (lag.p99?, ON_TIME.as_nanos());
    (u128::from(p99) > on_time || lag.max > LAG_MAX).then(|| {
        format!(
            "the client did not keep its schedule: it sent {} late at p99 and {} at most, more than {} and {}; \
             lower --rate, or give the client a processor of its own",
            format::nanoseconds(p99),
            format::nanoseconds(lag.max),
            format::duration(ON_TIME),
            format::nanoseconds(LAG_MAX),
        )
    })
}

/// Clients that did not work for much of the time. The lag of an open loop does
/// not show it if all of them had a message on its way just then.
fn stopped(run: &Run) -> Option<String> {
    let part = run.client_stopped_s / run.window_s.filter(|window| *window > 0.0)?;
    (part > STOPPED).then(|| {
        format!(
            "the client stood still for {} of the time, more than {}: it was stopped or had no processor, and neither \
             sent nor heard anything meanwhile; repeat the measurement",
            format::percent(part),
            format::percent(STOPPED)
        )
    })
}

/// Answers missing from a schedule that neither errors, nor messages that were
/// on their way at the end, nor the server's processor time explain.
fn unachieved(run: &Run, ends: &Ends) -> Option<String> {
    let (offered, missing) = (run.offered?, missing(run)?);
    let places = u64::from(run.connections.connected) * u64::from(run.workload.depth);
    let explained = run.errors().saturating_add(run.unfinished.min(places)) >= missing;
    (achieved(run) == Some(false) && !explained && !ends.server_is_busy()).then(|| {
        format!(
            "only {} of the offered rate was achieved, and the server was not saturated; lower --rate, or give more clients",
            format::percent(run.answers as f64 / offered as f64)
        )
    })
}
