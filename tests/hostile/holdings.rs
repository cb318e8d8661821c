//! What a server has at a moment, by the kernel and by what it tells itself.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::program::Program;

/// How long it may take until nothing of an attack is left.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub(crate) struct Holdings {
    /// How many there are of what must not stay.
    counts: BTreeMap<String, usize>,
    /// In bytes.
    pub(crate) resident: usize,
    /// What each coroutine does, as the server tells it.
    coroutines: Vec<String>,
}

impl Holdings {
    /// By the kernel alone.
    pub(crate) fn of_process(server: &mut Program) -> Holdings {
        let pid = server.pid();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse::<usize>().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        let counts = [
            ("descriptors", descriptors),
            ("threads", field("Threads:")),
            ("children", children(pid)),
        ];
        Holdings {
            counts: counts.map(|(name, count)| (name.to_owned(), count)).into(),
            resident: field("VmRSS:") * 1024,
            coroutines: Vec::new(),
        }
    }

    /// Also by what the server tells on SIGUSR1.
    pub(crate) fn of_server(server: &mut Program) -> Holdings {
        let mut holdings = Holdings::of_process(server);
        server.signal(Signal::SIGUSR1);
        let status = loop {
            let line = server.logged();
            match line.strip_prefix("status: ") {
                Some(status) => break status.to_owned(),
                None if line.starts_with("coroutine ") => holdings.coroutines.push(line),
                None => {}
            }
        };
        let told = status.split(", ").map(|part| part.split_once(' ').unwrap());
        let told = told.map(|(count, name)| (name.to_owned(), count.parse().unwrap()));
        holdings.counts.extend(told);
        let shown = holdings.coroutines.len();
        holdings.counts.insert("coroutines in its dump".to_owned(), shown);
        holdings
    }

    /// What `look` finds once there is no more of anything than `before`.
    pub(crate) fn settled(server: &mut Program, look: fn(&mut Program) -> Holdings, before: &Holdings) -> Holdings {
        let begin = Instant::now();
        loop {
            let now = look(server);
            let left = now.beyond(before);
            if left.is_empty() {
                return now;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "left after {PATIENCE:?}: {}\nnow {now}\nbefore {before}\n{:#?}",
                left.join(", "),
                now.coroutines.iter().take(20).collect::<Vec<_>>()
            );
            thread::sleep(PAUSE);
        }
    }

    /// Whether it has any of `what`.
    pub(crate) fn has(&self, what: &str) -> bool {
        self.counts[what] > 0
    }

    /// What it has more of than `before`.
    pub(crate) fn beyond(&self, before: &Holdings) -> Vec<String> {
        let more = self
            .counts
            .iter()
            .filter(|(name, count)| **count > before.counts[*name]);
        more.map(|(name, count)| format!("{count} {name} (before {})", before.counts[name]))
            .collect()
    }
}

/// Those of all its threads that it has not waited for, dead or alive.
fn children(pid: u32) -> usize {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let lists = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("children")));
    // A thread may have ended meanwhile.
    lists.flatten().map(|list| list.split_whitespace().count()).sum()
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts
            .iter()
            .try_for_each(|(name, count)| write!(f, "{count} {name}, "))?;
        write!(f, "{} KiB resident", self.resident / 1024)
    }
}
