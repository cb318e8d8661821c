//! The intervals of a run as they pass, one JSON object a line, for programs that
//! follow it.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;
use crate::saved::Second;

/// Where the intervals are written.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct JournalOptions {
    /// Write each interval to FILE as it passes, as JSON; - for stdout
    #[arg(long, value_name = "FILE|-")]
    pub(crate) ndjson: Option<PathBuf>,
}

/// An open file for intervals, or none.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    path: PathBuf,
    file: Option<File>,
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
        let Some(path) = &options.ndjson else {
            return Ok(Journal::default());
        };
        let file = match path.as_os_str() == "-" {
            true => File::options().append(true).open("/dev/stdout"),
            false => File::create(path),
        };
        let file = file.map_err(|source| failed(path, source))?;
        Ok(Journal {
            path: path.clone(),
            file: Some(file),
        })
    }

    /// Adds an interval of the run that is called `run`.
    ///
    /// # Errors
    /// [`Failure::Report`].
    pub(crate) fn add(&mut self, run: &str, second: &Second) -> Result<(), Failure> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = serde_json::to_string(&Entry { run, second })
            .map_err(io::Error::from)
            .and_then(|line| writeln!(file, "{line}"));
        written.map_err(|source| failed(&self.path, source))
    }
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
