//! The times of several rounds as one histogram.

use hdrhistogram::Histogram;

use super::grouping::Rounds;
use crate::saved::{Run, Times};

/// The times of all rounds together.
pub(crate) fn pooled(side: &Rounds<'_>, times: impl Fn(&Run) -> Option<&Times>) -> Option<Histogram<u64>> {
    let mut rounds = side.runs.iter().filter_map(|run| times(run)?.decoded());
    let mut all = rounds.next()?;
    all.auto(true);
    for round in rounds {
        // It grows to hold what comes.
        let _ = all.add(&round);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::percentile::Percentile;

    use crate::report::{html, runs, text};
    use crate::saved::Saved;

    fn at(text: &str) -> Option<u64> {
        let percentile: Percentile = text.parse().unwrap();
        Run::example("a", 1.0).timed().time().at(&percentile)
    }

    /// The times are 1 to 100 ms.
    #[test]
    fn any_percentile_comes_out_of_the_histogram_that_tells_it() {
        for (text, millis) in [("0.5", 1.0), ("50", 50.0), ("75", 75.0), ("98.1", 99.0), ("99", 99.0)] {
            let found = at(text).unwrap() as f64 / 1e6;
            assert!((found / millis - 1.0).abs() < 0.001, "p{text}: {found} ms");
        }
        assert_eq!((at("99.1"), at("99.9")), (None, None));
    }

    #[test]
    fn every_table_has_the_percentiles_that_are_asked_for() {
        let asked: Vec<Percentile> = ["75", "99.5"].map(|text| text.parse().unwrap()).to_vec();
        let [one, other] = ["a", "b"].map(|name| Run::example(name, 1.0).timed());
        for runs in [vec![one.clone()], vec![one.clone(), one.clone()], vec![one, other]] {
            let saved = Saved::example(runs);
            let page = String::from_utf8(html::page(&saved, &asked)).unwrap();
            let (tables, _) = page.split_once("<h2>Plots").unwrap();
            for form in [&text::report(&saved, &asked), &runs::markdown(&saved, &asked), tables] {
                assert!(form.contains("p75") && form.contains("p99.5"), "{form}");
                assert!(form.contains("75.0 ms"), "{form}");
                assert!(!form.contains("p50") && !form.contains("p90"), "{form}");
            }
        }
    }

    #[test]
    fn what_too_few_times_tell_is_not_shown() {
        let saved = Saved::example([Run::example("a", 1.0).timed()]);
        let text = text::report(&saved, &[]);
        assert!(text.contains("p99 99.0 ms  p99.9 -  max 100 ms"), "{text}");
    }

    #[test]
    fn nothing_answered_has_no_time() {
        let saved = Saved::example([Run::example("a", 0.0)]);
        let text = text::report(&saved, &[]);
        assert!(text.contains("p50 -  p90 -  p99 -  p99.9 -  max -"), "{text}");
    }
}
