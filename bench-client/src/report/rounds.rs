//! The rounds of one server under one another, their median and their spread.

use super::grouping::Rounds;
use super::table::Table;
use super::wording;
use crate::base::format;
use crate::base::percentile::{FEW, Percentile, asked_or};
use crate::base::statistics::median;
use crate::judge::ceiling::nearest_ceiling;
use crate::judge::compare::FIGURES;
use crate::judge::precision::{Precision, plus_minus, spread};
use crate::saved::Run;
use crate::saved::figure::Figure;

/// Headline, a line for each round, the medians, the spread, and remarks; with
/// the percentiles that were `asked` for, or the usual ones.
pub(crate) fn report(side: &Rounds<'_>, asked: &[Percentile]) -> String {
    let mut text = format!(
        "{}  {}\n  {}/s {}\n\n{}\n",
        side.name,
        side.runs[0].workload.headline(),
        side.runs[0].workload.units(),
        rate(side),
        table(&side.runs, &columns(asked))
    );
    text.push_str("spread: distance of the farthest round from the median\n");
    for line in nearest_ceiling(side.runs.iter().copied())
        .into_iter()
        .chain(remarks(&side.runs))
    {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// What must be known of the rounds of one server; once, where it is so of
/// every one.
pub(super) fn remarks(runs: &[&Run]) -> Vec<String> {
    let shared = |name: &str| -> Vec<String> {
        let mut first = runs.first().map(|run| run.remarks_as(name)).unwrap_or_default();
        first.retain(|remark| runs.iter().all(|run| run.remarks_as(name).contains(remark)));
        first
    };
    let mut all = shared("every round");
    for (round, run) in runs.iter().enumerate() {
        let name = format!("round {}", round + 1);
        let said = shared(&name);
        let own = run.remarks_as(&name);
        all.extend(own.into_iter().filter(|remark| !said.contains(remark)));
    }
    all
}

/// `1,000 ± 10.0 % (3 rounds)`.
fn rate(side: &Rounds<'_>) -> String {
    let median = side.median(|run| Figure::Rate.of(run));
    let precision = Precision::of(&side.runs);
    format!("{} {precision}", format::or_none(median, format::thousands))
}

/// A figure of each round.
enum Column {
    Figure(Figure),
    Percentile(Percentile),
}

impl Column {
    fn label(&self) -> String {
        match self {
            Column::Figure(figure) => figure.label(),
            Column::Percentile(percentile) => percentile.to_string(),
        }
    }

    fn of(&self, run: &Run) -> Option<f64> {
        match self {
            Column::Figure(figure) => figure.of(run),
            Column::Percentile(percentile) => run.time().at(percentile).map(|nanos| nanos as f64 / 1e9),
        }
    }

    fn show(&self, value: f64) -> String {
        match self {
            Column::Figure(figure) => figure.show(value),
            Column::Percentile(_) => wording::time(value),
        }
    }
}

/// What rounds are compared by, with the percentiles at the place of their own.
fn columns(asked: &[Percentile]) -> Vec<Column> {
    let mut columns = Vec::new();
    for figure in FIGURES {
        match figure {
            Figure::P50 => columns.extend(asked_or(asked, &FEW).iter().cloned().map(Column::Percentile)),
            Figure::P99 => {}
            other => columns.push(Column::Figure(other)),
        }
    }
    columns.push(Column::Figure(Figure::Errors(None)));
    columns
}

fn table(runs: &[&Run], columns: &[Column]) -> Table {
    let mut table = Table::default();
    let row = |head: String, cell: &dyn Fn(&Column) -> String| {
        std::iter::once(head)
            .chain(columns.iter().map(cell))
            .collect::<Vec<_>>()
    };
    table.row(row(String::new(), &Column::label));
    for (round, run) in runs.iter().enumerate() {
        let cell = |column: &Column| format::or_none(column.of(run), |value| column.show(value));
        table.row(row(format!("round {}", round + 1), &cell));
    }
    let values = |column: &Column| runs.iter().filter_map(|run| column.of(run)).collect::<Vec<_>>();
    let middle = |column: &Column| format::or_none(median(&values(column)), |value| column.show(value));
    table.row(row("median".to_owned(), &middle));
    let spread = |column: &Column| format::or_none(spread(&values(column)), plus_minus);
    table.row(row("spread".to_owned(), &spread));
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_so_of_every_round_is_said_once() {
        let mut runs = [1.0; 3].map(|rate| Run::example("server", rate));
        for run in &mut runs {
            run.verdict.remarks.push("so it is".to_owned());
        }
        runs[1].verdict.remarks.push("but once".to_owned());
        assert_eq!(
            remarks(&runs.each_ref()),
            ["every round: so it is", "round 2: but once"]
        );
    }

    #[test]
    fn every_round_has_its_line() {
        let runs = [900.0, 1000.0, 1100.0].map(|rate| Run::example("server", rate));
        let text = table(&runs.each_ref(), &columns(&[])).to_string();
        for part in ["round 3", "1,100/s", "median", "1,000/s", "± 10.0 %", "9.77 KiB"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }
}
