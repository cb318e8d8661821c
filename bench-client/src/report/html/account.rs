//! What server, client and kernel used.

use maud::Markup;

use crate::base::format;
use crate::report::grouping::{Comparison, Rounds};
use crate::report::html::tables;
use crate::report::table::Table;
use crate::report::wording;
use crate::saved::{Host, Run, Usage};

/// A figure of an account by name, and how it is written.
struct Line<T> {
    label: &'static str,
    figure: fn(&T) -> Option<f64>,
    show: fn(f64) -> String,
}

const fn line<T>(label: &'static str, figure: fn(&T) -> Option<f64>, show: fn(f64) -> String) -> Line<T> {
    Line { label, figure, show }
}

const USAGE: [Line<Usage>; 14] = [
    line("CPU", |usage| Some(usage.cpu_s), wording::time),
    line("of one processor", |usage| Some(usage.cpu_share), format::percent),
    // Of those that ended before, as one a connection does, nothing is known.
    line(
        "busiest thread alive at the end",
        |usage| usage.busiest_thread_share,
        format::small_percent,
    ),
    line("user", |usage| usage.user_s, wording::time),
    line("system", |usage| usage.system_s, wording::time),
    line(
        "CPU for an answer",
        |usage| usage.cpu_us_per_answer.map(|micros| micros / 1e6),
        wording::time,
    ),
    line("resident memory", |usage| usage.resident_bytes.map(float), format::mib),
    line("threads", |usage| usage.threads.map(float), format::thousands),
    line(
        "open descriptors",
        |usage| usage.descriptors.map(float),
        format::thousands,
    ),
    line(
        "voluntary switches",
        |usage| usage.voluntary_switches.map(float),
        format::thousands,
    ),
    line(
        "involuntary switches",
        |usage| usage.involuntary_switches.map(float),
        format::thousands,
    ),
    line("minor faults", |usage| usage.minor_faults.map(float), format::thousands),
    line("major faults", |usage| usage.major_faults.map(float), format::thousands),
    line(
        "ready without a processor",
        |usage| usage.run_queue_delay_s,
        wording::time,
    ),
];

const HOST: [Line<Host>; 8] = [
    line(
        "accept queue overflows",
        |host| host.listen_overflows.map(float),
        format::thousands,
    ),
    line(
        "accept queue drops",
        |host| host.listen_drops.map(float),
        format::thousands,
    ),
    line(
        "connection requests sent again",
        |host| host.syn_retransmits.map(float),
        format::thousands,
    ),
    line("TCP timeouts", |host| host.tcp_timeouts.map(float), format::thousands),
    line(
        "datagrams without room",
        |host| host.udp_receive_buffer_errors.map(float),
        format::thousands,
    ),
    line(
        "datagrams with errors",
        |host| host.udp_in_errors.map(float),
        format::thousands,
    ),
    line("CPU stolen", |host| host.steal_s, wording::time),
    line("CPU in soft interrupts", |host| host.softirq_s, wording::time),
];

/// A column for each end of each side, and what the kernel counted for the
/// whole machine. What nobody has is left out.
pub(super) fn table(comparison: &Comparison<'_>) -> Markup {
    let sides_ = &comparison.sides;
    let mut table = Table::default();
    let head = sides_
        .iter()
        .flat_map(|side| [format!("{} server", side.name), "its client".to_owned()]);
    table.row(std::iter::once(String::new()).chain(head));
    for line in &USAGE {
        let cells: Vec<_> = sides_
            .iter()
            .flat_map(|side| {
                [
                    cell(line, side, |run| run.server.as_ref()),
                    cell(line, side, |run| run.client.as_ref()),
                ]
            })
            .collect();
        add(&mut table, line.label, cells);
    }
    for line in &HOST {
        let cells = sides_
            .iter()
            .flat_map(|side| [cell(line, side, |run| Some(&run.host)), Some(String::new())]);
        add(&mut table, line.label, cells.collect());
    }
    tables::table(&table)
}

fn cell<T>(line: &Line<T>, side: &Rounds<'_>, account: impl Fn(&Run) -> Option<&T>) -> Option<String> {
    side.median(|run| (line.figure)(account(run)?)).map(line.show)
}

fn add(table: &mut Table, label: &str, cells: Vec<Option<String>>) {
    let known = cells.iter().flatten().any(|cell| !cell.is_empty());
    if known {
        let cells = cells.into_iter().map(|cell| format::or_none(cell, |cell| cell));
        table.row(std::iter::once(label.to_owned()).chain(cells));
    }
}

fn float(count: u64) -> f64 {
    count as f64
}
