//! One case: a server with a fault, a client, and what became of them.

use std::time::Duration;

use serde_json::Value;

use super::case::Case;
use super::check::{Check, Finding, counted, listed};
use super::measurement::{Measurement, measure};
use super::reference::Reference;
use super::scale::Scale;
use crate::base::failure::{Failure, Status};
use crate::view::watch::Watch;

/// Right answers before the first fault: every client has its first by then.
const BEFORE: &str = "200";
const CLIENTS: &str = "20";
/// Starting and stopping, and the warm-up.
const BESIDE: Duration = Duration::from_millis(400);

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Faults of each kind; even, since answers are swapped in pairs.
    count: u64,
    /// How long the clients usually work.
    seconds: f64,
}

impl Extent {
    /// Less than a minute and a half in all.
    pub(crate) const SHORT: Extent = Extent { count: 8, seconds: 0.5 };

    /// Less than ten minutes in all, or a part of that, but no less than
    /// [`SHORT`](Extent::SHORT).
    pub(crate) fn long(scale: Scale) -> Extent {
        Extent {
            count: u64::from(scale.number(40, 4)) * 2,
            seconds: scale.seconds(10.0, 0.5),
        }
    }
}

/// A case that is tried to an extent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) case: Case,
    pub(crate) extent: Extent,
}

impl Trial {
    fn seconds(&self) -> f64 {
        self.case.seconds(self.extent.seconds)
    }

    fn errors(&self) -> Vec<(String, u64)> {
        self.case.expected(self.extent.count)
    }
}

impl Check for Trial {
    fn name(&self) -> String {
        self.case.server(self.extent.count)
    }

    fn load(&self) -> String {
        self.case.client.to_owned()
    }

    fn expected(&self) -> String {
        listed(&self.errors())
    }

    fn takes(&self) -> Duration {
        BESIDE + Duration::from_secs_f64(self.seconds())
    }

    fn attempt(&self, watch: &mut Watch) -> Result<Finding, Failure> {
        let Reference { server, target } = Reference::start(&self.name(), &["--after", BEFORE], watch)?;
        let length = format!("{}s", self.seconds());
        let words = ["run", &target, "-c", CLIENTS, "--warmup", "100ms", "-d", &length];
        let words = words.into_iter().chain(["--allow-client-limited"]);
        let measured = measure(words.chain(self.case.client.split_whitespace()), self.takes(), watch)?;
        Ok(compare(self, &measured, &server.last_words()?))
    }
}

/// Holds what was found against what was expected: the errors the client
/// reported, or why it did not, its exit status, and the server's own counts.
fn compare(trial: &Trial, measured: &Measurement, counts: &str) -> Finding {
    let (errors, unread) = match &measured.runs {
        Ok(runs) => (counted(runs), None),
        Err(reason) => (Vec::new(), Some(reason.clone())),
    };
    let other = (errors != trial.errors()).then(|| "other errors than expected".to_owned());
    let asked = trial.case.faults(trial.extent.count);
    let miscounted = asked.and_then(|asked| miscounted(asked, counts));
    // Figures that a busy machine spoilt are no miscount.
    let ended = measured.ended_unlike(&[trial.case.status, Status::Invalid]);
    let remarks = [unread, other, ended, miscounted].into_iter().flatten();
    Finding::unless(remarks.collect(), listed(&errors))
}

/// How many faults the server made instead of those it was asked for.
fn miscounted(asked: u64, counts: &str) -> Option<String> {
    let Ok(counts) = serde_json::from_str::<Value>(counts) else {
        return Some(format!("the server's counts are {counts:?}"));
    };
    let faults = counts["faults"].as_object().into_iter().flatten();
    let made: u64 = faults.filter_map(|(_, made)| made.as_u64()).sum();
    (made != asked).then(|| format!("the server made {made} faults instead of {asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::selftest::case::CASES;
    use crate::commands::selftest::check::Judgement;
    use crate::saved::{Errors, Run};

    const COUNTS: &str = r#"{"answers":9,"faults":{"corrupt":8}}"#;

    fn as_expected(errors: &[(&str, u64)], status: i32, counts: &str) -> bool {
        let corrupt = |case: &&Case| case.server(8) == "tcp --size 64 --corrupt 8";
        let trial = Trial {
            case: *CASES.iter().find(corrupt).unwrap(),
            extent: Extent::SHORT,
        };
        let errors = errors.iter().map(|(class, count)| Errors::example(class, *count));
        let run = Run {
            errors: errors.collect(),
            ..Run::example("server", 1.0)
        };
        let measured = Measurement {
            status: Some(status),
            runs: Ok(vec![run]),
        };
        compare(&trial, &measured, counts).judgement == Judgement::AsExpected
    }

    #[test]
    fn nothing_but_the_expected_is_as_expected() {
        assert!(as_expected(&[("corrupt", 8)], 3, COUNTS));
        for errors in [
            &[][..],
            &[("corrupt", 7)],
            &[("corrupt", 9)],
            &[("misrouted", 8)],
            &[("corrupt", 8), ("lost", 1)],
        ] {
            assert!(!as_expected(errors, 3, COUNTS), "{errors:?}");
        }
        assert!(!as_expected(&[("corrupt", 8)], 0, COUNTS));
        assert!(!as_expected(&[("corrupt", 8)], 3, r#"{"faults":{"corrupt":7}}"#));
    }

    #[test]
    fn the_servers_own_count_is_held_against_it() {
        assert_eq!(miscounted(7, r#"{"answers":9,"faults":{"corrupt":7}}"#), None);
        for counts in [r#"{"answers":9,"faults":{"corrupt":6}}"#, "{}", "", "gone"] {
            assert!(miscounted(7, counts).is_some(), "{counts}");
        }
    }
}
