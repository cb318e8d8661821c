//! All runs as a table in Markdown.

use super::grouping::comparisons;
use super::table::Table;
use super::{lines, text};
use crate::format;
use crate::saved::{Run, Saved};

/// The sides under each load, then every run by itself.
pub(crate) fn markdown(saved: &Saved) -> String {
    let mut text = String::new();
    for comparison in comparisons(&saved.runs) {
        text.push_str(&format!("## {}\n\n", Table::escaped(&comparison.workload.headline())));
        text.push_str(&format!("{}\n\n", saved.manifest.places()));
        text.push_str(&lines::table(&comparison).markdown());
        text.push('\n');
        for note in text::notes(&comparison) {
            text.push_str(&format!("- {}\n", Table::escaped(&note)));
        }
        text.push('\n');
    }
    text.push_str("## Runs\n\n");
    text.push_str(&table(&saved.runs).markdown());
    text
}

fn table(runs: &[Run]) -> Table {
    let mut table = Table::default();
    let head = ["run", "clients", "answers/s", "p50", "p99", "max", "errors", "verdict"];
    table.row(head.map(str::to_owned));
    for run in runs {
        let time = run.time();
        table.row([
            run.name.clone(),
            run.workload.clients.to_string(),
            format::or_none(run.answers_per_s, format::thousands),
            format::nanoseconds(time.p50),
            format::nanoseconds(time.p99),
            format::nanoseconds(time.max),
            run.errors_in_words(),
            run.verdict_in_words(),
        ]);
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
        let text = markdown(&Saved::example(runs));
        assert!(text.contains(r"a\|b"), "{text}");
        assert!(!text.contains("\n| forged"), "{text}");
        assert!(!text.contains("<script>"), "{text}");
        let (_, runs) = text.split_once("## Runs").unwrap();
        assert_eq!(runs.lines().filter(|line| line.starts_with('|')).count(), 4, "{runs}");
    }
}
