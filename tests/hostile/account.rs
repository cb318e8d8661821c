//! What the kernel says that a process has.

use std::fmt;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// In bytes.
    pub(crate) resident: usize,
}

impl Account {
    pub(crate) fn of(pid: u32) -> Account {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<usize>().unwrap()
        };
        Account {
            descriptors: fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count(),
            threads: field("Threads:"),
            resident: field("VmRSS:") * 1024,
        }
    }

    /// What it has once `is_settled`, or when that has taken too long.
    pub(crate) fn until(pid: u32, is_settled: impl Fn(&Account) -> bool) -> Account {
        let begin = Instant::now();
        loop {
            let account = Account::of(pid);
            if is_settled(&account) || begin.elapsed() > Duration::from_secs(20) {
                return account;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Account {
            descriptors,
            threads,
            resident,
        } = self;
        write!(
            f,
            "{descriptors} descriptors, {threads} threads, {} KiB resident",
            resident / 1024
        )
    }
}
