//! The comparison of two saved measurements: is the newer one worse?

use std::path::{Path, PathBuf};

use crate::archive;
use crate::comparing::{FIGURES, differences};
use crate::failure::{Failure, Status};
use crate::report::differences::{Rounds, report};
use crate::saved::Run;
use crate::tolerance::ToleranceOptions;

/// Two reports.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompareOptions {
    /// What --json wrote before.
    base: PathBuf,
    /// What it wrote now.
    new: PathBuf,
    #[command(flatten)]
    tolerance: ToleranceOptions,
}

/// Prints what differs; [`Status::Errors`] when the newer one is worse.
///
/// # Errors
/// When a file cannot be read, or the two are not comparable.
pub(crate) fn compare(options: &CompareOptions) -> Result<Status, Failure> {
    let base = archive::read(&options.base)?.runs;
    let new = archive::read(&options.new)?.runs;
    let mut status = Status::Fine;
    for pair in pairs(options, &base, &new)? {
        status = status.max(pair.judge(&options.tolerance)?);
    }
    Ok(status)
}

/// The rounds of one server in both files.
struct Pair {
    /// The server, where there are several.
    name: Option<String>,
    base: Vec<Run>,
    new: Vec<Run>,
}

impl Pair {
    fn judge(&self, tolerance: &ToleranceOptions) -> Result<Status, Failure> {
        let differences = differences(&self.base, &self.new, &tolerance.figures(&FIGURES))?;
        if let Some(name) = &self.name {
            println!("{name}");
        }
        let side = |name, runs| Rounds { name, runs };
        print!(
            "{}",
            report(side("BASE", &self.base), side("NEW", &self.new), &differences)
        );
        Ok(verdict(&tolerance.regressions(&differences)))
    }
}

/// Prints the regressions, and what they make of the exit status.
pub(crate) fn verdict(regressions: &[String]) -> Status {
    for regression in regressions {
        println!("{regression}");
    }
    match regressions.is_empty() {
        true => Status::Fine,
        false => Status::Errors,
    }
}

/// One server against one, whatever they are called; several by their names.
fn pairs(options: &CompareOptions, base: &[Run], new: &[Run]) -> Result<Vec<Pair>, Failure> {
    let (of_base, of_new) = (names(base), names(new));
    if of_base.len() <= 1 && of_new.len() <= 1 {
        return Ok(vec![Pair {
            name: None,
            base: base.to_vec(),
            new: new.to_vec(),
        }]);
    }
    missing(&of_base, &of_new, &options.new)?;
    missing(&of_new, &of_base, &options.base)?;
    let pair = |name: &String| Pair {
        name: Some(name.clone()),
        base: named(base, name),
        new: named(new, name),
    };
    Ok(of_base.iter().map(pair).collect())
}

/// The rounds of one server.
pub(crate) fn named(runs: &[Run], name: &str) -> Vec<Run> {
    runs.iter().filter(|run| run.name == name).cloned().collect()
}

fn missing(names: &[String], others: &[String], path: &Path) -> Result<(), Failure> {
    match names.iter().find(|name| !others.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::Usage(format!(
            "{} has no run of {name:?}, only of {}; measure the same servers in both",
            path.display(),
            others.join(", ")
        ))),
    }
}

/// The servers in their order.
fn names(runs: &[Run]) -> Vec<String> {
    let mut names = Vec::new();
    for run in runs {
        if !names.contains(&run.name) {
            names.push(run.name.clone());
        }
    }
    names
}
