//! Servers side by side.

use std::time::Duration;

use super::table::Table;
use super::{Side, headline, remarks, slope};
use crate::format;
use crate::outcome::{Memory, Outcome};

/// One line of the table.
struct Line {
    label: &'static str,
    figure: fn(&Outcome) -> Option<f64>,
    show: fn(f64) -> String,
    /// Whether the ratio of two says anything.
    compares: bool,
}

const LINES: [Line; 7] = [
    Line {
        label: "echoes/s",
        figure: Outcome::rate,
        show: format::thousands,
        compares: true,
    },
    Line {
        label: "service time p50",
        figure: |outcome| quantile(outcome, 0.5),
        show: show_seconds,
        compares: true,
    },
    Line {
        label: "service time p99",
        figure: |outcome| quantile(outcome, 0.99),
        show: show_seconds,
        compares: true,
    },
    Line {
        label: "server CPU per echo",
        figure: Outcome::server_cpu_per_echo,
        show: |micros| format!("{} µs", format::three_digits(micros)),
        compares: true,
    },
    Line {
        label: "server CPU used",
        figure: Outcome::server_share,
        show: format::percent,
        compares: false,
    },
    Line {
        label: "client CPU used",
        figure: Outcome::client_share,
        show: format::percent,
        compares: false,
    },
    Line {
        label: "memory per client",
        figure: |outcome| outcome.memory.as_ref().map(Memory::per_client),
        show: format::kib,
        compares: true,
    },
];

/// Headline, table and remarks.
pub(crate) fn report(sides: &[Side], places: &str) -> String {
    let Some(first) = sides.first() else {
        return String::new();
    };
    let mut text = format!("{}\n{places}\n\n", headline(&first.outcome.plan));
    text.push_str(&table(sides).to_string());
    text.push('\n');
    for note in notes(sides) {
        text.push_str(&note);
        text.push('\n');
    }
    text
}

fn table(sides: &[Side]) -> Table {
    let mut table = Table::default();
    table.row(head(sides));
    for line in &LINES {
        table.row(row(line, sides));
    }
    table.row(counts("echoes per client", sides, |outcome| {
        let (fewest, most) = (outcome.fairness.fewest, outcome.fairness.most);
        let show = |echoes: u64| format::thousands(echoes as f64);
        format!("{} to {}", show(fewest), show(most))
    }));
    table.row(counts("connected", sides, |outcome| {
        format!("{} of {}", outcome.connected, outcome.plan.clients)
    }));
    table.row(counts("errors", sides, |outcome| {
        format::thousands(outcome.errors() as f64)
    }));
    table
}

fn head(sides: &[Side]) -> Vec<String> {
    let mut head = vec![String::new()];
    head.extend(sides.iter().map(|side| side.name.clone()));
    if let [one, other] = sides {
        head.push(format!("{}/{}", one.name, other.name));
    }
    head
}

fn row(line: &Line, sides: &[Side]) -> Vec<String> {
    let figures: Vec<_> = sides.iter().map(|side| (line.figure)(&side.outcome)).collect();
    let mut row = vec![line.label.to_owned()];
    row.extend(figures.iter().map(|figure| format::or_none(*figure, line.show)));
    if let ([Some(one), Some(other)], true) = (&figures[..], line.compares)
        && *other != 0.0
    {
        row.push(format!("{:.2}", one / other));
    }
    row
}

fn counts(label: &str, sides: &[Side], show: fn(&Outcome) -> String) -> Vec<String> {
    let mut row = vec![label.to_owned()];
    row.extend(sides.iter().map(|side| show(&side.outcome)));
    row
}

fn notes(sides: &[Side]) -> Vec<String> {
    let mut notes = vec![
        "service time: in a closed loop a server that stalls is asked less, so stalls are under-counted".to_owned(),
        "server CPU: process CPU clock, user and system; sending on loopback does the receiver's kernel work too"
            .to_owned(),
    ];
    if let Some(memory) = sides.iter().find_map(|side| side.outcome.memory) {
        notes.push(format!("memory per client: {}", slope(&memory)));
    }
    for side in sides {
        notes.extend(remarks(&side.name, &side.outcome));
    }
    notes
}

fn quantile(outcome: &Outcome, share: f64) -> Option<f64> {
    (outcome.answers > 0).then(|| outcome.times().quantile(share).as_secs_f64())
}

fn show_seconds(seconds: f64) -> String {
    format::duration(Duration::from_secs_f64(seconds))
}
