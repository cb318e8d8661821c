//! Runs that belong together.

use crate::base::statistics::median;
use crate::saved::{Run, Workload};

/// One load, and the servers that were put under it.
#[derive(Clone, Debug)]
pub(crate) struct Comparison<'a> {
    /// The load.
    pub(crate) workload: &'a Workload,
    /// In the order of their first runs.
    pub(crate) sides: Vec<Rounds<'a>>,
}

/// One server under one load, once or several times.
#[derive(Clone, Debug)]
pub(crate) struct Rounds<'a> {
    /// What it is called.
    pub(crate) name: &'a str,
    /// In the order of time; at least one.
    pub(crate) runs: Vec<&'a Run>,
}

impl Rounds<'_> {
    /// The median of a figure over the rounds that have it.
    pub(crate) fn median(&self, figure: impl Fn(&Run) -> Option<f64>) -> Option<f64> {
        let figures: Vec<_> = self.runs.iter().filter_map(|run| figure(run)).collect();
        median(&figures)
    }

    /// The total of a count over the rounds.
    pub(crate) fn total(&self, count: impl Fn(&Run) -> u64) -> u64 {
        self.runs.iter().fold(0, |sum, run| sum.saturating_add(count(run)))
    }
}

/// Runs under one load stand beside each other, and the rounds of one server
/// are one side.
pub(crate) fn comparisons(runs: &[Run]) -> Vec<Comparison<'_>> {
    let mut comparisons: Vec<Comparison<'_>> = Vec::new();
    for run in runs {
        let same = |one: &&mut Comparison<'_>| one.workload.hash == run.workload.hash;
        match comparisons.iter_mut().find(same) {
            Some(comparison) => comparison.add(run),
            None => comparisons.push(Comparison {
                workload: &run.workload,
                sides: vec![Rounds::of(run)],
            }),
        }
    }
    comparisons
}

impl<'a> Comparison<'a> {
    fn add(&mut self, run: &'a Run) {
        match self.sides.iter_mut().find(|side| side.name == run.name) {
            Some(side) => side.runs.push(run),
            None => self.sides.push(Rounds::of(run)),
        }
    }

    /// All runs, side by side.
    pub(crate) fn runs(&self) -> impl Iterator<Item = &'a Run> {
        self.sides.iter().flat_map(|side| side.runs.iter().copied())
    }

    /// Whether all that is measured is one server, at `target`.
    pub(crate) fn is_of(&self, target: &str) -> bool {
        self.sides.len() == 1 && self.runs().all(|run| run.workload.target == target)
    }

    /// The greatest number of rounds of a side.
    pub(crate) fn rounds(&self) -> usize {
        self.sides.iter().map(|side| side.runs.len()).max().unwrap_or_default()
    }
}

impl<'a> Rounds<'a> {
    fn of(run: &'a Run) -> Rounds<'a> {
        Rounds {
            name: &run.name,
            runs: vec![run],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_of_one_server_under_one_load() {
        let mut other_load = Run::example("a", 9.0);
        other_load.workload.hash = "other".to_owned();
        let runs = [
            Run::example("a", 1.0),
            Run::example("b", 2.0),
            other_load,
            Run::example("b", 4.0),
        ];
        let found = comparisons(&runs);
        let shape: Vec<Vec<_>> = found
            .iter()
            .map(|one| one.sides.iter().map(|side| (side.name, side.runs.len())).collect())
            .collect();
        assert_eq!(shape, [vec![("a", 1), ("b", 2)], vec![("a", 1)]]);
        assert_eq!(found[0].sides[1].median(|run| run.answers_per_s), Some(3.0));
    }
}
