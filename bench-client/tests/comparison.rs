//! What the program says of two servers, of two reports, and of a limit.
//!
//! The servers are small Python programs that wait before they answer: neither
//! side is ever short of processor time, so that another load on this machine
//! does not decide. Where there is no `python3` the tests say so and pass.
#![allow(missing_docs)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");

/// Echoes after the milliseconds of its second argument; its first is its
/// port. With 0 for a port it takes a free one and says which.
const SERVER: &str = r#"
import socket, sys, threading, time

def serve(client):
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := client.recv(65536):
        time.sleep(float(sys.argv[2]) / 1000)
        client.sendall(data)

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
if sys.argv[1] == "0":
    print("a line that says something else")
    print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

/// A folder with the server in it; `None` without Python.
fn workshop() -> Option<TempDir> {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("server.py"), SERVER).expect("it can be written");
    Some(folder)
}

/// The command of a server that waits for `delay` ms.
fn server(folder: &TempDir, port: &str, delay: &str) -> String {
    format!("python3 '{}' {port} {delay}", folder.path().join("server.py").display())
}

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).output().expect("it can be started")
}

/// With few clients, for a short time.
fn measure(args: &[&str]) -> Output {
    let load = ["-c", "5", "-d", "100ms", "--warmup", "50ms"];
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

#[test]
fn a_server_that_waits_longer_is_slower() {
    let Some(folder) = workshop() else { return };
    let json = folder.path().join("ab.json");
    let output = measure(&[
        "ab",
        "--a",
        &server(&folder, "{port}", "2"),
        "--b",
        &server(&folder, "0", "10"),
        "--json",
        &json.to_string_lossy(),
    ]);
    assert!(
        verdict(&output).contains("B is slower (answers, p50"),
        "{}",
        text(&output)
    );
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let runs = report(&json)["runs"].clone();
    let names: Vec<_> = runs
        .as_array()
        .expect("a list")
        .iter()
        .map(|run| run["name"].as_str())
        .collect();
    let expected = ["A", "B", "B", "A", "A", "B", "B", "A", "A", "B"].map(Some);
    assert_eq!(names, expected);
}

/// One comparison in twenty may be wrong: then another one must not be.
#[test]
fn a_server_is_as_fast_as_itself() {
    let Some(folder) = workshop() else { return };
    let same = server(&folder, "{port}", "2");
    let compare = || measure(&["ab", "--a", &same, "--b", &same]);
    let output = compare();
    let equal = |output: &Output| verdict(output) == "verdict: no difference shown" && output.status.success();
    assert!(equal(&output) || equal(&compare()), "{}", text(&output));
}

/// Measures a started server once and saves it.
fn saved(folder: &TempDir, name: &str, delay: &str, more: &[&str]) -> PathBuf {
    let path = folder.path().join(name);
    let command = server(folder, "{port}", delay);
    let output = measure(&[&["run", "--spawn", &command, "--json", &path.to_string_lossy()], more].concat());
    assert!(output.status.success(), "{}", text(&output));
    path
}

fn compare(base: &Path, new: &Path, more: &[&str]) -> Output {
    let paths = [base, new].map(|path| path.to_string_lossy().into_owned());
    bench(&[&["compare", &paths[0], &paths[1]], more].concat())
}

#[test]
fn a_regression_beyond_the_tolerance_is_one() {
    let Some(folder) = workshop() else { return };
    let base = saved(&folder, "base.json", "2", &[]);
    let new = saved(&folder, "new.json", "20", &[]);
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
    let Some(folder) = workshop() else { return };
    let base = saved(&folder, "base.json", "2", &[]);
    let new = saved(&folder, "new.json", "2", &["--size", "128"]);
    let output = compare(&base, &new, &["--gate", "p50 +50%"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("size: \"64\" and \"128\""), "{}", text(&output));
}

#[test]
fn what_is_no_report_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
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
    let Some(folder) = workshop() else { return };
    let json = folder.path().join("rounds.json");
    let command = server(&folder, "{port}", "5");
    let gates = ["--fail-if", "p50>4s", "--fail-if", "errors>0"];
    let path = json.to_string_lossy().into_owned();
    let rounds = ["run", "--spawn", &command, "--repeat", "3", "--json", &path];
    let output = measure(&[&rounds[..], &gates].concat());
    assert!(output.status.success(), "{}", text(&output));
    assert!(text(&output).contains("median"), "{}", text(&output));
    assert_eq!(report(&json)["runs"].as_array().map(Vec::len), Some(3));

    let output = measure(&["run", "--spawn", &command, "--fail-if", "p50<1s"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(
        text(&output).contains("gate \"p50<1s\" breached: p50 is "),
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
