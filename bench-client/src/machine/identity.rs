//! On what it was measured: without this a figure means nothing.

use std::fs;
use std::process::Command;

use crate::machine::pinning;
use crate::saved::Machine;

impl Machine {
    /// This machine, now.
    pub(crate) fn inspect() -> Machine {
        Machine {
            cpu: field("/proc/cpuinfo", "model name"),
            cpus: pinning::allowed().len(),
            siblings: line("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list"),
            memory_mib: memory_mib(),
            kernel: format!(
                "{} {}",
                line("/proc/sys/kernel/ostype"),
                line("/proc/sys/kernel/osrelease")
            ),
            clock: line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            load_before: line("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// The command line this program was started with.
pub(crate) fn command_line() -> Vec<String> {
    // How the file was found says nothing about the measurement.
    std::iter::once("bench-client".to_owned())
        .chain(std::env::args().skip(1))
        .collect()
}

/// This program's version, with the revision of its sources where git knows it.
pub(crate) fn version() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut git = Command::new("git");
    git.args(["-C", env!("CARGO_MANIFEST_DIR")]);
    git.args(["describe", "--always", "--dirty", "--exclude=*"]);
    match output(&mut git) {
        Some(revision) => format!("{version} ({revision})"),
        None => version.to_owned(),
    }
}

/// The first line that a command prints, if it ends well.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let done = command.stdin(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&done.stdout);
    let line = text.lines().next()?.trim().to_owned();
    done.status.success().then_some(line)
}

fn line(path: &str) -> String {
    fs::read_to_string(path).map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn memory_mib() -> u64 {
    field("/proc/meminfo", "MemTotal")
        .trim_end_matches("kB")
        .trim()
        .parse::<u64>()
        .map_or(0, |kib| kib / 1024)
}
