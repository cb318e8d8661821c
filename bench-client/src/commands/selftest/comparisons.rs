//! Comparisons by `ab` whose outcome is known: of a server with itself, and
//! with one that is slower.

use std::time::Duration;

use super::check::{Check, Finding};
use super::measurement::{Measurement, measure};
use super::scale::Scale;
use super::tolerated::Tolerated;
use super::votes::{Vote, Votes};
use crate::base::failure::{Failure, Status};
use crate::base::format::{self, signed_percent};
use crate::judge::compare::{FIGURES, differences};
use crate::judge::rounds::named;
use crate::judge::verdict::disturbance;
use crate::machine::invocation::SELF;
use crate::saved::figure::Figure;
use crate::saved::{Difference, Run, Word};
use crate::view::watch::Watch;

/// So many at full length.
pub(super) const FULL: u32 = 20;
/// Fewer do not tell a wrong program from bad luck.
const FEWEST: u32 = 4;

/// Few clients, which mostly wait: neither end is at its limits.
const LOAD: [&str; 8] = ["--rounds", "5", "-c", "8", "-d", "200ms", "--warmup", "50ms"];
/// Rounds of both sides, and how long one takes with starting and stopping.
const ROUNDS: u32 = 10;
const ROUND: Duration = Duration::from_millis(600);
/// A processor that is missed for more than this part of the time hides, or
/// makes, a difference of 5 % in 5 ms.
const DISTURBED: f64 = 0.05;
/// How `ab` may end: with nothing shown, B worse, or a round not to be believed.
const ENDS: [Status; 3] = [Status::Fine, Status::Errors, Status::Invalid];

/// The delay of server A.
const DELAY: &str = "5ms";
/// 5 % more.
const LONGER: &str = "5250us";

/// Many comparisons of two servers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comparisons {
    number: u32,
    /// The delay of server B.
    other: &'static str,
}

impl Comparisons {
    /// Of equal servers, and of those that are not.
    pub(super) fn all(scale: Scale) -> [Comparisons; 2] {
        [DELAY, LONGER].map(|other| Comparisons {
            number: scale.number(FULL, FEWEST),
            other,
        })
    }

    /// How many may be wrong.
    pub(super) fn tolerated(&self) -> Tolerated {
        Tolerated::of(self.number)
    }

    fn are_equal(&self) -> bool {
        self.other == DELAY
    }

    /// Whether `differences` are what is known of the servers.
    fn agrees(&self, differences: &[Difference]) -> bool {
        let says = |word| differences.iter().any(|difference| difference.verdict == word);
        match self.are_equal() {
            true => differences.iter().all(is_not_shown),
            false => says(Word::Slower) && !says(Word::Faster),
        }
    }

    fn each(&self, watch: &mut Watch) -> Result<Vote, Failure> {
        let [a, b] = [DELAY, self.other].map(|delay| format!("{SELF} serve tcp --die-with-parent --delay {delay}"));
        let words = ["ab", "--a", &a, "--b", &b];
        let measured = measure(words.into_iter().chain(LOAD), ROUND * ROUNDS, watch)?;
        Ok(self.vote(&measured))
    }

    fn vote(&self, measured: &Measurement) -> Vote {
        let runs = match (&measured.runs, measured.ended_unlike(&ENDS)) {
            (Err(reason), _) => return Vote::Broken(reason.clone()),
            (_, Some(reason)) => return Vote::Broken(reason),
            (Ok(runs), None) => runs,
        };
        let errors: u64 = runs.iter().map(Run::errors).sum();
        if errors > 0 {
            return Vote::Broken(format!("{errors} errors"));
        }
        // Invalid runs first: they are refused whatever else was wrong.
        match differences(&named(runs, "A"), &named(runs, "B"), &FIGURES) {
            Err(Failure::Invalid(reason)) => Vote::Spoilt(reason),
            Err(failure) => Vote::Broken(failure.to_string()),
            Ok(differences) => match runs.iter().find_map(|run| disturbance(run, DISTURBED)) {
                Some(reason) => Vote::Spoilt(reason),
                None => self.cast(&differences),
            },
        }
    }

    fn cast(&self, differences: &[Difference]) -> Vote {
        let median = differences.iter().find(|difference| difference.figure == Figure::P50);
        Vote::Cast {
            right: self.agrees(differences),
            change: median.and_then(Difference::change).unwrap_or_default(),
        }
    }

    /// How many differ, or are slower, of `number` that have `wrong` among them.
    fn say(&self, wrong: u32, number: u32) -> String {
        match self.are_equal() {
            true => format!("{wrong} of {number} differ"),
            false => format!("{} of {number} slower", number.saturating_sub(wrong)),
        }
    }

    fn found(&self, votes: &Votes) -> String {
        let change = votes.change();
        format::or_none(change, |change| {
            format!(
                "{}, p50 {}",
                self.say(votes.wrong(), votes.cast()),
                signed_percent(change)
            )
        })
    }
}

fn is_not_shown(difference: &Difference) -> bool {
    difference.verdict == Word::NotShown
}

impl Check for Comparisons {
    fn name(&self) -> String {
        match self.are_equal() {
            true => format!("tcp --delay {DELAY} against itself"),
            false => format!("tcp --delay {DELAY} against --delay {}", self.other),
        }
    }

    fn load(&self) -> String {
        LOAD.join(" ")
    }

    fn expected(&self) -> String {
        let bound = if self.are_equal() { "at most" } else { "at least" };
        format!("{bound} {}", self.say(self.tolerated().wrong, self.number))
    }

    fn caveat(&self) -> Option<String> {
        let risk = self.tolerated().false_alarm * 100.0;
        Some(format!(
            "a right program fails this by chance in up to {risk:.2} % of all self-tests"
        ))
    }

    fn takes(&self) -> Duration {
        ROUND * ROUNDS * self.number
    }

    fn attempt(&self, watch: &mut Watch) -> Result<Finding, Failure> {
        let mut votes = Votes::default();
        for number in 1..=self.number {
            watch.turn_to(format!("serve {}, comparison {number} of {}", self.name(), self.number));
            votes.add(self.each(watch)?);
        }
        Ok(Finding {
            found: self.found(&votes),
            judgement: votes.judgement(self.tolerated().wrong),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Usage;

    /// A comparison of B, which answers so much more often than A.
    fn vote(other: &'static str, more: f64) -> Vote {
        let rounds = |name| move |rate| Run::example(name, rate);
        let rates = [1000.0, 1001.0, 1002.0, 1003.0, 1004.0];
        let a = rates.map(rounds("A"));
        let b = rates.map(|rate| rate * (1.0 + more)).map(rounds("B"));
        vote_on(other, a.into_iter().chain(b).collect())
    }

    fn vote_on(other: &'static str, runs: Vec<Run>) -> Vote {
        let measured = Measurement {
            status: Some(0),
            runs: Ok(runs),
        };
        Comparisons { number: 20, other }.vote(&measured)
    }

    fn is_right(vote: &Vote) -> bool {
        matches!(vote, Vote::Cast { right: true, .. })
    }

    #[test]
    fn equal_servers_must_not_differ_and_a_slower_one_must_be_slower() {
        assert!(is_right(&vote(DELAY, 0.0)));
        assert!(is_right(&vote(LONGER, -0.05)));
        for (other, more) in [(DELAY, 0.05), (DELAY, -0.05), (LONGER, 0.0), (LONGER, 0.05)] {
            assert!(
                matches!(vote(other, more), Vote::Cast { right: false, .. }),
                "{other} {more}"
            );
        }
    }

    #[test]
    fn a_round_that_the_machine_spoilt_does_not_count() {
        let busy = Run {
            server: Some(Usage {
                threads: Some(2),
                run_queue_share: Some(0.1),
                ..Usage::default()
            }),
            ..Run::example("A", 1000.0)
        };
        let mut invalid = Run::example("A", 1000.0);
        invalid.verdict.valid = false;
        for run in [busy, invalid] {
            let vote = vote_on(DELAY, vec![run, Run::example("B", 1000.0)]);
            assert!(matches!(vote, Vote::Spoilt(_)), "{vote:?}");
        }
    }

    #[test]
    fn an_error_or_no_report_is_no_comparison() {
        let wrong = Run::full("A");
        assert!(matches!(
            vote_on(DELAY, vec![wrong, Run::example("B", 1.0)]),
            Vote::Broken(_)
        ));
        assert!(matches!(vote_on(DELAY, vec![Run::example("A", 1.0)]), Vote::Broken(_)));
    }
}
