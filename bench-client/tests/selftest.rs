//! The self-test, as its users run it.
#![allow(missing_docs)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-client"));
    command.arg("selftest").args(words);
    command
}

fn selftest(words: &[&str]) -> Output {
    command(words).output().expect("it can be started")
}

/// The shortest of the long cases that have `only` in their name: how many were
/// as expected. A machine that was too busy to judge is no failure.
fn judged(only: &str, cases: usize) -> usize {
    let output = selftest(&["--long", "--scale", "0.001", "--only", only]);
    let text = String::from_utf8_lossy(&output.stdout);
    let found = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    let fine = text.lines().filter(|line| line.ends_with("  as expected")).count();
    let unjudged = found("  not judged: ");
    assert_eq!((fine + unjudged, found("WRONG")), (cases, 0), "{text}");
    assert_eq!(output.status.code(), Some(if unjudged == 0 { 0 } else { 4 }), "{text}");
    fine
}

#[test]
fn what_goes_wrong_is_found_in_every_protocol() {
    let output = selftest(&["--only", "--corrupt"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let found = text.lines().filter(|line| line.ends_with("as expected")).count();
    assert_eq!(found, 5, "{text}");
}

#[test]
fn a_case_that_there_is_none_of_is_a_usage_error() {
    assert_eq!(selftest(&["--only", "nonsense"]).status.code(), Some(2));
    // A long one.
    assert_eq!(selftest(&["--only", "against"]).status.code(), Some(2));
}

#[test]
fn many_clients_meet_no_error_and_take_no_more_memory_in_any_protocol() {
    assert!(judged(" for ", 6) >= 1);
}

#[test]
fn equal_servers_are_equal_and_a_slower_one_is_slower() {
    judged(" against ", 2);
}

#[test]
fn an_interrupt_ends_what_runs_and_starts_nothing_more() {
    let mut child = command(&["--long", "--only", "unix --size 64 for"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut lines = stderr.lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("of about 62 s")),
        "it shows how far it is"
    );
    let interrupted = Instant::now();
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("it runs");
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130));
    // Far less than what is left of the case; it stops two processes.
    assert!(interrupted.elapsed() < Duration::from_secs(30));
}
