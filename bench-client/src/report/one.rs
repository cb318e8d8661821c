//! One server's figures.

use std::fmt::Write;

use super::sessions;
use crate::base::format;
use crate::base::percentile::{Percentile, USUAL, asked_or};
use crate::saved::{Run, Times};

/// The part of a processor from which on its use tells what it could drive.
const BUSY: f64 = 0.5;

/// Headline, figures and remarks; with the percentiles that were `asked` for,
/// or the usual ones.
pub(crate) fn report(run: &Run, asked: &[Percentile]) -> String {
    let mut text = format!("{}  {}\n", run.name, run.workload.headline());
    for (label, figures) in figures(run, asked) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {label:<14}{figures}");
    }
    for remark in run.remarks() {
        let _ = writeln!(text, "  {remark}");
    }
    text
}

/// Each line with what it is about.
pub(crate) fn figures(run: &Run, asked: &[Percentile]) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut line = |label: &str, figures: String| lines.push((label.to_owned(), figures));
    if !run.workload.idle {
        line(&format!("{}/s", run.workload.units()), run.rate_in_words());
        for (label, figures) in all_times(run, asked_or(asked, &USUAL)) {
            line(label, figures);
        }
    }
    line("connections", run.connections_in_words());
    if run.workload.tls_verified.is_some() {
        line("TLS", sessions::in_words([run]));
    }
    line("server", server(run));
    if let Some(memory) = &run.memory {
        let figure = format::kib(memory.bytes_per_client);
        line("memory", format!("{figure} per client ({})", memory.slope()));
        if let Some(bytes) = memory.page_table_bytes_per_client {
            line("page tables", format!("{} per client, beside that", format::kib(bytes)));
        }
    }
    line("client", client(run));
    line("errors", run.errors_in_words());
    line("verdict", run.verdict_in_words());
    lines
}

/// What the client used, and how much more it could have driven, by its
/// calibration or else by this run: the rate at which one processor would have
/// been fully used.
fn client(run: &Run) -> String {
    let Some(usage) = &run.client else {
        return format::NONE.to_owned();
    };
    let used = usage.in_words(run.workload.unit());
    if let Some(ceiling) = &run.ceiling {
        return format!("{used}; {}", ceiling.in_words(run.workload.units()));
    }
    // With little to do each message costs more: that tells no ceiling.
    let busy = usage.cpu_share >= BUSY;
    let ceiling = usage
        .cpu_us_per_answer
        .filter(|micros| busy && *micros > 0.0)
        .map(|micros| {
            let rate = format::thousands(1e6 / micros);
            let units = run.workload.units();
            format!("; its ceiling, by this run alone: {rate} {units}/s per processor (not calibrated)")
        });
    used + &ceiling.unwrap_or_default()
}

/// What was timed, with the name of it and what must be known of it.
fn all_times(run: &Run, percentiles: &[Percentile]) -> Vec<(&'static str, String)> {
    let workload = &run.workload;
    let times = |of: &Times| times(of, percentiles);
    let remark = format!("   ({})", workload.time_remark());
    let mut all = vec![(workload.time(), times(run.time()) + &remark)];
    if run.response_time.is_some() {
        all.push((workload.service_time(), times(&run.service_time)));
    }
    all.extend(run.send_lag.as_ref().map(|lag| ("send lag", times(lag))));
    all
}

fn times(times: &Times, percentiles: &[Percentile]) -> String {
    let mut text = String::new();
    for percentile in percentiles {
        let time = format::or_none(times.at(percentile), format::nanoseconds);
        text.push_str(&format!("{percentile} {time}  "));
    }
    text + &format!("max {}", longest(times))
}

/// The longest time; one without an answer was longer.
fn longest(times: &Times) -> String {
    let longest = format::nanoseconds(times.max);
    match (times.count, times.unanswered) {
        (0, _) => format::NONE.to_owned(),
        (_, 0) => longest,
        _ => format!("> {longest}"),
    }
}

fn server(run: &Run) -> String {
    match &run.server {
        None if run.window_s.is_none() => "no account: nothing was measured".to_owned(),
        None => "no account".to_owned(),
        Some(server) => format!("process {}: {}", server.pid, server.in_words(run.workload.unit())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_tables_have_a_line_beside_resident_memory_where_they_were_counted() {
        let mut run = Run::full("a");
        let text = report(&run, &[]);
        assert!(text.contains("memory        9.77 KiB per client (growth of"), "{text}");
        assert!(text.contains("page tables   0.50 KiB per client"), "{text}");
        let memory = run.memory.as_mut().unwrap();
        memory.page_table_bytes_per_client = None;
        assert!(!report(&run, &[]).contains("page tables"));
    }
}
