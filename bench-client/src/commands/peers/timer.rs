//! A program that times its own scheduler: started, read.

use std::ffi::OsString;
use std::process::Stdio;

use crate::base::failure::Failure;
use crate::machine::child::launched;
use crate::machine::invocation::ServerCommand;

/// Starts `timer` on processors `cpus`, or on any, and returns the nanoseconds
/// that it found for `timed`.
///
/// # Errors
/// [`Failure::Server`] when it cannot be started, fails, or prints no time.
pub(super) fn ask(timer: &ServerCommand, timed: &str, cpus: &[usize]) -> Result<f64, Failure> {
    let failed = |reason: String| Failure::Server {
        name: timer.name.clone(),
        reason,
    };
    let output = launched(cpus)
        .args(&timer.words)
        .args(["--time", timed].map(OsString::from))
        .envs(timer.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output()
        .map_err(|err| failed(err.to_string()))?;
    match nanoseconds(&output.stdout) {
        Some(nanos) if output.status.success() => Ok(nanos),
        _ => Err(failed(format!(
            "it was asked to time {timed} and ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        ))),
    }
}

/// The time in `123.4 ns`.
fn nanoseconds(line: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(line).ok()?;
    let nanos: f64 = text.trim().strip_suffix("ns")?.trim_end().parse().ok()?;
    (nanos.is_finite() && nanos > 0.0).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_nothing_else() {
        assert_eq!(nanoseconds(b"123.4 ns\n"), Some(123.4));
        for line in ["", "123.4", "ns", "-1 ns", "inf ns", "1 ms", "a ns"] {
            assert_eq!(nanoseconds(line.as_bytes()), None, "{line}");
        }
        assert_eq!(nanoseconds(b"\xff ns"), None);
    }
}
