//! What was said of the runs, each thing once for all rounds it was said of.

use std::collections::BTreeMap;

use super::probe::Probe;
use crate::judge::verdict;
use crate::saved::Run;

/// Remarks and verdicts by probe and server.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Of each thing said, the rounds.
    said: BTreeMap<(Probe, usize), Vec<Said>>,
    /// The rounds whose figures something else had a part in.
    disturbed: BTreeMap<(Probe, usize), usize>,
}

impl Notes {
    /// Takes down what is said of `run`, which is the `round`-th of `server`.
    pub(super) fn add(&mut self, probe: Probe, server: usize, round: usize, run: &Run) {
        let said = self.said.entry((probe, server)).or_default();
        let subject = format!("{}, {}", probe.id(), run.name);
        for remark in run.remarks_as(&subject) {
            match said.iter_mut().find(|(known, _)| *known == remark) {
                Some((_, rounds)) => rounds.push(round),
                None => said.push((remark, vec![round])),
            }
        }
        *self.disturbed.entry((probe, server)).or_default() += usize::from(verdict::is_disturbed(run));
    }

    /// All of it: `echo, go: the remark (round 1, 3)`.
    pub(super) fn all(&self) -> Vec<String> {
        let said = self.said.values().flatten();
        said.map(|(remark, rounds)| {
            let rounds: Vec<_> = rounds.iter().map(usize::to_string).collect();
            format!("{remark} (round {})", rounds.join(", "))
        })
        .collect()
    }

    /// How many rounds of `server` in `probe` were disturbed.
    pub(super) fn disturbed(&self, probe: Probe, server: usize) -> usize {
        self.disturbed.get(&(probe, server)).copied().unwrap_or_default()
    }
}

/// A remark and the rounds it was made on.
type Said = (String, Vec<usize>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_two_rounds_is_said_once_with_both() {
        let mut run = Run::example("go", 1.0);
        let mut notes = Notes::default();
        notes.add(Probe::Echo, 1, 1, &run);
        assert_eq!((notes.all(), notes.disturbed(Probe::Echo, 1)), (Vec::new(), 0));
        run.verdict.remarks.push("so it is".to_owned());
        notes.add(Probe::Echo, 1, 2, &run);
        run.verdict.valid = false;
        run.verdict.reasons.push("all wrong".to_owned());
        notes.add(Probe::Echo, 1, 3, &run);
        let all = [
            "echo, go: so it is (round 2, 3)",
            "echo, go: INVALID, all wrong (round 3)",
        ];
        assert_eq!(notes.all(), all);
        assert_eq!(notes.disturbed(Probe::Echo, 1), 1);
        assert_eq!(
            (notes.disturbed(Probe::Echo, 0), notes.disturbed(Probe::Churn, 1)),
            (0, 0)
        );
    }
}
