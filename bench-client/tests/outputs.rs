//! Where reports and texts go, and what happens where they cannot.
#![allow(missing_docs)]

mod program;
mod reference;

use std::fs::File;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use program::PROGRAM;
use reference::Reference;

const SHORT: [&str; 8] = ["-c", "2", "-d", "1200ms", "--warmup", "0s", "--sample", "500ms"];

fn program(args: &[&str], stdout: impl Into<Stdio>) -> Output {
    let mut command = Command::new(PROGRAM);
    let child = command.args(args).stdout(stdout).stderr(Stdio::piped()).spawn();
    child.expect("it can be started").wait_with_output().expect("it ends")
}

fn complaints(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = program(&["doctor"], writer);
    assert_eq!((output.status.code(), complaints(&output)), (Some(141), String::new()));
}

#[test]
fn a_full_disk_is_an_error_and_costs_no_report() {
    let server = Reference::start("tcp");
    let folder = TempDir::new().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let json = json.to_str().expect("text");
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let args = ["run", &server.address, "--json", json];
    let output = program(&[&args[..], &SHORT].concat(), full);
    let text = complaints(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot write to standard output: No space"), "{text}");
    let saved: Value = serde_json::from_slice(&std::fs::read(json).expect("it is there")).expect("JSON");
    assert_eq!(saved["runs"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_report_on_stdout_has_it_to_itself() {
    let server = Reference::start("tcp");
    let on_stdout = |option| {
        let args = ["run", &server.address, option, "-", "--quiet", "--allow-client-limited"];
        let output = program(&[&args[..], &SHORT].concat(), Stdio::piped());
        assert!(
            complaints(&output).contains("verdict"),
            "{option}: {}",
            complaints(&output)
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let saved: Value = serde_json::from_str(&on_stdout("--json")).expect("JSON and nothing else");
    assert_eq!(saved["runs"].as_array().map(Vec::len), Some(1));
    let lines = on_stdout("--ndjson");
    let seconds: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
    assert!(seconds.expect("JSON in every line").len() >= 2, "{lines}");
}

/// Nothing listens there: the complaint would be another one if it had tried.
#[test]
fn two_reports_in_one_place_are_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("x");
    let file = file.to_str().expect("text");
    for reports in [
        ["--ndjson", file, "--json", file],
        ["--ndjson", "-", "--json", "-"],
        ["--csv", file, "--json", file],
    ] {
        let output = program(&[&["run", "tcp://127.0.0.1:1"], &reports[..]].concat(), Stdio::piped());
        let text = complaints(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(&format!("would both write {}", reports[1])), "{text}");
    }
    let output = program(&["run", "tcp://127.0.0.1:1", "--hgrm", "-"], Stdio::piped());
    let text = complaints(&output);
    assert!(text.contains("none to standard output"), "{text}");
}

/// Nothing listens there either.
#[test]
fn a_file_without_an_end_is_not_read_to_it_and_a_pipe_not_waited_for() {
    let folder = TempDir::new().expect("a temporary folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("there is mkfifo").success());
    let pipe = pipe.to_str().expect("text");
    let (echo, http) = ("tcp://127.0.0.1:1", "http://127.0.0.1:1/");
    for (args, status, reason) in [
        (&["run", http, "--body", "/dev/zero"][..], 2, "more than 16777216 bytes"),
        (&["run", http, "--expect", "/dev/zero"], 2, "more than 16777216 bytes"),
        (&["run", http, "--body", pipe], 2, "named pipe"),
        (&["run", echo, "--payload", pipe], 2, "named pipe"),
        (&["run", echo, "--json", pipe], 1, "named pipe"),
        (&["report", pipe], 1, "named pipe"),
        (&["run", echo, "--payload", "/dev/zero", "-c", "1"], 1, "refused"),
        (
            &["run", echo, "--payload", "/no/such"],
            2,
            "cannot read /no/such: No such file",
        ),
    ] {
        let output = program(args, Stdio::piped());
        let text = complaints(&output);
        assert_eq!(output.status.code(), Some(status), "{args:?}: {text}");
        assert!(text.contains(reason), "{args:?}: {text}");
    }
}

/// In `case`, what the only line about a class of errors has to say.
#[test]
fn why_nobody_got_an_answer_is_said_with_a_remedy_and_saved() {
    let folder = TempDir::new().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let json = json.to_str().expect("text");
    let unix = Reference::start("unix");
    let path = unix.address.strip_prefix("unix:").expect("a path").to_owned();
    let http = Reference::start("http");
    let (missing, wrong, elsewhere) = (
        "unix:///no/such.sock".to_owned(),
        format!("unixgram://{path}"),
        format!("http://{}/elsewhere", http.address),
    );
    for (target, class, reason, remedy) in [
        ("tcp://127.0.0.1:1", "refused", "os error 111", "start the server"),
        (&missing, "other", "os error 2", "see whether it is there"),
        (&wrong, "other", "os error 91", "unix:// is for stream sockets"),
        (&elsewhere, "status_4xx", "404", "correct the path"),
    ] {
        let output = program(&["run", target, "-c", "3", "--json", json], Stdio::piped());
        let text = complaints(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let line = text
            .lines()
            .find(|line| line.contains(&format!("3 {class}, the first: ")));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(reason) && line.contains(remedy), "{line}");
        let saved: Value = serde_json::from_slice(&std::fs::read(json).expect("it is there")).expect("JSON");
        let run = &saved["runs"][0];
        assert_eq!(
            (&run["errors"][0]["class"], &run["errors"][0]["count"]),
            (&class.into(), &3.into())
        );
        assert_eq!(
            (&run["connections"]["connected"], &run["verdict"]["valid"]),
            (&0.into(), &false.into())
        );
    }
}

#[test]
fn what_the_machine_has_not_is_refused_before_the_first_connection() {
    for (options, reason) in [
        (&["--source", "192.0.2.0/24"][..], "cannot connect from 192.0.2.1"),
        (&["--cpus", "1023"], "no processor 1023"),
        (&["-c", "1000", "--depth", "1000000", "--size", "1m"], "MiB of memory"),
    ] {
        let output = program(&[&["run", "tcp://127.0.0.1:1"], options].concat(), Stdio::piped());
        let text = complaints(&output);
        assert!(text.contains(reason), "{options:?}: {text}");
        assert!(!text.contains("got a right answer"), "{options:?}: {text}");
    }
}
