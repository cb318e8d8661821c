//! Measuring more than once: only rounds tell a difference from chance.

use crate::saved::Run;

/// The order in which `count` servers are measured in `round`: forth and back,
/// so that a machine that grows slower or faster does not favour one.
pub(crate) fn order(count: usize, round: u32) -> Vec<usize> {
    match round % 2 {
        0 => (0..count).collect(),
        _ => (0..count).rev().collect(),
    }
}

/// `A`, or `A, round 2 of 5`.
pub(crate) fn subject(name: &str, round: u32, rounds: u32) -> String {
    match rounds {
        1 => name.to_owned(),
        rounds => format!("{name}, round {} of {rounds}", round + 1),
    }
}

/// The rounds of one server.
pub(crate) fn named(runs: &[Run], name: &str) -> Vec<Run> {
    runs.iter().filter(|run| run.name == name).cloned().collect()
}

/// What the run at `place` is called among `runs`: by its round if there are
/// several of its name.
pub(crate) fn name(runs: &[Run], place: usize) -> String {
    let Some(run) = runs.get(place) else {
        return String::new();
    };
    let rounds = |runs: &[Run]| runs.iter().filter(|other| other.name == run.name).count() as u32;
    subject(&run.name, rounds(&runs[..place]), rounds(runs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_go_forth_and_back() {
        assert_eq!(order(3, 0), [0, 1, 2]);
        assert_eq!(order(3, 1), [2, 1, 0]);
        assert_eq!(order(3, 2), [0, 1, 2]);
    }

    #[test]
    fn rounds_of_one_server_are_told_apart() {
        let runs = ["A", "B", "B"].map(|name| Run::example(name, 1.0));
        let names = [0, 1, 2].map(|place| name(&runs, place));
        assert_eq!(names, ["A", "B, round 1 of 2", "B, round 2 of 2"]);
    }
}
