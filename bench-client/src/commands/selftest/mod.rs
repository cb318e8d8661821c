//! The self-test: whether the client finds what the reference server does
//! wrong, all of it and nothing else; with `--long` also whether it tells equal
//! servers from unequal ones, and whether it endures.

mod case;
mod check;
mod comparisons;
mod endurance;
mod growth;
mod measurement;
mod reference;
mod scale;
mod tolerated;
mod trial;
mod votes;

use std::time::Duration;

use clap::Args;

use crate::base::failure::{Failure, Status};
use crate::machine::limits;
use crate::report::table::Table;
use crate::view::journal::JournalOptions;
use crate::view::screens::ViewOptions;
use crate::view::stdout;
use crate::view::watch::Watch;
use case::CASES;
use check::{Check, Finding, Judgement};
use comparisons::Comparisons;
use endurance::Endurance;
use scale::Scale;
use trial::{Extent, Trial};

/// `bench-client selftest`: does this program count rightly here?
///
/// The exit status is 3 when something is wrong, and 4 when nothing is but the
/// machine was too busy to judge everything.
#[derive(Clone, Debug, Args)]
pub(crate) struct SelftestOptions {
    /// Half an hour of it: more faults, also comparisons and memory.
    ///
    /// Ten times the faults, and 10 s for most of them; 20 comparisons of a
    /// server with itself, of which at most 2 may differ, and 20 with one that is
    /// 5 % slower, of which at least 18 must be found; 500 clients for 60 s of
    /// each protocol, and 10 min of TCP at full rate, without an error and with
    /// less than 1 MB of memory more a minute. If a comparison is wrong once in
    /// 20 times, which is what it allows itself, more than 2 of 20 are in 7.55 %
    /// of all self-tests: repeat it before you believe it.
    #[arg(long)]
    long: bool,
    /// Do this part of --long: more than 0, at most 1.
    ///
    /// Durations and numbers of comparisons are multiplied by it, down to 2 s
    /// and 4 comparisons. Of fewer than 20 so many may be wrong that a right
    /// program fails less than once in 1000 times: the tail of the binomial
    /// distribution, at 5 % each. Memory in less than 60 s may grow by 2 MB: its
    /// slope would be noise.
    #[arg(long, value_name = "PART", requires = "long")]
    scale: Option<Scale>,
    /// Try only what has TEXT among the words behind `serve`: udp, --swap.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    only: Option<String>,
    #[command(flatten)]
    view: ViewOptions,
}

/// Tries every case and prints what was expected and what was found.
///
/// # Errors
/// When there is no such case, or a server or a client cannot be started; the
/// cases before are printed all the same.
pub(crate) fn run(options: &SelftestOptions) -> Result<Status, Failure> {
    let checks = chosen(options)?;
    limits::raise_open_files()?;
    let mut watch = Watch::begin(&options.view, &JournalOptions::default())?;
    watch.say(&announcement(&checks));
    let mut findings = Vec::new();
    let ended = attempt_all(&checks, &mut watch, &mut findings);
    watch.clear();
    stdout::print(format!("{}{}", table(&checks, &findings), reasons(&checks, &findings)))?;
    match ended {
        Err(Failure::Interrupted) if !findings.is_empty() => Ok(Status::Interrupted),
        ended => {
            ended?;
            stdout::print(format!("{}{}", caveats(&checks), conclusion(&findings)))?;
            Ok(status(&findings))
        }
    }
}

fn chosen(options: &SelftestOptions) -> Result<Vec<Box<dyn Check>>, Failure> {
    let text = options.only.as_deref().unwrap_or_default();
    let mut checks = all(options);
    checks.retain(|check| check.name().contains(text));
    match checks.is_empty() {
        true => Err(Failure::Usage(format!(
            "no case has {text:?} in it; leave --only away to see all, and add --long to have all"
        ))),
        false => Ok(checks),
    }
}

fn all(options: &SelftestOptions) -> Vec<Box<dyn Check>> {
    let scale = options.long.then(|| options.scale.unwrap_or_default());
    let extent = scale.map_or(Extent::SHORT, Extent::long);
    let trials = CASES.iter().map(|case| Trial { case: *case, extent });
    let mut checks: Vec<Box<dyn Check>> = trials.map(boxed).collect();
    if let Some(scale) = scale {
        checks.extend(Comparisons::all(scale).map(boxed));
        checks.extend(Endurance::all(scale).into_iter().map(boxed));
    }
    checks
}

fn boxed(check: impl Check + 'static) -> Box<dyn Check> {
    Box::new(check)
}

fn announcement(checks: &[Box<dyn Check>]) -> String {
    let length: Duration = checks.iter().map(|check| check.takes()).sum();
    let time = match length.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    };
    format!("{} cases, about {time} in all", checks.len())
}

fn attempt_all(checks: &[Box<dyn Check>], watch: &mut Watch, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    for check in checks {
        watch.check()?;
        watch.turn_to(format!("serve {}", check.name()));
        let finding = check.attempt(watch)?;
        watch.say(&format!(
            "serve {}: {}, {}",
            check.name(),
            finding.found,
            finding.judgement
        ));
        findings.push(finding);
    }
    Ok(())
}

/// One row for each check that there is a finding of.
fn table(checks: &[Box<dyn Check>], findings: &[Finding]) -> Table {
    let mut table = Table::default();
    table.row(["serve", "run", "expected", "found", ""].map(str::to_owned));
    for (check, finding) in checks.iter().zip(findings) {
        let Finding { found, judgement } = finding;
        let cells = [check.name(), check.load(), check.expected()];
        table.row(cells.into_iter().chain([found.clone(), judgement.word().to_owned()]));
    }
    table
}

/// One line for each check that is not as expected.
fn reasons(checks: &[Box<dyn Check>], findings: &[Finding]) -> String {
    let judged = checks
        .iter()
        .zip(findings)
        .map(|(check, finding)| (check, &finding.judgement));
    let odd = judged.filter(|(_, judgement)| judgement.reason().is_some());
    odd.map(|(check, judgement)| format!("serve {}: {judgement}\n", check.name()))
        .collect()
}

/// What is to be known of checks, whatever came of them.
fn caveats(checks: &[Box<dyn Check>]) -> String {
    let said = checks.iter().filter_map(|check| Some((check.name(), check.caveat()?)));
    said.map(|(name, caveat)| format!("serve {name}: {caveat}\n")).collect()
}

fn status(findings: &[Finding]) -> Status {
    match (wrong(findings), unjudged(findings)) {
        (0, 0) => Status::Fine,
        (0, _) => Status::Invalid,
        _ => Status::Errors,
    }
}

fn conclusion(findings: &[Finding]) -> String {
    let cases = findings.len();
    match (wrong(findings), unjudged(findings)) {
        (0, 0) => format!("All {cases} cases are as expected: what goes wrong is counted here.\n"),
        (0, unjudged) => format!(
            "{unjudged} of {cases} cases could not be judged, the others are as expected; repeat it on a quieter machine.\n"
        ),
        (wrong, _) => format!("{wrong} of {cases} cases are not as expected: do not trust a count of errors here.\n"),
    }
}

fn wrong(findings: &[Finding]) -> usize {
    let wrong = |finding: &&Finding| matches!(finding.judgement, Judgement::Wrong(_));
    findings.iter().filter(wrong).count()
}

fn unjudged(findings: &[Finding]) -> usize {
    let unjudged = |finding: &&Finding| matches!(finding.judgement, Judgement::NotJudged(_));
    findings.iter().filter(unjudged).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::FromArgMatches;

    #[test]
    fn what_is_wrong_outweighs_what_is_not_judged() {
        let finding = |judgement| Finding {
            found: String::new(),
            judgement,
        };
        let fine = finding(Judgement::AsExpected);
        let unjudged = finding(Judgement::NotJudged("busy".to_owned()));
        let wrong = finding(Judgement::Wrong(Vec::new()));
        assert_eq!(status(std::slice::from_ref(&fine)), Status::Fine);
        assert_eq!(status(&[fine.clone(), unjudged.clone()]), Status::Invalid);
        assert_eq!(status(&[fine, wrong, unjudged]), Status::Errors);
    }

    #[test]
    fn the_long_one_has_all_and_takes_half_an_hour_or_its_part() {
        let time = |words: &str| {
            let words = ["selftest"].into_iter().chain(words.split_whitespace());
            let options = SelftestOptions::augment_args(clap::Command::new("selftest")).get_matches_from(words);
            let checks = chosen(&SelftestOptions::from_arg_matches(&options).unwrap()).unwrap();
            checks.iter().map(|check| check.takes()).sum::<Duration>().as_secs()
        };
        assert!(time("") < 90);
        assert!((1_200..2_000).contains(&time("--long")), "{}", time("--long"));
        assert!(
            (100..200).contains(&time("--long --scale 0.01")),
            "{}",
            time("--long --scale 0.01")
        );
    }
}
