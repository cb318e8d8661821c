//! All runs as a table in Markdown.

use super::grouping::comparisons;
use super::table::Table;
use super::{lines, text};
use crate::format;
use crate::percentile::{FEW, Percentile, asked_or};
use crate::saved::{Run, Saved};

/// The sides under each load, then every run by itself; with the percentiles
/// that were `asked` for, or the usual ones.
pub(crate) fn markdown(saved: &Saved, asked: &[Percentile]) -> String {
    let mut text = String::new();
    for comparison in comparisons(&saved.runs) {
        text.push_str(&format!("## {}\n\n", Table::escaped(&comparison.workload.headline())));
        text.push_str(&format!("{}\n\n", saved.manifest.places()));
        text.push_str(&lines::table(&comparison, asked).markdown());
        text.push('\n');
        for note in text::notes(&comparison) {
            text.push_str(&format!("- {}\n", Table::escaped(&note)));
        }
        text.push('\n');
    }
    text.push_str("## Runs\n\n");
    text.push_str(&table(&saved.runs, asked_or(asked, &FEW)).markdown());
    text
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
