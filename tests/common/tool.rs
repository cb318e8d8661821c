//! Programs that others wrote, which tests run where they are installed.

use std::fmt::Display;
use std::process::Command;

/// Says that a test is skipped for want of `program`, or fails it: with
/// `EVERY_TOOL=1`, as in CI, all of them must be there.
#[allow(clippy::print_stdout, reason = "it is what the test has to say")]
pub(crate) fn missing(program: &str, why: impl Display) {
    assert!(
        std::env::var_os("EVERY_TOOL").is_none(),
        "{program} cannot be run, and EVERY_TOOL asks for it: {why}"
    );
    println!("skipped: {program} cannot be run: {why}");
}

/// Whether Python is here with a package that is not its own.
pub(crate) fn python_has(package: &str) -> bool {
    match Command::new("python3")
        .args(["-c", &format!("import {package}")])
        .output()
    {
        Ok(tried) if tried.status.success() => return true,
        Ok(tried) => missing(
            &format!("Python's {package}"),
            String::from_utf8_lossy(&tried.stderr).trim_end(),
        ),
        Err(err) => missing("python3", err),
    }
    false
}
