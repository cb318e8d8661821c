//! The comparison of two saved measurements: is the newer one worse?

use std::path::{Path, PathBuf};

use crate::base::failure::{Failure, Status};
use crate::judge::compare::{self, Contender, what_differs};
use crate::judge::rounds;
use crate::judge::tolerance::ToleranceOptions;
use crate::machine::identity::command_line;
use crate::report::outputs::Outputs;
use crate::saved::{Judgement, Manifest, Party, Run, Saved, archive};

/// What reports call the runs of the two files.
const NAMES: [&str; 2] = ["BASE", "NEW"];

/// Two reports.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompareOptions {
    /// The baseline, a file written with --json.
    base: PathBuf,
    /// The newer one.
    new: PathBuf,
    #[command(flatten)]
    tolerance: ToleranceOptions,
    #[command(flatten)]
    outputs: Outputs,
}

/// Prints what differs; [`Status::Errors`] when the newer one is worse.
///
/// # Errors
/// When a file cannot be read or written, or the two are not comparable.
pub(crate) fn compare(options: &CompareOptions) -> Result<Status, Failure> {
    options.outputs.check(&[])?;
    let (base, new) = (archive::read(&options.base)?, archive::read(&options.new)?);
    let elsewhere = elsewhere(&base.manifest, &new.manifest);
    let manifest = Manifest {
        command: command_line(),
        ..new.manifest
    };
    let mut saved = Saved::new(manifest, Vec::new());
    for pair in pairs(options, base.runs, new.runs)? {
        let mut judgement = pair.judge(&options.tolerance)?;
        judgement.remarks.extend(elsewhere.clone());
        saved.runs.extend(pair.runs());
        saved.judgements.push(judgement);
    }
    options.outputs.publish(&saved)?;
    let statuses = saved.judgements.iter().map(Judgement::status);
    Ok(statuses.max().unwrap_or(Status::Fine))
}

/// That the two were not measured in one place, if they were not.
fn elsewhere(base: &Manifest, new: &Manifest) -> Option<String> {
    let mut differing = what_differs(&base.machine, &new.machine, &["load_before"]);
    differing.extend(what_differs(base, new, &["schema", "command", "machine"]));
    (!differing.is_empty()).then(|| {
        format!(
            "BASE and NEW were measured under different circumstances: {}",
            differing.join(", ")
        )
    })
}

/// The rounds of one server in both files.
struct Pair([Contender; 2]);

impl Pair {
    /// Of `server`, where there are several.
    fn new(options: &CompareOptions, server: Option<&str>, runs: [Vec<Run>; 2]) -> Pair {
        let [base, new] = runs;
        let contender = |index: usize, path: &Path, runs: Vec<Run>| {
            let name = match server {
                Some(server) => format!("{} {server}", NAMES[index]),
                None => NAMES[index].to_owned(),
            };
            Contender {
                runs: runs.into_iter().map(|run| renamed(run, &name)).collect(),
                party: Party {
                    name,
                    from: path.display().to_string(),
                },
            }
        };
        Pair([contender(0, &options.base, base), contender(1, &options.new, new)])
    }

    fn judge(&self, tolerance: &ToleranceOptions) -> Result<Judgement, Failure> {
        let Pair([base, new]) = self;
        compare::judge(base, new, tolerance)
    }

    fn runs(self) -> impl Iterator<Item = Run> {
        self.0.into_iter().flat_map(|contender| contender.runs)
    }
}

/// A run under another name. Runs of one load stand beside each other by its
/// hash, which in a file may be another version's.
fn renamed(mut run: Run, name: &str) -> Run {
    run.workload.hash = run.workload.hashed();
    Run {
        name: name.to_owned(),
        ..run
    }
}

/// One server against one, whatever they are called; several by their names.
fn pairs(options: &CompareOptions, base: Vec<Run>, new: Vec<Run>) -> Result<Vec<Pair>, Failure> {
    let (of_base, of_new) = (names(&base), names(&new));
    if of_base.len() <= 1 && of_new.len() <= 1 {
        return Ok(vec![Pair::new(options, None, [base, new])]);
    }
    missing(&of_base, &of_new, &options.new)?;
    missing(&of_new, &of_base, &options.base)?;
    let runs = |name: &str| [&base, &new].map(|runs| rounds::named(runs, name));
    let pairs = of_base.iter().map(|name| Pair::new(options, Some(name), runs(name)));
    Ok(pairs.collect())
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
