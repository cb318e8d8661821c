//! The long self-test, made as short as it can be.
#![allow(missing_docs)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn selftest(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench-client"));
    command.args(["selftest", "--long"]).args(words);
    command
}

/// How many of the `cases` that have `only` in their name were as expected. A
/// machine that was too busy to judge is no failure.
fn judged(only: &str, cases: usize) -> usize {
    let command = selftest(&["--scale", "0.001", "--only", only]).output();
    let output = command.expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    let found = |end: &str| text.lines().filter(|line| line.ends_with(end)).count();
    let (fine, unjudged) = (found("  as expected"), found("  not judged"));
    assert_eq!(fine + unjudged, cases, "{text}");
    assert_eq!(output.status.code(), Some(if unjudged == 0 { 0 } else { 4 }), "{text}");
    fine
}

/// One after the other: each would spoil the other's measurements.
#[test]
fn it_endures_and_tells_equal_servers_from_unequal_ones() {
    assert!(judged(" for ", 9) >= 1);
    judged(" against ", 2);
}

#[test]
fn an_interrupt_ends_what_runs_and_starts_nothing_more() {
    let mut child = selftest(&["--only", "unix --size 64 for"])
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
