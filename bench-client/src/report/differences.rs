//! Two sides and what may be said of their difference.

use super::table::Table;
use super::wording::nearest_ceiling;
use crate::comparing::{Difference, Verdict};
use crate::figure::Figure;
use crate::format;
use crate::saved::Run;
use crate::statistics::{MOST_ROUNDS, within_run};

/// One side: what it is called and its rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds<'a> {
    /// `A`, or the name of a file.
    pub(crate) name: &'a str,
    /// Of one server under one load.
    pub(crate) runs: &'a [Run],
}

/// Table, notes and the verdict in one line.
pub(crate) fn report(a: Rounds<'_>, b: Rounds<'_>, differences: &[Difference]) -> String {
    let mut text = table(a, b, differences).to_string();
    text.push('\n');
    for note in [a, b].into_iter().flat_map(notes) {
        text.push_str(&format!("{note}\n"));
    }
    text + &summary(b.name, differences) + "\n"
}

fn table(a: Rounds<'_>, b: Rounds<'_>, differences: &[Difference]) -> Table {
    let mut table = Table::default();
    table.row(["median of rounds", a.name, b.name, "difference", "95 % sure", "verdict"].map(str::to_owned));
    for difference in differences {
        let show = |value| difference.figure.show(value);
        table.row([
            difference.figure.label(),
            show(difference.a),
            show(difference.b),
            format::or_none(difference.change, percent),
            format::or_none(difference.interval, |interval| {
                format!("{} to {}", percent(interval.low), percent(interval.high))
            }),
            verdict(difference),
        ]);
    }
    table
}

/// A change with its sign: `+5.2 %`.
pub(crate) fn percent(change: f64) -> String {
    format!("{:+.1} %", change * 100.0)
}

/// What may be said of B, in the words of the figure.
pub(crate) fn verdict(difference: &Difference) -> String {
    match (difference.verdict, difference.figure) {
        (Verdict::Better, Figure::Cpu | Figure::Memory) => "less".to_owned(),
        (Verdict::Worse, Figure::Cpu | Figure::Memory) => "more".to_owned(),
        (Verdict::Better, _) => "faster".to_owned(),
        (Verdict::Worse, _) => "slower".to_owned(),
        (Verdict::NotShown { needed }, _) => not_shown(needed),
    }
}

fn not_shown(needed: u32) -> String {
    let needed = format::thousands(f64::from(needed.min(MOST_ROUNDS)));
    format!("no difference shown (needs >= {needed} rounds)")
}

/// `verdict: B is slower (p50, p99) and takes more (server CPU per answer)`.
fn summary(b: &str, differences: &[Difference]) -> String {
    let mut parts = Vec::new();
    for (word, verb) in [("faster", "is"), ("slower", "is"), ("less", "takes"), ("more", "takes")] {
        let figures: Vec<_> = differences
            .iter()
            .filter(|difference| verdict(difference) == word)
            .map(|difference| difference.figure.label())
            .collect();
        if !figures.is_empty() {
            parts.push(format!("{verb} {word} ({})", figures.join(", ")));
        }
    }
    match parts.is_empty() {
        true => "verdict: no difference shown".to_owned(),
        false => format!("verdict: {b} {}", parts.join(" and ")),
    }
}

/// What must be known of a side before its figures are believed.
fn notes(side: Rounds<'_>) -> Vec<String> {
    let Rounds { name, runs } = side;
    let mut notes = Vec::new();
    if let [only] = runs {
        let within = format::or_none(within_run(only), |part| format!("{:.1} %", part * 100.0));
        notes.push(format!(
            "{name}: one round; its intervals say ± {within} of its answers/s, and nothing of how rounds differ"
        ));
    }
    let errors: u64 = runs.iter().map(Run::errors).fold(0, u64::saturating_add);
    if errors > 0 {
        notes.push(format!(
            "{name}: {} errors in {} rounds",
            format::thousands(errors as f64),
            runs.len()
        ));
    }
    notes.extend(nearest_ceiling(runs).map(|ceiling| format!("{name}: {ceiling}")));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparing::{FIGURES, differences};

    fn side(rates: [f64; 5]) -> Vec<Run> {
        rates.map(|rate| Run::example("server", rate)).to_vec()
    }

    #[test]
    fn the_table_says_what_is_shown() {
        let a = side([1000.0, 1001.0, 1002.0, 1003.0, 1004.0]);
        let b = side([900.0, 901.0, 902.0, 903.0, 904.0]);
        let differences = differences(&a, &b, &FIGURES).unwrap();
        let (a, b) = (Rounds { name: "A", runs: &a }, Rounds { name: "B", runs: &b });
        let text = report(a, b, &differences);
        for part in [
            "1,002/s",
            "-10.0 %",
            "slower",
            "p99",
            "no difference shown (needs >= 1,000 rounds)",
            "verdict: B is slower (answers)\n",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn the_round_nearest_to_the_clients_ceiling_is_told() {
        let mut runs = side([1.0; 5]);
        for (run, share) in runs.iter_mut().zip([0.5, 0.62, 0.4]) {
            run.ceiling = Some(crate::saved::Ceiling {
                answers_per_s: 1000.0,
                share,
                calibrated: "2026-11-21".to_owned(),
            });
        }
        let notes = notes(Rounds { name: "A", runs: &runs });
        assert_eq!(
            notes,
            ["A: client at most at 62 % of its ceiling (calibrated 2026-11-21: 1,000 echoes/s)"]
        );
    }

    #[test]
    fn one_round_is_told_to_be_one() {
        let notes = notes(Rounds {
            name: "A",
            runs: &[Run::example("server", 1.0)],
        });
        assert!(notes[0].contains("one round"), "{notes:?}");
    }
}
