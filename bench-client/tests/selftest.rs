//! The self-test, as its users run it.
#![allow(missing_docs)]

use std::process::{Command, Output};

fn selftest(only: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bench-client"))
        .args(["selftest", "--only", only])
        .output()
        .expect("it can be started")
}

#[test]
fn what_goes_wrong_is_found_in_every_protocol() {
    let output = selftest("--corrupt");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let found = text.lines().filter(|line| line.ends_with("as expected")).count();
    assert_eq!(found, 5, "{text}");
}

#[test]
fn a_case_that_there_is_none_of_is_a_usage_error() {
    assert_eq!(selftest("nonsense").status.code(), Some(2));
    // One of --long.
    assert_eq!(selftest("against").status.code(), Some(2));
}
