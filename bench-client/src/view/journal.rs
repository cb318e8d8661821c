//! The intervals of a run as they pass, one JSON object a line, for programs that
//! follow it.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::base::failure::Failure;
use crate::saved::Second;
use crate::view::stdout::{self, Output};

/// Where the intervals are written.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct JournalOptions {
    /// Write each interval to FILE as it passes, as JSON; - for stdout
    #[arg(long, value_name = "FILE|-")]
    pub(crate) ndjson: Option<PathBuf>,
}

impl JournalOptions {
    /// The option, and what it names.
    pub(crate) fn output(&self) -> Output<'_> {
        ("--ndjson", self.ndjson.as_deref())
    }
}

/// Where intervals go.
#[derive(Debug, Default)]
pub(crate) enum Journal {
    /// Nowhere.
    #[default]
    Closed,
    /// To standard output.
    Stdout,
    /// To the file of that name.
    File(PathBuf, File),
}

#[derive(Serialize)]
struct Entry<'a> {
    run: &'a str,
    #[serde(flatten)]
    second: &'a Second,
}

impl Journal {
    /// Opens what `options` name.
    ///
    /// # Errors
    /// [`Failure::Report`] when it cannot be written.
    pub(crate) fn open(options: &JournalOptions) -> Result<Journal, Failure> {
        match &options.ndjson {
            None => Ok(Journal::Closed),
            Some(path) if stdout::is(path) => {
                stdout::take();
                Ok(Journal::Stdout)
            }
            Some(path) => match File::create(path) {
                Ok(file) => Ok(Journal::File(path.clone(), file)),
                Err(err) => Err(failed(path, err)),
            },
        }
    }

    /// Adds an interval of the run that is called `run`.
    ///
    /// # Errors
    /// [`Failure::Report`], or as [`stdout::write`].
    pub(crate) fn add(&mut self, run: &str, second: &Second) -> Result<(), Failure> {
        match self {
            Journal::Closed => Ok(()),
            Journal::Stdout => stdout::write(line(run, second).as_bytes()),
            Journal::File(path, file) => {
                let written = file.write_all(line(run, second).as_bytes());
                written.map_err(|err| failed(path, err))
            }
        }
    }
}

/// An interval in one line.
fn line(run: &str, second: &Second) -> String {
    // Numbers and texts, which are always JSON.
    let entry = serde_json::to_string(&Entry { run, second });
    entry.unwrap_or_default() + "\n"
}

fn failed(path: &std::path::Path, source: io::Error) -> Failure {
    Failure::Report {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seconds");
        let options = JournalOptions {
            ndjson: Some(path.clone()),
        };
        let mut journal = Journal::open(&options).unwrap();
        journal.add("a", &Second::default()).unwrap();
        journal.add("b", &Second::default()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let names: Vec<_> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["run"].clone())
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let options = JournalOptions {
            ndjson: Some("/nowhere/seconds".into()),
        };
        let message = Journal::open(&options).unwrap_err().to_string();
        assert!(message.contains("/nowhere/seconds"), "{message}");
    }
}
