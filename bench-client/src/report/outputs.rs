//! The files a report is written to.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{csv, hdr_log, hgrm, html, runs, svg, text};
use crate::base::bounded::is_named_pipe;
use crate::base::failure::Failure;
use crate::base::percentile::Percentile;
use crate::plan::Plan;
use crate::plan::sampling::Sampling;
use crate::saved::Saved;
use crate::view::stdout::{self, Output, write_file};

/// What makes a file of a measurement.
type Render = fn(&Saved) -> Vec<u8>;

/// Where the report goes besides the terminal.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Outputs {
    /// Write all figures to FILE as JSON; `report` and `compare` read it.
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<PathBuf>,
    /// Write a self-contained page with plots to FILE.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write a line for each interval of each run to FILE.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write a table to FILE as Markdown.
    #[arg(long, value_name = "FILE", visible_alias = "markdown")]
    pub(crate) md: Option<PathBuf>,
    /// Write the plots to FILE as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Write the distribution of times to FILE, in ms, for HdrHistogram's
    /// plotter; of several servers, one file each, with its name in it.
    #[arg(long, value_name = "FILE")]
    pub(crate) hgrm: Option<PathBuf>,
    /// Write HdrHistogram's interval log to FILE; --json then keeps all of it.
    #[arg(long, value_name = "FILE")]
    pub(crate) hdr_log: Option<PathBuf>,
    /// Percentiles in tables: 50,99,99.9; - where too few were measured.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub(crate) percentiles: Vec<Percentile>,
}

impl Outputs {
    /// Finds out before anything is measured whether all can be written, and
    /// `others` of the command, and leaves everything as it is.
    ///
    /// # Errors
    /// [`Failure::Report`], or [`Failure::Usage`] when two have one name.
    pub(crate) fn check(&self, others: &[Output<'_>]) -> Result<(), Failure> {
        let mut taken = BTreeMap::new();
        let others = others.iter().filter_map(|(option, path)| Some((*option, (*path)?)));
        for (option, path) in self.all().into_iter().chain(others) {
            if let Some(other) = taken.insert(identity(path), option) {
                return Err(Failure::Usage(format!(
                    "{other} and {option} would both write {}; give each its own file",
                    path.display()
                )));
            }
            match stdout::is(path) {
                true => take_stdout(option)?,
                false => check_file(path)?,
            }
        }
        Ok(())
    }

    /// `plan` with all recorded that these files are made of.
    pub(crate) fn equip(&self, plan: Plan) -> Plan {
        let sampling = Sampling {
            histograms: self.hdr_log.is_some(),
            ..plan.sampling
        };
        Plan { sampling, ..plan }
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        !self.all().is_empty()
    }

    /// Writes everything that was asked for, and prints `saved` for people,
    /// whether or not it could be written.
    ///
    /// # Errors
    /// [`Failure::Report`], or as [`stdout::print`].
    pub(crate) fn publish(&self, saved: &Saved) -> Result<(), Failure> {
        self.publish_as(saved, text::report(saved, &self.percentiles))
    }

    /// The same, with `text` for people.
    ///
    /// # Errors
    /// As [`publish`](Outputs::publish).
    pub(crate) fn publish_as(&self, saved: &Saved, text: String) -> Result<(), Failure> {
        let written = self.write(saved);
        let printed = stdout::print(text);
        written.and(printed)
    }

    /// Writes everything that was asked for.
    ///
    /// # Errors
    /// [`Failure::Report`].
    pub(crate) fn write(&self, saved: &Saved) -> Result<(), Failure> {
        self.write_with(saved, saved, "")
    }

    /// The same, with a JSON file that says more than `saved`, and with
    /// `preface` before the table.
    ///
    /// # Errors
    /// [`Failure::Report`].
    pub(crate) fn write_with(&self, saved: &Saved, all: &impl Serialize, preface: &str) -> Result<(), Failure> {
        if let Some(path) = &self.json {
            write_json(path, all)?;
        }
        if let Some(path) = &self.md {
            write_file(path, format!("{preface}{}", runs::markdown(saved, &self.percentiles)))?;
        }
        if let Some(path) = &self.hgrm {
            hgrm::write(path, saved)?;
        }
        if let Some(path) = &self.html {
            write_file(path, html::page(saved, &self.percentiles))?;
        }
        let rendered: [(_, Render); 3] = [
            (&self.csv, csv::seconds),
            (&self.svg, svg::picture),
            (&self.hdr_log, hdr_log::intervals),
        ];
        for (path, render) in rendered {
            if let Some(path) = path {
                write_file(path, render(saved))?;
            }
        }
        if let Some(path) = &self.hdr_log {
            for remark in hdr_log::remarks(saved) {
                eprintln!("bench-client: {}: {remark}", path.display());
            }
        }
        Ok(())
    }

    fn all(&self) -> Vec<(&'static str, &Path)> {
        [
            ("--json", &self.json),
            ("--html", &self.html),
            ("--csv", &self.csv),
            ("--md", &self.md),
            ("--svg", &self.svg),
            ("--hgrm", &self.hgrm),
            ("--hdr-log", &self.hdr_log),
        ]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path.as_deref()?)))
        .collect()
    }
}

/// What two names of one file have in common, whether it is there or not.
fn identity(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let in_folder = || {
        Some(
            folder
                .unwrap_or(Path::new("."))
                .canonicalize()
                .ok()?
                .join(path.file_name()?),
        )
    };
    match stdout::is(path) {
        true => path.to_owned(),
        false => path
            .canonicalize()
            .ok()
            .or_else(in_folder)
            .unwrap_or_else(|| path.to_owned()),
    }
}

/// Standard output is one stream, and of several servers --hgrm writes several
/// files.
fn take_stdout(option: &str) -> Result<(), Failure> {
    if option == "--hgrm" {
        return Err(Failure::Usage(
            "--hgrm writes a file for each server and none to standard output; give it a file's name".to_owned(),
        ));
    }
    stdout::take();
    Ok(())
}

/// Opens `path` as it will be written, and removes what was not there before.
fn check_file(path: &Path) -> Result<(), Failure> {
    let refused = |source| Failure::Report {
        path: path.to_owned(),
        source,
    };
    if is_named_pipe(path) {
        let reason = "it is a named pipe, and to open it would wait for a reader";
        return Err(refused(std::io::Error::new(std::io::ErrorKind::Unsupported, reason)));
    }
    let mut options = OpenOptions::new();
    options.write(true);
    match options.open(path) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
            options.create_new(true).open(path).map_err(refused)?;
            fs::remove_file(path).map_err(refused)
        }
        opened => opened.map(drop).map_err(refused),
    }
}

/// Writes a report to `path`.
///
/// # Errors
/// [`Failure::Report`].
fn write_json(path: &Path, report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|err| Failure::Report {
        path: path.to_owned(),
        source: err.into(),
    })?;
    write_file(path, &(text + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(json: &Path, html: Option<&Path>) -> Outputs {
        Outputs {
            json: Some(json.to_owned()),
            html: html.map(Path::to_owned),
            ..Outputs::default()
        }
    }

    #[test]
    fn a_check_leaves_everything_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::write(&old, "kept").unwrap();
        outputs(&old, Some(&new)).check(&[]).unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "kept");
        assert!(!new.exists());
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("no/such/folder")] {
            let message = outputs(&path, None).check(&[]).unwrap_err().to_string();
            assert!(message.contains(&path.display().to_string()), "{message}");
        }
    }

    #[test]
    fn two_reports_in_one_file_are_refused_however_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        let again = folder
            .path()
            .join("./../")
            .join(folder.path().file_name().unwrap())
            .join("report");
        for other in [&file, &again] {
            let seconds = ("--ndjson", Some(other.as_path()));
            let failure = outputs(&file, None).check(&[seconds]).unwrap_err();
            assert!(matches!(&failure, Failure::Usage(text) if text.contains("--json and --ndjson")));
        }
        let failure = outputs(&file, Some(&file)).check(&[]).unwrap_err();
        assert!(matches!(&failure, Failure::Usage(text) if text.contains("--json and --html")));
    }
}
