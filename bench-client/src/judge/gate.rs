//! Limits that a run must keep: `--fail-if 'p99>2ms'`.

use std::fmt;
use std::str::FromStr;

use crate::base::failure::{Failure, Status};
use crate::judge::rounds;
use crate::saved::Run;
use crate::saved::figure::Figure;
use crate::view::stdout;

/// A limit; breached when its expression is true.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Gate {
    figure: Figure,
    relation: Relation,
    limit: f64,
    /// As it was given.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Relation {
    /// The longer ones first: each is looked for at the same place.
    const ALL: [(&str, Relation); 4] = [
        ("<=", Relation::LessOrEqual),
        (">=", Relation::GreaterOrEqual),
        ("<", Relation::Less),
        (">", Relation::Greater),
    ];

    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Relation::Less => value < limit,
            Relation::LessOrEqual => value <= limit,
            Relation::Greater => value > limit,
            Relation::GreaterOrEqual => value >= limit,
        }
    }
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Gate, String> {
        let unreadable = || format!("{text:?} is no condition; write p99>2ms, errors>0 or rps<50k");
        let at = text.find(['<', '>']).ok_or_else(unreadable)?;
        let (figure, rest) = text.split_at(at);
        let (relation, limit) = Relation::ALL
            .iter()
            .find_map(|(sign, relation)| Some((*relation, rest.strip_prefix(sign)?)))
            .ok_or_else(unreadable)?;
        let figure: Figure = figure.trim().parse()?;
        Ok(Gate {
            figure,
            relation,
            limit: figure.read(limit.trim())?,
            text: text.to_owned(),
        })
    }
}

impl Gate {
    /// Whether its expression is true of `run`; not if the figure was not
    /// measured.
    pub(crate) fn is_true(&self, run: &Run) -> bool {
        let value = self.figure.of(run);
        value.is_some_and(|value| self.relation.holds(value, self.limit))
    }

    /// How `run` breaches it, if it does. A figure that was not measured keeps
    /// no limit.
    fn check(&self, run: &Run, name: &str) -> Option<Breach> {
        let value = self.figure.of(run);
        let breached = value.is_none_or(|value| self.relation.holds(value, self.limit));
        breached.then(|| Breach {
            name: name.to_owned(),
            gate: self.clone(),
            value,
        })
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A gate that a run did not keep.
#[derive(Clone, Debug, PartialEq)]
struct Breach {
    /// What the run is called.
    name: String,
    gate: Gate,
    /// What it measured instead.
    value: Option<f64>,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach { name, gate, value } = self;
        let Gate {
            figure, limit, text, ..
        } = gate;
        let limit = figure.show(*limit);
        write!(f, "{name}: gate {text:?} breached: {} ", figure.name())?;
        match value {
            Some(value) => write!(f, "is {}, the limit {limit}", figure.show(*value)),
            None => write!(f, "was not measured, so the limit {limit} is not shown to be kept"),
        }
    }
}

/// The gates of a command.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct GateOptions {
    /// Exit with status 3 if this is true: p99>2ms, rps<50k; may be repeated.
    ///
    /// Also cpu>8us, memory>10k, page-tables>1k, errors.corrupt>0, unfinished>0,
    /// fairness<0.9. A gate on errors says how many are allowed.
    #[arg(long = "fail-if", value_name = "CONDITION")]
    gates: Vec<Gate>,
}

impl GateOptions {
    /// Prints what `runs` breach, and what that makes of `status`, which is
    /// theirs. An interrupted run is not asked.
    ///
    /// # Errors
    /// As [`stdout::print`].
    pub(crate) fn pass(&self, runs: &[Run], status: Status) -> Result<Status, Failure> {
        if runs.iter().any(|run| run.verdict.interrupted) {
            return Ok(status);
        }
        let breaches = self.breaches(runs);
        for breach in &breaches {
            stdout::print(format!("{breach}\n"))?;
        }
        Ok(match status {
            Status::Errors if self.count_errors() && breaches.is_empty() => Status::Fine,
            Status::Fine if !breaches.is_empty() => Status::Errors,
            status => status,
        })
    }

    fn breaches(&self, runs: &[Run]) -> Vec<Breach> {
        let of_run = |(place, run)| {
            let name = rounds::name(runs, place);
            self.gates.iter().filter_map(move |gate| gate.check(run, &name))
        };
        runs.iter().enumerate().flat_map(of_run).collect()
    }

    /// Whether one of them says how many errors are allowed.
    fn count_errors(&self) -> bool {
        self.gates.iter().any(|gate| gate.figure == Figure::Errors(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saved::Errors;

    fn run() -> Run {
        let mut run = Run::example("a server", 1000.0);
        run.service_time.p99 = Some(3_000_000);
        run.errors.push(Errors {
            class: "corrupt".to_owned(),
            count: 2,
            first_at_s: None,
            first_client: None,
            first: None,
        });
        run
    }

    fn breached(gate: &str) -> bool {
        let gate: Gate = gate.parse().unwrap();
        gate.check(&run(), "a server").is_some()
    }

    #[test]
    fn a_gate_is_breached_when_it_is_true() {
        for (gate, expected) in [
            ("p99>2ms", true),
            ("p99>3ms", false),
            ("p99 >= 3ms", true),
            ("p99<4000us", true),
            ("rps<1k", false),
            ("rps<=1k", true),
            ("rps<1.1k", true),
            ("errors>1", true),
            ("errors>2", false),
            ("errors.corrupt>1", true),
            ("errors.short>0", false),
            ("unfinished>0", false),
            ("memory>10k", false),
            ("memory>9k", true),
            ("page-tables>600", false),
            ("page-tables>500", true),
            ("cpu>10us", false),
            ("cpu>9.5us", true),
        ] {
            assert_eq!(breached(gate), expected, "{gate}");
        }
    }

    #[test]
    fn a_figure_that_there_is_none_of_breaches() {
        let mut run = run();
        run.server = None;
        run.service_time.count = 0;
        for gate in ["cpu>8us", "cpu<8us", "fairness<0.9", "p99>2ms"] {
            let breach = gate.parse::<Gate>().unwrap().check(&run, "a server").unwrap();
            assert!(breach.to_string().contains("was not measured"), "{breach}");
        }
    }

    #[test]
    fn the_breach_names_limit_and_value() {
        let breach = "p99>2ms".parse::<Gate>().unwrap().check(&run(), "a server").unwrap();
        assert_eq!(
            breach.to_string(),
            "a server: gate \"p99>2ms\" breached: p99 is 3.00 ms, the limit 2.00 ms"
        );
    }

    #[test]
    fn in_an_open_loop_times_are_response_times() {
        let mut run = run();
        run.response_time = Some(crate::saved::Times {
            count: 1,
            p99: Some(1),
            ..Default::default()
        });
        assert_eq!("p99>2ms".parse::<Gate>().unwrap().check(&run, "a server"), None);
    }

    #[test]
    fn a_time_that_unanswered_messages_hide_keeps_no_limit() {
        let mut run = run();
        run.response_time = Some(crate::saved::Times {
            count: 100,
            unanswered: 5,
            p50: Some(1),
            p99: None,
            ..Default::default()
        });
        for (gate, kept) in [
            ("p50>2ms", true),
            ("p99>2ms", false),
            ("max>2s", false),
            ("mean>2s", false),
        ] {
            let breach = gate.parse::<Gate>().unwrap().check(&run, "a server");
            assert_eq!(breach.is_none(), kept, "{gate}");
            assert!(
                !gate.replace('>', "<").parse::<Gate>().unwrap().is_true(&run) || kept,
                "{gate}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for gate in [
            "",
            "p99",
            "p99>",
            "p99>2",
            "p95>2ms",
            "rps<50q",
            "errors.x>0",
            "p99=2ms",
            "p99>>2ms",
        ] {
            assert!(gate.parse::<Gate>().is_err(), "{gate}");
        }
    }

    #[test]
    fn the_status_follows() {
        let pass = |gates: &[&str], run: &Run, status| {
            let gates = gates.iter().map(|gate| gate.parse().unwrap()).collect();
            GateOptions { gates }.pass(std::slice::from_ref(run), status)
        };
        let mut run = run();
        assert_eq!(pass(&["p99>2ms"], &run, Status::Fine).unwrap(), Status::Errors);
        assert_eq!(pass(&["p99>2ms"], &run, Status::Invalid).unwrap(), Status::Invalid);
        assert_eq!(pass(&["errors>2"], &run, Status::Errors).unwrap(), Status::Fine);
        assert_eq!(pass(&["p99>4ms"], &run, Status::Errors).unwrap(), Status::Errors);
        run.verdict.interrupted = true;
        assert_eq!(
            pass(&["p99>2ms"], &run, Status::Interrupted).unwrap(),
            Status::Interrupted
        );
    }
}
