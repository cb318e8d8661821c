//! What the kernel says of a process, by `/proc`.

use std::fs;
use std::os::fd::RawFd;
use std::time::Duration;

/// The switches of all threads of this process so far: each is one wake-up, or
/// one end of a time slice.
pub(crate) fn context_switches() -> u64 {
    of_threads("_ctxt_switches:")
        .iter()
        .map(|count| count.parse::<u64>().unwrap())
        .sum()
}

/// On which cores each thread of this process may run.
pub(crate) fn allowed_cores() -> Vec<String> {
    of_threads("Cpus_allowed:")
}

fn of_threads(field: &str) -> Vec<String> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads
        .filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).ok())
        .flat_map(|status| {
            let found = status.lines().filter_map(|line| line.split_once(field));
            found.map(|(_, value)| value.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether an epoll instance of this process watches `descriptor`.
pub(crate) fn is_polled(descriptor: RawFd) -> bool {
    let infos = fs::read_dir("/proc/self/fdinfo").unwrap();
    let watched = infos.filter_map(|info| fs::read_to_string(info.unwrap().path()).ok());
    watched
        .flat_map(|info| targets(&info))
        .any(|target| target == descriptor)
}

/// Those of an epoll instance: proc(5).
fn targets(info: &str) -> Vec<RawFd> {
    let lines = info.lines().filter_map(|line| line.strip_prefix("tfd:"));
    lines
        .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
        .collect()
}

/// The processor time a process has used so far.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may hold anything; fields are counted after it.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    // The unit of proc(5) is USER_HZ, which is 100 whatever the kernel's own is.
    Duration::from_millis(ticks * 10)
}

/// The memory of this process that is in RAM, in bytes.
pub(crate) fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let (_, rest) = status.split_once("VmRSS:").unwrap();
    let kilobytes = rest.split_whitespace().next().unwrap();
    kilobytes.parse::<usize>().unwrap() * 1024
}

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    // One is that of the listing itself.
    fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// How many memory maps this process has.
pub(crate) fn maps() -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// The memory of this process's page tables, in bytes.
pub(crate) fn page_tables() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let (_, rest) = status.split_once("VmPTE:").unwrap();
    let kilobytes: usize = rest.split_whitespace().next().unwrap().parse().unwrap();
    kilobytes * 1024
}
