//! A measurement that a process of its own makes: this very program, as its
//! users run it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::base::failure::{Failure, Status};
use crate::base::format;
use crate::machine::child;
use crate::machine::invocation::SELF;
use crate::saved::{Run, archive};
use crate::view::progress::Progress;
use crate::view::watch::{GLANCE, Watch};

/// How a measurement ended, and its report.
#[derive(Debug)]
pub(super) struct Measurement {
    /// The exit status; `None` when a signal ended it.
    pub(super) status: Option<i32>,
    /// The runs it saved, or why it saved none.
    pub(super) runs: Result<Vec<Run>, String>,
}

impl Measurement {
    /// How it ended, if in none of the ways that are `expected`.
    pub(super) fn ended_unlike(&self, expected: &[Status]) -> Option<String> {
        let as_expected = expected.iter().any(|status| self.status == Some(*status as i32));
        (!as_expected).then(|| {
            format!(
                "exit status {} instead of {}",
                format::or_none(self.status, |code| code.to_string()),
                expected
                    .iter()
                    .map(|status| (*status as i32).to_string())
                    .collect::<Vec<_>>()
                    .join(" or ")
            )
        })
    }
}

/// Runs this program with `words`, which takes about `length`.
///
/// # Errors
/// When it cannot be started, and [`Failure::Interrupted`] when somebody
/// interrupts: then it is stopped.
pub(super) fn measure<'a>(
    words: impl IntoIterator<Item = &'a str>,
    length: Duration,
    watch: &mut Watch,
) -> Result<Measurement, Failure> {
    let folder = TempDir::new().map_err(|err| Failure::system("make a temporary folder", err))?;
    let [report, errors] = ["report.json", "errors"].map(|name| folder.path().join(name));
    let started = start(words, &report, &errors);
    let mut client = Client(started.map_err(|err| Failure::system("start a client", err))?);
    let status = client.wait(length, watch)?;
    let read = archive::read(&report).map(|saved| saved.runs);
    Ok(Measurement {
        status: status.code(),
        runs: read.map_err(|_| last_line(&errors)),
    })
}

fn start<'a>(words: impl IntoIterator<Item = &'a str>, report: &Path, errors: &Path) -> io::Result<Child> {
    let mut command = child::launched(&[]);
    command.arg(SELF).args(words).arg("--quiet").arg("--json").arg(report);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(errors)?)
        .spawn()
}

/// A client that runs; dropping it stops it.
struct Client(Child);

impl Client {
    fn wait(&mut self, length: Duration, watch: &mut Watch) -> Result<ExitStatus, Failure> {
        let begin = Instant::now();
        loop {
            let ended = self.0.try_wait();
            if let Some(status) = ended.map_err(|err| Failure::system("wait for a client", err))? {
                return Ok(status);
            }
            watch.check()?;
            watch.wait(Instant::now() + GLANCE, || passed(begin, length));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Err(err) = child::stop(&mut self.0) {
            log::error!("cannot stop a client: {err}");
        }
    }
}

fn passed(begin: Instant, length: Duration) -> Progress {
    let text = format!(
        "{} of about {} s",
        begin.elapsed().as_secs(),
        format::thousands(length.as_secs_f64().ceil())
    );
    Progress::from(text).until(begin + length, length)
}

fn last_line(errors: &Path) -> String {
    let text = std::fs::read(errors).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().last().unwrap_or("the client said nothing").to_owned()
}
