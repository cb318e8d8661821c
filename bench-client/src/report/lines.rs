//! The figures that servers are compared by.

use super::grouping::{Comparison, Rounds};
use super::sessions;
use super::table::Table;
use super::wording;
use crate::base::format;
use crate::base::percentile::{FEW, Percentile, USUAL, asked_or};
use crate::judge::precision::Precision;
use crate::saved::figure::Figure;
use crate::saved::{Run, Usage, Workload};

/// One figure: what it is called, what it is, how it is written.
pub(crate) struct Line {
    label: Label,
    figure: Box<Measure>,
    show: fn(f64) -> String,
    /// Whether the ratio of two says anything.
    compares: bool,
    /// Whether it is among the few that are seen first.
    on_card: bool,
    /// Whether it was asked for, and is shown even where there is none.
    asked: bool,
}

/// What a run has of a figure.
type Measure = dyn Fn(&Run) -> Option<f64>;

/// What a figure is called, which can depend on what was measured.
enum Label {
    Plain(&'static str),
    /// Answers per second.
    Rate,
    /// One of the times: `p99`, `max`.
    Time(String),
    /// Processor time for an answer.
    Cost,
}

/// All of them, in the order of reports, with the percentiles that were `asked`
/// for, or the usual ones.
pub(crate) fn lines(asked: &[Percentile]) -> Vec<Line> {
    let percentiles = asked_or(asked, &USUAL).iter().map(|percentile| {
        let asked = asked.contains(percentile);
        Line {
            on_card: asked || FEW.contains(percentile),
            asked,
            ..Line::percentile(percentile.clone())
        }
    });
    let mut lines = vec![
        Line::new(Label::Rate, |run| Figure::Rate.of(run), format::thousands),
        Line::new(Label::Plain("offered/s"), |run| run.offered_per_s, format::thousands).aside(),
    ];
    lines.extend(percentiles);
    lines.extend(others());
    lines
}

/// Those behind the percentiles.
fn others() -> [Line; 11] {
    let plain = |name, figure: fn(&Run) -> Option<f64>, show| Line::new(Label::Plain(name), figure, show);
    [
        Line::new(Label::Time("max".to_owned()), |run| Figure::Max.of(run), wording::time),
        Line::new(Label::Cost, |run| Figure::Cpu.of(run), wording::time).on_card(),
        plain("server CPU used", |run| share(run.server.as_ref()), format::percent).aside(),
        plain("client CPU used", |run| share(run.client.as_ref()), format::percent).aside(),
        plain(
            "client's ceiling used",
            |run| run.ceiling.as_ref().map(|ceiling| ceiling.share),
            format::percent,
        )
        .aside(),
        plain("memory per client", |run| Figure::Memory.of(run), format::kib).on_card(),
        plain("page tables per client", |run| Figure::PageTables.of(run), format::kib),
        plain(
            "fairness (Jain)",
            |run| Figure::Fairness.of(run),
            |index| format!("{index:.3}"),
        )
        .aside(),
        plain(
            "in flight (rate x mean time)",
            |run| run.fairness.effective,
            format::three_digits,
        )
        .aside(),
        plain(
            "connections opened/s",
            |run| run.connections.turnover_per_s(),
            format::thousands,
        )
        .aside(),
        plain("closed by the server", closed_by_server, format::thousands).aside(),
    ]
}

impl Line {
    fn new(label: Label, figure: impl Fn(&Run) -> Option<f64> + 'static, show: fn(f64) -> String) -> Line {
        Line {
            label,
            figure: Box::new(figure),
            show,
            compares: true,
            on_card: false,
            asked: false,
        }
    }

    fn percentile(percentile: Percentile) -> Line {
        let label = Label::Time(percentile.to_string());
        let figure = move |run: &Run| run.time().at(&percentile).map(|nanos| nanos as f64 / 1e9);
        Line::new(label, figure, wording::time)
    }

    /// One whose ratio says nothing.
    fn aside(self) -> Line {
        Line {
            compares: false,
            ..self
        }
    }

    /// One that is seen first.
    fn on_card(self) -> Line {
        Line { on_card: true, ..self }
    }

    /// What it is called under this load.
    pub(crate) fn label(&self, workload: &Workload) -> String {
        match &self.label {
            Label::Plain(label) => (*label).to_owned(),
            Label::Rate => format!("{}/s", workload.units()),
            Label::Time(quantile) => format!("{} {quantile}", workload.time()),
            Label::Cost => format!("server CPU per {}", workload.unit()),
        }
    }

    /// The median of a side's rounds.
    pub(crate) fn of(&self, side: &Rounds<'_>) -> Option<f64> {
        side.median(&self.figure)
    }

    /// That median, in words.
    pub(crate) fn text(&self, side: &Rounds<'_>) -> String {
        format::or_none(self.of(side), self.show)
    }

    /// One side's figure divided by the other's, where that says anything.
    pub(crate) fn ratio(&self, one: &Rounds<'_>, other: &Rounds<'_>) -> Option<f64> {
        let ratio = self.of(one)? / self.of(other)?;
        (self.compares && ratio.is_finite()).then_some(ratio)
    }

    /// Whether it is the first of all figures.
    pub(crate) fn leads(&self) -> bool {
        matches!(self.label, Label::Rate)
    }

    /// Whether it is among the few that are seen first.
    pub(crate) fn is_on_card(&self) -> bool {
        self.on_card
    }

    /// Whether any side has it, or should.
    pub(crate) fn is_in(&self, comparison: &Comparison<'_>) -> bool {
        self.asked || comparison.sides.iter().any(|side| self.of(side).is_some())
    }
}

/// The sides beside each other: a line for each figure that one of them has or
/// that was asked for. Of two sides the last column is the ratio of the second
/// to the first; of more, each has its ratio to the first in parentheses.
pub(crate) fn table(comparison: &Comparison<'_>, asked: &[Percentile]) -> Table {
    let mut table = Table::default();
    table.row(head(comparison));
    for line in lines(asked).iter().filter(|line| line.is_in(comparison)) {
        table.row(row(line, comparison));
    }
    let precision = (!comparison.workload.idle).then_some(&PRECISION);
    let tls = comparison.workload.tls_verified.map(|_| &SESSIONS);
    for (label, show) in precision.into_iter().chain(&COUNTS).chain(tls) {
        let label = label.replace('*', comparison.workload.units());
        let cells = comparison.sides.iter().map(show);
        let no_ratio = (comparison.sides.len() == 2).then(String::new);
        table.row(std::iter::once(label).chain(cells).chain(no_ratio));
    }
    table
}

fn head(comparison: &Comparison<'_>) -> Vec<String> {
    let mut head = vec![String::new()];
    head.extend(comparison.sides.iter().map(|side| side.name.to_owned()));
    if let [one, other] = &comparison.sides[..] {
        head.push(format!("{}/{}", other.name, one.name));
    }
    head
}

fn row(line: &Line, comparison: &Comparison<'_>) -> Vec<String> {
    let mut row = vec![line.label(comparison.workload)];
    match &comparison.sides[..] {
        [one, other] => {
            row.extend([line.text(one), line.text(other)]);
            row.push(line.ratio(other, one).map_or_else(String::new, two_places));
        }
        sides => row.extend(
            sides
                .iter()
                .enumerate()
                .map(|(index, side)| match line.ratio(side, &sides[0]) {
                    Some(ratio) if index > 0 => format!("{} ({})", line.text(side), two_places(ratio)),
                    _ => line.text(side),
                }),
        ),
    }
    row
}

fn two_places(ratio: f64) -> String {
    format!("{ratio:.2}")
}

/// What is said of all rounds of a side together.
type Count = fn(&Rounds<'_>) -> String;

/// How exactly the rate is known, where there is one.
const PRECISION: (&str, Count) = ("precision of */s", |side| Precision::of(&side.runs).to_string());

/// What was agreed on, where there is TLS.
const SESSIONS: (&str, Count) = ("TLS", |side| sessions::in_words(side.runs.iter().copied()));

/// What is counted over all rounds of a side; `*` stands for the unit.
const COUNTS: [(&str, Count); 6] = [
    ("* per client", |side| {
        let each = |count: fn(&Run) -> u64| side.runs.iter().map(move |run| count(run));
        let fewest = each(|run| run.fairness.fewest).min().unwrap_or_default();
        let most = each(|run| run.fairness.most).max().unwrap_or_default();
        format!(
            "{} to {}",
            format::thousands(fewest as f64),
            format::thousands(most as f64)
        )
    }),
    ("connected", |side| {
        let connected = side.total(|run| u64::from(run.connections.connected));
        let asked = side.total(|run| u64::from(run.connections.asked));
        format!("{connected} of {asked}")
    }),
    ("errors", |side| format::thousands(side.total(Run::errors) as f64)),
    ("unfinished", |side| {
        format::thousands(side.total(|run| run.unfinished) as f64)
    }),
    ("bottleneck", |side| {
        let mut words: Vec<_> = side.runs.iter().map(|run| bottleneck(run)).collect();
        words.dedup();
        words.join(", ")
    }),
    ("valid", |side| {
        let valid = side.runs.iter().filter(|run| run.verdict.valid).count();
        match side.runs.len() {
            all if all == valid => "yes".to_owned(),
            1 => "NO".to_owned(),
            all => format!("{valid} of {all}"),
        }
    }),
];

/// The word for it; what follows a colon explains it.
fn bottleneck(run: &Run) -> &str {
    let text = run.verdict.bottleneck.as_str();
    text.split(':').next().unwrap_or(text)
}

/// Where connections were closed at all, so that others have no line of zeros.
fn closed_by_server(run: &Run) -> Option<f64> {
    run.connections.turnover_per_s()?;
    run.connections.closed_by_server.map(|closed| closed as f64)
}

fn share(usage: Option<&Usage>) -> Option<f64> {
    usage.map(|usage| usage.cpu_share)
}
