//! One case: a server with a fault, a client, and what became of them.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::case::Case;
use crate::archive;
use crate::child::{SELF, Server};
use crate::failure::{Failure, Status};
use crate::format;
use crate::invocation::{Addressing, ServerCommand};
use crate::protocol::Protocol;
use crate::watch::Watch;

/// Right answers before the first fault: every client has its first by then.
const BEFORE: &str = "200";
const CLIENTS: &str = "20";

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Faults of each kind; even, since answers are swapped in pairs.
    pub(crate) count: u64,
    /// How long the clients usually work.
    seconds: f64,
}

impl Extent {
    /// Less than a minute in all.
    pub(crate) const SHORT: Extent = Extent { count: 8, seconds: 0.5 };
    /// Less than ten minutes in all.
    pub(crate) const LONG: Extent = Extent {
        count: 80,
        seconds: 10.0,
    };
}

/// What became of a case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What the client reported, and how often.
    pub(crate) errors: Vec<(String, u64)>,
    /// What else was not as expected.
    pub(crate) remarks: Vec<String>,
    /// Whether all was.
    pub(crate) as_expected: bool,
}

/// Tries one case.
///
/// # Errors
/// When the server or the client cannot be started, or somebody interrupts.
pub(crate) fn attempt(case: &Case, extent: Extent, watch: &Watch) -> Result<Finding, Failure> {
    let folder = TempDir::new().map_err(|err| Failure::system("make a temporary folder", err))?;
    let words = case.server(extent.count);
    let server = Server::start(&command(&words), 1, None, watch)?;
    let report = folder.path().join("report.json");
    let output = measure(case, extent, &target(&words, &server), &report)?;
    watch.check()?;
    Ok(judge(case, extent, &output, &report, &server.last_words()?))
}

/// The server as `run` takes it.
fn target(words: &str, server: &Server) -> String {
    let protocol = words.split(' ').next().unwrap_or_default();
    let path = if protocol == Protocol::Http.id() { "/echo" } else { "" };
    format!("{protocol}://{}{path}", server.endpoint())
}

fn command(words: &str) -> ServerCommand {
    let ours = [SELF, "serve", "--die-with-parent", "--after", BEFORE];
    ServerCommand {
        name: format!("serve {words}"),
        words: ours.into_iter().chain(words.split(' ')).map(OsString::from).collect(),
        addressing: Addressing::Said,
    }
}

fn measure(case: &Case, extent: Extent, target: &str, report: &Path) -> Result<Output, Failure> {
    let seconds = case.seconds(extent.seconds);
    Command::new(SELF)
        .args([
            "run",
            target,
            "-c",
            CLIENTS,
            "--warmup",
            "100ms",
            "--allow-client-limited",
        ])
        .args(["-d", &format!("{seconds}s")])
        .args(case.client.split_whitespace())
        .arg("--json")
        .arg(report)
        .stdin(Stdio::null())
        .output()
        .map_err(|err| Failure::system("start a client", err))
}

fn judge(case: &Case, extent: Extent, output: &Output, report: &Path, counts: &str) -> Finding {
    let read = archive::read(report).map(|saved| {
        let errors = saved.runs.into_iter().flat_map(|run| run.errors);
        errors.map(|error| (error.class, error.count)).collect()
    });
    let reported = read.map_err(|_| last_line(&output.stderr));
    compare(case, extent, reported, output.status.code(), counts)
}

/// Holds what was found against what was expected: the errors the client
/// reported, or why it did not, its exit status, and the server's own counts.
fn compare(
    case: &Case,
    extent: Extent,
    reported: Result<Vec<(String, u64)>, String>,
    status: Option<i32>,
    counts: &str,
) -> Finding {
    let (errors, unread) = match reported {
        Ok(errors) => (errors, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    let expected = case.status as i32;
    // Figures that a busy machine spoilt are no miscount.
    let ended_well = status == Some(expected) || status == Some(Status::Invalid as i32);
    let ended = (!ended_well).then(|| {
        format!(
            "exit status {} instead of {expected}",
            format::or_none(status, |code| code.to_string())
        )
    });
    let miscounted = case.faults(extent.count).and_then(|asked| miscounted(asked, counts));
    let remarks: Vec<_> = [unread, ended, miscounted].into_iter().flatten().collect();
    Finding {
        as_expected: remarks.is_empty() && errors == case.expected(extent.count),
        errors,
        remarks,
    }
}

fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.lines().last().unwrap_or("the client said nothing").to_owned()
}

/// How many faults the server made instead of those it was asked for.
fn miscounted(asked: u64, counts: &str) -> Option<String> {
    let Ok(counts) = serde_json::from_str::<Value>(counts) else {
        return Some(format!("the server's counts are {counts:?}"));
    };
    let faults = counts["faults"].as_object().into_iter().flatten();
    let made: u64 = faults.filter_map(|(_, made)| made.as_u64()).sum();
    (made != asked).then(|| format!("the server made {made} faults instead of {asked}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::case::CASES;

    const COUNTS: &str = r#"{"answers":9,"faults":{"corrupt":8}}"#;

    fn as_expected(errors: &[(&str, u64)], status: i32, counts: &str) -> bool {
        let case = CASES
            .iter()
            .find(|case| case.mentions("tcp --size 64 --corrupt"))
            .unwrap();
        let errors = errors.iter().map(|(class, count)| ((*class).to_owned(), *count));
        compare(case, Extent::SHORT, Ok(errors.collect()), Some(status), counts).as_expected
    }

    #[test]
    fn nothing_but_the_expected_is_as_expected() {
        assert!(as_expected(&[("corrupt", 8)], 3, COUNTS));
        for errors in [
            &[][..],
            &[("corrupt", 7)],
            &[("corrupt", 9)],
            &[("misrouted", 8)],
            &[("corrupt", 8), ("lost", 1)],
        ] {
            assert!(!as_expected(errors, 3, COUNTS), "{errors:?}");
        }
        assert!(!as_expected(&[("corrupt", 8)], 0, COUNTS));
        assert!(!as_expected(&[("corrupt", 8)], 3, r#"{"faults":{"corrupt":7}}"#));
    }

    #[test]
    fn the_servers_own_count_is_held_against_it() {
        assert_eq!(miscounted(7, r#"{"answers":9,"faults":{"corrupt":7}}"#), None);
        for counts in [r#"{"answers":9,"faults":{"corrupt":6}}"#, "{}", "", "gone"] {
            assert!(miscounted(7, counts).is_some(), "{counts}");
        }
    }
}
