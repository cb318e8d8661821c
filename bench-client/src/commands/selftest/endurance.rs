//! Many clients for long: nothing goes wrong, and the client's memory stays.

use std::time::Duration;

use super::check::{Check, Finding, Judgement, counted, listed};
use super::growth::Bound;
use super::measurement::{Measurement, measure};
use super::reference::Reference;
use super::scale::Scale;
use crate::base::failure::{Failure, Status};
use crate::base::format;
use crate::plan::protocol::Protocol;
use crate::saved::Run;
use crate::view::watch::Watch;

/// How long each protocol is tried.
const LONG: Duration = Duration::from_secs(60);
/// How long TCP is, at its full rate.
const LONGER: Duration = Duration::from_secs(600);
/// No run is shorter.
const SHORTEST: Duration = Duration::from_secs(2);
/// Starting, connecting, the warm-up, and stopping.
const BESIDE: Duration = Duration::from_secs(2);

/// The clients are many. Whose processor time bounds the rate does not matter.
const LOAD: [&str; 5] = ["-c", "500", "--warmup", "500ms", "--allow-client-limited"];
/// How they may end: whether errors and memory are right can be told of figures
/// that a busy machine spoilt as well.
const ENDS: [Status; 3] = [Status::Fine, Status::Errors, Status::Invalid];

/// One long run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endurance {
    protocol: Protocol,
    /// More words behind `run`.
    load: &'static str,
    length: Duration,
}

impl Endurance {
    /// Every protocol, and one for long.
    pub(super) fn all(scale: Scale) -> Vec<Endurance> {
        let each = |protocol: Protocol| Endurance {
            protocol,
            load: match protocol {
                Protocol::Https => "--expect echo --insecure",
                Protocol::Wss => "--insecure",
                Protocol::Http => "--expect echo",
                _ => "",
            },
            length: scale.duration(LONG, SHORTEST),
        };
        let longer = Endurance {
            load: "--depth 8",
            length: scale.duration(LONGER, SHORTEST),
            ..each(Protocol::Tcp)
        };
        Protocol::ALL.into_iter().map(each).chain([longer]).collect()
    }

    fn server(&self) -> String {
        // Of what has no messages of its own the server is to know their size.
        match self.protocol {
            Protocol::Tcp | Protocol::Unix => format!("{} --size 64", self.protocol.id()),
            _ => self.protocol.id().to_owned(),
        }
    }

    fn bound(&self) -> Bound {
        Bound::of(self.length)
    }

    fn judge(&self, measured: &Measurement) -> Finding {
        let ended = measured.ended_unlike(&ENDS);
        match measured.runs.as_deref() {
            Ok([run]) => self.judge_run(run, ended),
            Ok(runs) => Finding::unless(
                vec![format!("{} runs instead of 1", runs.len())],
                format::NONE.to_owned(),
            ),
            Err(reason) => Finding::unless(vec![reason.clone()], format::NONE.to_owned()),
        }
    }

    fn judge_run(&self, run: &Run, ended: Option<String>) -> Finding {
        let growth = self.bound().growth(&run.series);
        let grew = growth.filter(|growth| self.bound().is_exceeded_by(*growth));
        let errors = (run.errors() > 0).then(|| "there may be no error".to_owned());
        let grew = grew.map(|_| "its memory grows".to_owned());
        let remarks: Vec<_> = [ended, errors, grew].into_iter().flatten().collect();
        let found = self.found(run, growth);
        let unjudged = match growth {
            _ if !run.verdict.valid => Some(run.verdict.reasons.join("; ")),
            None => Some("this system does not show the memory of a process".to_owned()),
            Some(_) => None,
        };
        match unjudged.filter(|_| remarks.is_empty()) {
            Some(reason) => Finding {
                found,
                judgement: Judgement::NotJudged(reason),
            },
            None => Finding::unless(remarks, found),
        }
    }

    fn found(&self, run: &Run, growth: Option<f64>) -> String {
        format!(
            "{} answers, {}, memory {}",
            format::thousands(run.answers as f64),
            listed(&counted(std::slice::from_ref(run))),
            format::or_none(growth, |growth| self.bound().show(growth))
        )
    }
}

impl Check for Endurance {
    fn name(&self) -> String {
        format!("{} for {} s", self.server(), format::seconds(self.length))
    }

    fn load(&self) -> String {
        format!("{} {}", LOAD[..2].join(" "), self.load).trim_end().to_owned()
    }

    fn expected(&self) -> String {
        format!("no error, {}", self.bound().text())
    }

    fn takes(&self) -> Duration {
        self.length + BESIDE
    }

    fn attempt(&self, watch: &mut Watch) -> Result<Finding, Failure> {
        let reference = Reference::start(&self.server(), &[], watch)?;
        let length = format!("{}s", self.length.as_secs_f64());
        let words = ["run", &reference.target, "-d", &length].into_iter().chain(LOAD);
        let measured = measure(words.chain(self.load.split_whitespace()), self.takes(), watch)?;
        Ok(self.judge(&measured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::{Errors, Second};

    /// What is found of a minute in which the client takes `rate` bytes more in
    /// every second.
    fn judgement(rate: u64, change: impl FnOnce(&mut Run)) -> Judgement {
        let endurance = Endurance::all(Scale::default())[0];
        let second = |end: u32| Second {
            client_resident_bytes: Some(u64::from(end) * rate),
            ..Second::example(end)
        };
        let mut run = Run {
            series: (1..=60).map(second).collect(),
            ..Run::example("server", 1000.0)
        };
        change(&mut run);
        let measured = Measurement {
            status: Some(0),
            runs: Ok(vec![run]),
        };
        endurance.judge(&measured).judgement
    }

    #[test]
    fn an_error_or_growing_memory_is_wrong_also_where_the_run_is_invalid() {
        assert_eq!(judgement(1_000, |_| {}), Judgement::AsExpected);
        assert!(matches!(judgement(20_000, |_| {}), Judgement::Wrong(_)));
        let wrong = |run: &mut Run| run.errors = vec![Errors::example("corrupt", 1)];
        assert!(matches!(judgement(1_000, wrong), Judgement::Wrong(_)));
        assert!(matches!(
            judgement(20_000, |run| run.verdict.valid = false),
            Judgement::Wrong(_)
        ));
    }

    #[test]
    fn a_run_that_is_not_valid_or_has_no_memory_is_not_judged() {
        let invalid = judgement(1_000, |run| {
            run.verdict.valid = false;
            run.verdict.reasons = vec!["3 clients were starved".to_owned()];
        });
        assert_eq!(invalid, Judgement::NotJudged("3 clients were starved".to_owned()));
        assert!(matches!(
            judgement(0, |run| run.series.clear()),
            Judgement::NotJudged(_)
        ));
    }

    #[test]
    fn a_client_that_says_nothing_is_wrong() {
        let measured = Measurement {
            status: None,
            runs: Err("the client said nothing".to_owned()),
        };
        let endurance = Endurance::all(Scale::default())[0];
        assert!(matches!(endurance.judge(&measured).judgement, Judgement::Wrong(_)));
    }
}
