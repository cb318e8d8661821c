//! What the run takes of the machine, beside what there is.

use super::finding::{Finding, Level};
use crate::base::failure::Failure;
use crate::base::format;
use crate::machine::limits::{self, Need};
use crate::plan::Plan;

pub(super) fn examine(plan: &Plan) -> Result<Vec<Finding>, Failure> {
    let needs = limits::needs(plan)?;
    Ok(needs.iter().map(finding).collect())
}

fn finding(need: &Need) -> Finding {
    let show = |number: u64| format::thousands(number as f64);
    let text = format!("{} needed, {} to be had", show(need.needed), show(need.limit));
    let finding = Finding::ok(need.what, text);
    match need.is_met() {
        true => finding,
        false => finding.but(Level::Problem, need.remedy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_is_a_problem() {
        let mut need = Need {
            what: "ports",
            remedy: "give more",
            needed: 5_000,
            limit: 5_000,
        };
        assert_eq!(finding(&need).level, Level::Ok);
        need.needed += 1;
        let problem = finding(&need);
        assert_eq!(problem.level, Level::Problem);
        assert_eq!(problem.text, "5,001 needed, 5,000 to be had; give more");
    }
}
