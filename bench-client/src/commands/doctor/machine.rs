//! Processors, the clock and other work on the machine.

use super::finding::{Finding, Level, figure};
use crate::machine::{host, pinning};
use crate::saved::Machine;

/// Clocks that are read without a system call.
const FAST_CLOCKS: [&str; 4] = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];
/// The part of the processor time that may go to another machine.
const STEAL: f64 = 0.01;
/// The load average for each processor from which on others are in the way.
const BUSY: f64 = 0.5;

pub(super) fn examine(workers: u32) -> Vec<Finding> {
    let machine = Machine::inspect();
    let findings = [
        Some(processors(machine.cpus, workers)),
        Some(clock(&machine.clock)),
        load(machine.cpus),
        steal(),
    ];
    findings.into_iter().flatten().collect()
}

/// Server and client on one processor take from each other.
fn processors(allowed: usize, workers: u32) -> Finding {
    let list = pinning::allowed()
        .iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    let finding = Finding::ok("processors", format!("this process may use {allowed} ({list})"));
    match allowed {
        0 | 1 => finding.but(
            Level::Warning,
            "a server on the same one makes the run invalid: bind it to another (taskset -c)",
        ),
        _ => finding.warn_if(
            workers as usize >= allowed,
            "leave the server one that no --workers of the client runs on (taskset -c for both)",
        ),
    }
}

fn clock(source: &str) -> Finding {
    Finding::ok("clock", source).warn_if(
        !FAST_CLOCKS.contains(&source),
        "reading it takes a system call, which every answer pays for: boot with a TSC that is stable",
    )
}

fn load(processors: usize) -> Option<Finding> {
    let average: f64 = figure("/proc/loadavg")?;
    let text = format!("{average} in the last minute");
    Some(Finding::ok("load", text).warn_if(
        average > BUSY * processors as f64,
        "other work disturbs the measurement: wait until it is done",
    ))
}

fn steal() -> Option<Finding> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let part = host::Reading::now().steal_share(figure("/proc/uptime")?, processors)?;
    let text = format!("{:.1} % since the machine was started", part * 100.0);
    Some(Finding::ok("steal", text).warn_if(
        part > STEAL,
        "another machine on this host takes processor time: measure in several rounds, or elsewhere",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_processor_is_too_few_for_two() {
        assert_eq!(processors(1, 1).level, Level::Warning);
        assert_eq!(processors(2, 2).level, Level::Warning);
        assert_eq!(processors(2, 1).level, Level::Ok);
    }

    #[test]
    fn a_slow_clock_is_named() {
        assert_eq!(clock("tsc").level, Level::Ok);
        let slow = clock("acpi_pm");
        assert_eq!(slow.level, Level::Warning);
        assert!(slow.text.contains("acpi_pm"), "{slow}");
    }
}
