//! One server's figures.

use std::fmt::Write;

use super::{Side, headline, remarks, slope};
use crate::format;
use crate::job::{Churn, Verify};
use crate::outcome::Outcome;
use crate::recording::Times;

/// Headline, figures and remarks about the server, whose process is `pid`.
pub(crate) fn report(side: &Side, pid: Option<i32>) -> String {
    let outcome = &side.outcome;
    let mut text = format!("{}  {}\n", side.name, headline(&outcome.plan));
    let mut line = |label: &str, figures: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {label:<14}{figures}");
    };
    if !outcome.plan.idle {
        line(&format!("{}/s", outcome.plan.unit()), rate(outcome));
        for (label, figures) in all_times(outcome) {
            line(label, figures);
        }
    }
    line("connections", connections(outcome));
    line("server", server(outcome, pid));
    if let Some(memory) = &outcome.memory {
        let figure = format::kib(memory.per_client());
        line("memory", format!("{figure} per client ({})", slope(memory)));
    }
    line(
        "client",
        format!("{} of a CPU", format::or_none(outcome.client_share(), format::percent)),
    );
    line("errors", errors(outcome));
    for remark in remarks(&side.name, outcome) {
        let _ = writeln!(text, "  {remark}");
    }
    text
}

fn rate(outcome: &Outcome) -> String {
    let rate = format::or_none(outcome.rate(), format::thousands);
    let offered = outcome.offered_rate().map(format::thousands);
    let offered = offered
        .map(|offered| format!(" of {offered} offered"))
        .unwrap_or_default();
    let bytes = format::mib(outcome.bytes as f64);
    let how = match (&outcome.plan.request, outcome.plan.verify) {
        (Some(_), _) => return format!("{rate}{offered}   {bytes} of responses"),
        (None, Verify::Full) => "verified",
        (None, Verify::Header) => "headers verified",
        (None, Verify::Len | Verify::Off) => "not verified",
    };
    format!("{rate}{offered}   2 x {bytes}, {how}")
}

/// What was timed, with the name of it and what must be known of it.
fn all_times(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let service = match outcome.plan.churn {
        Churn::PerRequest => "connect, echo",
        _ => "service time",
    };
    let Some(response) = &outcome.response else {
        let remark = "   (closed loop: stalls are under-counted)";
        return vec![(service, times(&outcome.service) + remark)];
    };
    let mut all = vec![
        ("response time", times(response) + "   (from the schedule's instant)"),
        (service, times(&outcome.service)),
    ];
    all.extend(outcome.lag.as_ref().map(|lag| ("send lag", times(lag))));
    all
}

fn times(times: &Times) -> String {
    let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
    let mut text = String::new();
    for (name, share) in shares {
        let time = format::duration(times.quantile(share));
        text.push_str(&format!("{name} {time}  "));
    }
    text + &format!("max {}", format::duration(times.longest()))
}

fn connections(outcome: &Outcome) -> String {
    let mut text = format!(
        "{} of {} in {}, first answer p99 {}",
        format::thousands(f64::from(outcome.connected)),
        format::thousands(f64::from(outcome.plan.clients)),
        format::duration(outcome.connecting),
        format::duration(outcome.arrivals.quantile(0.99)),
    );
    if !outcome.plan.idle {
        let (fewest, most) = (outcome.fairness.fewest, outcome.fairness.most);
        text.push_str(&format!(
            "; {} to {} {} each",
            format::thousands(fewest as f64),
            format::thousands(most as f64),
            outcome.plan.unit(),
        ));
    }
    text
}

fn server(outcome: &Outcome, pid: Option<i32>) -> String {
    let Some(pid) = pid else {
        return "no account: no process listens there that is ours to see; give --server-pid".to_owned();
    };
    let share = format::or_none(outcome.server_share(), format::percent);
    let mut text = format!("process {pid}: {share} of a CPU");
    if let Some(micros) = outcome.server_cpu_per_echo() {
        let figure = format::three_digits(micros);
        text.push_str(&format!(", {figure} µs per echo"));
    }
    if let Some(bytes) = outcome.server().and_then(|usage| usage.resident_bytes) {
        text.push_str(&format!(", {} resident", format::mib(bytes as f64)));
    }
    text
}

fn errors(outcome: &Outcome) -> String {
    let faults = format::faults(&outcome.faults);
    match outcome.unfinished {
        0 => faults,
        unfinished => format!("{faults}   ({unfinished} unfinished at the end)"),
    }
}
