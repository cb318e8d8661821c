//! All runs as a table in Markdown.

use super::grouping::comparisons;
use super::table::Table;
use super::{differences, lines, text};
use crate::base::format;
use crate::base::percentile::{FEW, Percentile, asked_or};
use crate::saved::{Judgement, Run, Saved};

/// What was concluded, the sides under each load, then every run by itself;
/// with the percentiles that were `asked` for, or the usual ones.
pub(crate) fn markdown(saved: &Saved, asked: &[Percentile]) -> String {
    let mut text = String::new();
    for judgement in &saved.judgements {
        text.push_str(&verdict(judgement));
    }
    if !saved.knees.is_empty() {
        text.push_str("## Knee\n\n");
        text.push_str(&list(text::knees(saved)));
    }
    for comparison in comparisons(&saved.runs) {
        text.push_str(&format!("## {}\n\n", Table::escaped(&comparison.workload.headline())));
        text.push_str(&format!("{}\n\n", saved.manifest.places()));
        text.push_str(&lines::table(&comparison, asked).markdown());
        text.push('\n');
        text.push_str(&list(text::notes(&comparison)));
    }
    text.push_str("## Runs\n\n");
    text.push_str(&table(&saved.runs, asked_or(asked, &FEW)).markdown());
    text
}

/// The verdict in words, who they are, and the table it comes from.
fn verdict(judgement: &Judgement) -> String {
    let Judgement { a, b, .. } = judgement;
    let summary = Table::escaped(&differences::summary(judgement));
    let who = [a, b].map(|party| format!("{}: {}", party.name, party.from));
    let lines = who.iter().chain(&judgement.remarks).chain(&judgement.regressions);
    format!(
        "## Verdict: {summary}\n\n{}\n{}",
        differences::table(judgement).markdown(),
        list(lines.cloned())
    )
}

fn list(lines: impl IntoIterator<Item = String>) -> String {
    let lines = lines.into_iter().map(|line| format!("- {}\n", Table::escaped(&line)));
    lines.collect::<String>() + "\n"
}

fn table(runs: &[Run], percentiles: &[Percentile]) -> Table {
    let mut table = Table::default();
    let names = percentiles.iter().map(Percentile::to_string);
    let head = ["run", "clients", "answers/s"].map(str::to_owned).into_iter();
    table.row(head.chain(names).chain(["max", "errors", "verdict"].map(str::to_owned)));
    for run in runs {
        let time = run.time();
        let times = percentiles
            .iter()
            .map(|percentile| format::or_none(time.at(percentile), format::nanoseconds));
        let who = [
            run.name.clone(),
            run.workload.clients.to_string(),
            format::or_none(run.answers_per_s, format::thousands),
        ];
        let rest = [
            format::nanoseconds(time.max),
            run.errors_in_words(),
            run.verdict_in_words(),
        ];
        table.row(who.into_iter().chain(times).chain(rest));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_comes_first() {
        let text = markdown(&Saved::compared(), &[]);
        assert!(
            text.starts_with("## Verdict: B is slower (answers)\n\n| median of 5 rounds |"),
            "{text}"
        );
        for part in ["- A: server --old\n", "- gate \"rps -5%\" breached", "## Runs"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn the_knee_comes_first() {
        let mut saved = Saved::example([Run::example("a", 1.0)]);
        saved.knees = saved.find_knees();
        let text = markdown(&saved, &[]);
        assert!(
            text.starts_with("## Knee\n\n- 64 B: no knee: 1 numbers of clients"),
            "{text}"
        );
    }

    #[test]
    fn no_name_breaks_the_table() {
        let runs = [
            Run::example("a|b\n| forged | row |", 10.0),
            Run::example("<script>", 20.0),
        ];
        let text = markdown(&Saved::example(runs), &[]);
        assert!(text.contains(r"a\|b"), "{text}");
        assert!(!text.contains("\n| forged"), "{text}");
        assert!(!text.contains("<script>"), "{text}");
        let (_, runs) = text.split_once("## Runs").unwrap();
        assert_eq!(runs.lines().filter(|line| line.starts_with('|')).count(), 4, "{runs}");
    }
}
