//! The self-test, as its users run it, all of it.
#![allow(missing_docs)]

use std::process::{Command, Output};

fn selftest(only: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-client"))
        .args(["selftest", "--only", only])
        .output()
        .expect("it can be started")
}

/// Every case of a protocol, of which `faults` at least are faults of the server.
fn is_as_expected(protocol: &str, faults: usize) {
    let output = selftest(protocol);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let cases: Vec<_> = text.lines().filter(|line| line.ends_with("  as expected")).collect();
    assert!(
        cases.iter().all(|line| line.trim_start().starts_with(protocol)),
        "{text}"
    );
    assert!(text.contains(&format!("All {} cases", cases.len())), "{text}");
    let found = cases.iter().filter(|line| !line.contains("no error")).count();
    assert!(found >= faults, "{found}: {text}");
}

#[test]
fn what_goes_wrong_over_tcp_is_counted_exactly() {
    is_as_expected("tcp ", 7);
}

#[test]
fn what_goes_wrong_over_unix_streams_is_counted_exactly() {
    is_as_expected("unix ", 4);
}

#[test]
fn what_goes_wrong_with_udp_is_counted_exactly() {
    is_as_expected("udp", 7);
}

#[test]
fn what_goes_wrong_with_unix_datagrams_is_counted_exactly() {
    is_as_expected("unixgram", 3);
}

#[test]
fn what_goes_wrong_over_http_is_counted_exactly() {
    is_as_expected("http", 8);
}

#[test]
fn what_goes_wrong_over_websockets_is_counted_exactly() {
    is_as_expected("ws", 8);
}

#[test]
fn a_case_that_there_is_none_of_is_a_usage_error() {
    assert_eq!(selftest("nonsense").status.code(), Some(2));
    // One of --long.
    assert_eq!(selftest("against").status.code(), Some(2));
}
