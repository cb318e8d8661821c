//! The search itself: up until a rate is not kept, then between the last two,
//! then a longer run to confirm.

use std::time::Duration;

use super::options::FindMaxOptions;
use crate::base::failure::{Failure, Status};
use crate::base::format;
use crate::plan::Plan;
use crate::plan::pace::Loop;
use crate::plan::rate::Rate;
use crate::run::sides::Side;
use crate::saved::Run;
use crate::view::watch::Watch;

/// A rate counts as held when this part of it was answered.
const HELD: f64 = 0.99;
/// While rates are kept, the next is so many times the last.
const GROWTH: f64 = 2.0;
/// A rate that was found but not confirmed is lowered by this factor.
const STEP_BACK: f64 = 0.95;
/// How often that is done.
const CONFIRMATIONS: u32 = 6;
/// What disturbed one run may have left the next alone.
const ATTEMPTS: u32 = 2;

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Found {
    /// The highest rate that a longer run kept too, in messages a second.
    Rate(f64),
    /// None was kept.
    Nothing,
    /// None was kept, and the last word on that was not valid.
    NothingValid,
}

impl Found {
    pub(super) fn status(self) -> Status {
        match self {
            Found::Rate(_) => Status::Fine,
            Found::Nothing => Status::Errors,
            Found::NothingValid => Status::Invalid,
        }
    }
}

/// Whether a rate was held and every promise kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    No,
    /// It seems so, but the figures are not to be believed.
    Invalid,
}

impl Kept {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kept::Yes => "yes",
            Kept::No => "no",
            Kept::Invalid => "invalid",
        }
    }
}

/// One run of the search.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) side: Side,
    pub(super) run: Run,
    /// `None` of the closed loop, which promises nothing.
    pub(super) kept: Option<Kept>,
}

/// A search under way.
pub(super) struct Search<'a> {
    options: &'a FindMaxOptions,
    watch: &'a mut Watch,
    plan: Plan,
    pub(super) steps: Vec<Step>,
}

impl<'a> Search<'a> {
    pub(super) fn new(options: &'a FindMaxOptions, plan: Plan, watch: &'a mut Watch) -> Search<'a> {
        Search {
            options,
            watch,
            plan,
            steps: Vec::new(),
        }
    }

    /// The highest rate that is kept, as near as was asked for.
    pub(super) fn find(&mut self) -> Result<Found, Failure> {
        let closed = self.measure("closed loop", self.plan.clone())?;
        self.steps.push(Step { kept: None, ..closed });
        let first = self.steps[0].run.answers_per_s.unwrap_or_default().max(1.0);
        let precision = self.options.precision;
        let kept = bracket(first, precision, |rate| {
            Ok(self.keeps(rate, self.options.steps.duration)? == Kept::Yes)
        })?;
        self.confirm(kept)
    }

    /// A rate that a longer run keeps too.
    fn confirm(&mut self, found: f64) -> Result<Found, Failure> {
        let mut rate = found;
        for _ in 0..CONFIRMATIONS {
            if rate < 1.0 {
                break;
            }
            if self.keeps(rate, self.options.confirm)? == Kept::Yes {
                return Ok(Found::Rate(rate.round()));
            }
            rate *= STEP_BACK;
        }
        Ok(match self.steps.last().and_then(|step| step.kept) {
            Some(Kept::Invalid) => Found::NothingValid,
            _ => Found::Nothing,
        })
    }

    fn keeps(&mut self, rate: f64, duration: Duration) -> Result<Kept, Failure> {
        let rate = rate.round().max(1.0);
        let plan = Plan {
            pace: Loop::Open {
                rate: Rate::constant(rate),
                arrivals: self.options.spacing,
                shed: None,
            },
            duration,
            ..self.plan.clone()
        };
        let name = format!("{} messages/s", format::thousands(rate));
        let mut kept = Kept::Invalid;
        for _ in 0..ATTEMPTS {
            let step = self.measure(&name, plan.clone())?;
            kept = self.judge(&step.run);
            self.steps.push(Step {
                kept: Some(kept),
                ..step
            });
            if kept != Kept::Invalid {
                break;
            }
        }
        Ok(kept)
    }

    fn judge(&self, run: &Run) -> Kept {
        let held = match (run.answers_per_s, run.offered_per_s) {
            (Some(rate), Some(offered)) => rate >= HELD * offered,
            _ => false,
        };
        let promised = self.options.slo.0.iter().all(|promise| promise.is_true(run));
        match (held && promised, run.verdict.valid) {
            (false, _) => Kept::No,
            (true, false) => Kept::Invalid,
            (true, true) => Kept::Yes,
        }
    }

    fn measure(&mut self, name: &str, plan: Plan) -> Result<Step, Failure> {
        self.watch.check()?;
        self.watch.turn_to(name);
        let outcome = self.options.steps.measure(plan, self.watch)?;
        self.watch.check()?;
        let side = Side {
            name: name.to_owned(),
            outcome,
        };
        Ok(Step {
            run: side.saved(),
            side,
            kept: None,
        })
    }
}

/// The highest rate that `keeps`, known to the part `precision` of it, and 0 if
/// even the lowest does not. The search begins at `first`, which is a guess: it
/// goes up from there while rates are kept.
fn bracket(first: f64, precision: f64, mut keeps: impl FnMut(f64) -> Result<bool, Failure>) -> Result<f64, Failure> {
    let (mut kept, mut broken) = (0.0, None);
    let mut rate = first;
    while broken.is_none_or(|broken: f64| broken - kept > precision * broken && broken >= 1.0) {
        match keeps(rate)? {
            true => kept = rate,
            false => broken = Some(rate),
        }
        rate = broken.map_or(kept * GROWTH, |broken| f64::midpoint(kept, broken));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(first: f64, limit: f64) -> (f64, u32) {
        let mut steps = 0;
        let found = bracket(first, 0.02, |rate| {
            steps += 1;
            Ok(rate <= limit)
        });
        (found.unwrap(), steps)
    }

    #[test]
    fn the_limit_is_found_from_below_and_from_above() {
        for first in [26.0, 900.0, 1_000.0, 1_100.0, 90_000.0] {
            let (found, steps) = search(first, 1_000.0);
            assert!((970.0..=1_000.0).contains(&found), "from {first}: {found}");
            assert!(steps <= 16, "from {first}: {steps} steps");
        }
    }

    #[test]
    fn a_server_that_keeps_nothing_ends_the_search() {
        let (found, steps) = search(5_000.0, 0.0);
        assert_eq!(found, 0.0);
        assert!(steps < 20, "{steps}");
    }

    #[test]
    fn what_comes_of_it_is_in_the_status() {
        assert_eq!(Found::Rate(1.0).status(), Status::Fine);
        assert_eq!(Found::Nothing.status(), Status::Errors);
        assert_eq!(Found::NothingValid.status(), Status::Invalid);
    }
}
