//! What the program says of two servers, of two reports, and of a limit.
//!
//! The servers wait before they answer: neither side is ever short of processor
//! time, so that another load on this machine does not decide.
#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");

fn workshop() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The command of a server that waits for `delay` ms, on a port that is put
/// in.
fn server(delay: u32) -> String {
    format!("'{PROGRAM}' serve tcp --listen '127.0.0.1:{{port}}' --delay {delay}ms")
}

/// The same, which says where it listens, after something else.
fn talking_server(delay: u32) -> String {
    format!("sh -c \"echo hello; exec '{PROGRAM}' serve tcp --delay {delay}ms\"")
}

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).output().expect("it can be started")
}

/// One measuring test at a time: each starts servers and clients of its own.
static MACHINE: Mutex<()> = Mutex::new(());

/// With one client, anywhere, for a time in which even a busy machine lets it
/// have many answers.
fn measure(args: &[&str]) -> Output {
    let _alone = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let load = ["-c", "1", "-d", "300ms", "--warmup", "50ms"];
    bench(&[args, &load].concat())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn verdict(output: &Output) -> String {
    let text = text(output);
    let line = text.lines().find(|line| line.starts_with("verdict: "));
    line.unwrap_or_else(|| panic!("no verdict in {text}")).to_owned()
}

fn report(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("it was written")).expect("JSON")
}

/// Compares `a` with `b` until the verdict is `expected`, at most twice: one
/// comparison in twenty may be wrong.
fn verdict_within_two(a: &str, b: &str, more: &[&str], expected: impl Fn(&str) -> bool) -> Output {
    let compare = || measure(&[&["ab", "--no-pin", "--a", a, "--b", b], more].concat());
    let first = compare();
    match expected(&verdict(&first)) {
        true => first,
        false => compare(),
    }
}

#[test]
fn a_server_that_waits_longer_is_slower() {
    let folder = workshop();
    let json = folder.path().join("ab.json");
    let more = ["--json", &*json.to_string_lossy()];
    let slower = |verdict: &str| verdict.starts_with("verdict: B is slower") && verdict.contains("p50");
    let output = verdict_within_two(&server(2), &talking_server(30), &more, slower);
    assert!(slower(&verdict(&output)), "{}", text(&output));
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let runs = report(&json)["runs"].clone();
    let runs = runs.as_array().expect("a list");
    let names: Vec<_> = runs.iter().map(|run| run["name"].as_str()).collect();
    assert_eq!(names, ["A", "B", "B", "A", "A", "B", "B", "A", "A", "B"].map(Some));
}

#[test]
fn a_server_is_as_fast_as_itself() {
    let equal = |verdict: &str| verdict == "verdict: no difference shown";
    let output = verdict_within_two(&server(2), &server(2), &[], equal);
    assert!(equal(&verdict(&output)), "{}", text(&output));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

/// Measures a started server once and saves it.
fn saved(folder: &TempDir, name: &str, delay: u32, more: &[&str]) -> PathBuf {
    let path = folder.path().join(name);
    let command = server(delay);
    let output = measure(
        &[
            &[
                "run",
                "--no-pin",
                "--spawn",
                &command,
                "--json",
                &path.to_string_lossy(),
            ],
            more,
        ]
        .concat(),
    );
    assert!(output.status.success(), "{}", text(&output));
    path
}

fn compare(base: &Path, new: &Path, more: &[&str]) -> Output {
    let paths = [base, new].map(|path| path.to_string_lossy().into_owned());
    bench(&[&["compare", &paths[0], &paths[1]], more].concat())
}

#[test]
fn a_regression_beyond_the_tolerance_is_one() {
    let folder = workshop();
    let base = saved(&folder, "base.json", 2, &[]);
    let new = saved(&folder, "new.json", 30, &[]);
    let output = compare(&base, &new, &["--gate", "p50 +50%"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(
        text(&output).contains("gate \"p50 +50%\" breached"),
        "{}",
        text(&output)
    );
    let output = compare(&new, &base, &["--gate", "p50 +50%"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // A single round shows nothing by itself.
    let output = compare(&base, &new, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("no difference shown (needs >= 5 rounds)"),
        "{}",
        text(&output)
    );
}

#[test]
fn other_loads_are_not_compared() {
    let folder = workshop();
    let base = saved(&folder, "base.json", 2, &[]);
    let new = saved(&folder, "new.json", 2, &["--size", "128"]);
    let output = compare(&base, &new, &["--gate", "p50 +50%"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("size: \"64\" and \"128\""), "{}", text(&output));
}

#[test]
fn what_is_no_report_is_named() {
    let folder = workshop();
    let path = folder.path().join("not.json");
    for (content, reason) in [("hello", "no JSON"), ("{\"schema\": 99, \"runs\": []}", "schema 99")] {
        std::fs::write(&path, content).expect("it can be written");
        let output = compare(&path, &path, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains("not.json"), "{}", text(&output));
        assert!(text(&output).contains(reason), "{}", text(&output));
    }
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(compare(&path, &path, &[]).status.code(), Some(1));
}

#[test]
fn rounds_are_repeated_and_gates_kept_or_not() {
    let folder = workshop();
    let json = folder.path().join("rounds.json");
    let command = server(5);
    let gates = ["--fail-if", "p50>4s", "--fail-if", "errors>0"];
    let path = json.to_string_lossy().into_owned();
    let rounds = ["run", "--no-pin", "--spawn", &command, "--repeat", "3", "--json", &path];
    let output = measure(&[&rounds[..], &gates].concat());
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("median"), "{}", text(&output));
    assert_eq!(report(&json)["runs"].as_array().map(Vec::len), Some(3));

    let output = measure(&["run", "--no-pin", "--spawn", &command, "--fail-if", "p50<100s"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(
        text(&output).contains("gate \"p50<100s\" breached: p50 is "),
        "{}",
        text(&output)
    );
}

#[test]
fn a_server_that_does_not_come_up_is_no_measurement() {
    let output = measure(&["run", "--spawn", "false {port}"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("it ended with exit status: 1"),
        "{}",
        text(&output)
    );
    let output = measure(&["run", "--spawn", "echo hello"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn a_server_that_is_started_may_speak_anything() {
    let command = format!("'{PROGRAM}' serve http --listen {{address}}");
    let output = measure(&["run", "http://{address}/", "--spawn", &command]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let command = format!("'{PROGRAM}' serve udp");
    let output = measure(&["run", "udp://{address}", "--spawn", &command]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}
