//! Measuring more than once: only rounds tell a difference from chance.

use crate::invocation::ServerCommand;
use crate::pinning::Places;
use crate::saved::Run;

/// The order in which `count` servers are measured in `round`: forth and back,
/// so that a machine that grows slower or faster does not favour one.
pub(crate) fn order(count: usize, round: u32) -> Vec<usize> {
    match round % 2 {
        0 => (0..count).collect(),
        _ => (0..count).rev().collect(),
    }
}

/// How often a server is measured, and who starts it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RoundOptions {
    /// Measure so many rounds; the figures are their medians.
    #[arg(long, value_name = "N", default_value = "1", value_parser = crate::quantity::count)]
    pub(crate) repeat: u32,
    /// Start this server, anew for each round, and measure it.
    ///
    /// {port}, {address} or {path} in it is filled in; else it prints "listening on ...".
    #[arg(long, value_name = "CMD")]
    pub(crate) spawn: Option<ServerCommand>,
    /// Let a server that is started here, and the client, run on any CPU.
    #[arg(long)]
    pub(crate) no_pin: bool,
}

impl RoundOptions {
    /// Where server and client run: a server that runs already stays where it
    /// is.
    pub(crate) fn places(&self) -> Places {
        match &self.spawn {
            Some(_) => Places::choose(self.no_pin),
            None => Places::default(),
        }
    }

    /// What a round is called while it is measured.
    pub(crate) fn subject(&self, name: &str, round: u32) -> String {
        subject(name, round, self.repeat)
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
