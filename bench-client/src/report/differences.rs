//! Two sides and what may be said of their difference.

use super::rounds;
use super::table::Table;
use crate::base::format::{self, signed_percent};
use crate::base::statistics::MOST_ROUNDS;
use crate::saved::{Difference, Judgement, Party, Run, Saved, Word};

/// A p-value below this is not written out.
const LEAST_P: f64 = 0.001;

/// Who they are and under what load, the table, what must be known of it, and
/// the verdict in one line.
pub(crate) fn report(saved: &Saved, judgement: &Judgement) -> String {
    let Judgement { a, b, .. } = judgement;
    let mut text = String::new();
    if let Some(run) = a.runs(&saved.runs).next() {
        text.push_str(&format!("{}\n{}\n", run.workload.headline(), saved.manifest.places()));
    }
    text.push_str(&format!("{}: {}\n{}: {}\n\n", a.name, a.from, b.name, b.from));
    text.push_str(&table(judgement).to_string());
    text.push('\n');
    for line in notes(saved, judgement)
        .iter()
        .chain([&verdict_line(judgement)])
        .chain(&judgement.regressions)
    {
        text.push_str(&format!("{line}\n"));
    }
    text
}

/// The remarks of the rounds of each side, and those of the judgement.
fn notes(saved: &Saved, judgement: &Judgement) -> Vec<String> {
    let parties = [&judgement.a, &judgement.b].into_iter();
    let remarks = parties.flat_map(|party| {
        let runs: Vec<_> = party.runs(&saved.runs).collect();
        let said = rounds::remarks(&runs).into_iter();
        said.map(|remark| format!("{}, {remark}", party.name))
            .collect::<Vec<_>>()
    });
    remarks.chain(judgement.remarks.iter().cloned()).collect()
}

/// `median of 5 rounds`, if all figures have as many.
fn medians(judgement: &Judgement) -> String {
    let mut counts: Vec<_> = judgement
        .figures
        .iter()
        .flat_map(|one| [one.a_rounds, one.b_rounds])
        .collect();
    counts.dedup();
    match counts[..] {
        [1] => "one round".to_owned(),
        [rounds] => format!("median of {rounds} rounds"),
        _ => "median of rounds".to_owned(),
    }
}

/// A line for each figure; the column of the tolerances is there if there are any.
pub(crate) fn table(judgement: &Judgement) -> Table {
    let gated = judgement
        .figures
        .iter()
        .any(|difference| difference.tolerance.is_some());
    let mut table = Table::default();
    let head = [
        &*medians(judgement),
        &judgement.a.name,
        &judgement.b.name,
        "difference",
        "95 % interval",
        "p",
    ];
    let tolerated = gated.then_some("tolerated");
    table.row(head.into_iter().chain(tolerated).chain(["verdict"]).map(str::to_owned));
    for difference in &judgement.figures {
        let show = |value| difference.figure.show(value);
        let cells = [
            difference.figure.label(),
            show(difference.a_median),
            show(difference.b_median),
            format::or_none(difference.change(), signed_percent),
            format::or_none(difference.interval, |interval| {
                format!(
                    "{} to {}",
                    signed_percent(interval.low - 1.0),
                    signed_percent(interval.high - 1.0)
                )
            }),
            p_value(difference.p_adjusted),
        ];
        let tolerated = gated.then(|| format::or_none(difference.tolerance, signed_percent));
        table.row(cells.into_iter().chain(tolerated).chain([verdict(difference)]));
    }
    table
}

fn p_value(value: f64) -> String {
    match value < LEAST_P {
        true => format!("<{LEAST_P}"),
        false => format!("{value:.3}"),
    }
}

/// What may be said of B, in the words of the figure.
pub(crate) fn verdict(difference: &Difference) -> String {
    match (difference.verdict, difference.needed_rounds) {
        (Word::NotShown, Some(needed)) => {
            let needed = format::thousands(f64::from(needed.min(MOST_ROUNDS)));
            format!("{} (needs >= {needed} rounds)", Word::NotShown.text())
        }
        (word, _) => word.text().to_owned(),
    }
}

impl Word {
    /// As it stands in a table.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Word::Faster => "faster",
            Word::Slower => "slower",
            Word::Less => "less",
            Word::More => "more",
            Word::NotShown => "no difference shown",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Word::Less | Word::More => "takes",
            _ => "is",
        }
    }
}

fn verdict_line(judgement: &Judgement) -> String {
    format!("verdict: {}", summary(judgement))
}

/// `B is slower (p50, p99) and takes more (server CPU per answer)`.
pub(crate) fn summary(judgement: &Judgement) -> String {
    let mut parts = Vec::new();
    for word in [Word::Faster, Word::Slower, Word::Less, Word::More] {
        let found = judgement.figures.iter().filter(|difference| difference.verdict == word);
        let figures: Vec<_> = found.map(|difference| difference.figure.label()).collect();
        if !figures.is_empty() {
            parts.push(format!("{} {} ({})", word.verb(), word.text(), figures.join(", ")));
        }
    }
    match parts.is_empty() {
        true => Word::NotShown.text().to_owned(),
        false => format!("{} {}", judgement.b.name, parts.join(" and ")),
    }
}

impl Party {
    /// Its runs among `runs`.
    fn runs<'a>(&self, runs: &'a [Run]) -> impl Iterator<Item = &'a Run> {
        runs.iter().filter(|run| run.name == self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_is_shown() {
        let text = crate::report::text::report(&Saved::compared(), &[]);
        for part in [
            "tcp echo, closed loop",
            "A: server --old\nB: server --new\n",
            "median of 5 rounds",
            "1,002/s",
            "-10.0 %",
            "0.040",
            "-5.0 %",
            "slower\n",
            "p99",
            "no difference shown (needs >= 1,000 rounds)",
            "\nverdict: B is slower (answers)\ngate \"rps -5%\" breached",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn a_comparison_without_tolerances_has_no_column_for_them() {
        let mut saved = Saved::compared();
        let judgement = &mut saved.judgements[0];
        assert!(table(judgement).to_string().contains("tolerated"));
        for difference in &mut judgement.figures {
            difference.tolerance = None;
        }
        assert!(!table(judgement).to_string().contains("tolerated"));
    }

    #[test]
    fn a_remark_says_which_round_it_is_of() {
        let mut saved = Saved::compared();
        saved.runs[6].verdict.remarks.push("the clock is slow".to_owned());
        let text = report(&saved, &saved.judgements[0]);
        assert!(text.contains("B, round 2: the clock is slow\n"), "{text}");
    }
}
