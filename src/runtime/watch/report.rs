//! What is said of a stall.
//!
//! A thread of the stall's own says it: to find the names of its calls may take
//! a second in a large program, and the watchdog must see meanwhile when the
//! worker comes back.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::interrupt::Sight;
use crate::runtime::crew::StandsBy;
use crate::runtime::engine;
use crate::runtime::task::{Interrupted, Task};
use crate::runtime::trace::{Symbols, Unwinder};

/// Who says what became of one stall.
#[derive(Debug)]
pub(super) struct Reporter {
    ended: Sender<u64>,
}

/// A stall as it was found.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) worker: usize,
    /// In nanoseconds, up to now.
    pub(super) length: u64,
    /// What the thread did.
    pub(super) state: &'static str,
    /// Whether the worker was still away when it had been looked at.
    pub(super) stayed: bool,
    pub(super) sight: Result<Sight, String>,
}

impl Reporter {
    /// Reports a stall.
    pub(super) fn start(report: Report) -> Reporter {
        let (ended, end) = channel();
        let (worker, length) = (report.worker, report.length);
        let builder = thread::Builder::new().name("greenserve-report".to_owned());
        if let Err(err) = builder.spawn(move || tell(report, &end)) {
            log::warn!(
                "{} has not come back to its loop for {}, and no thread can be started to say where it is: {err}",
                Place(worker),
                Millis(length),
            );
        }
        Reporter { ended }
    }

    /// The worker is back, `length` nanoseconds after it had left.
    pub(super) fn end(self, length: u64) {
        // Without a thread there is nobody to hear it, which was said.
        let _ = self.ended.send(length);
    }
}

fn tell(report: Report, end: &Receiver<u64>) {
    let worker = report.worker;
    // A name is the program's own text, and a program may panic.
    let who = catch_unwind(AssertUnwindSafe(|| report.log()));
    let who = who.unwrap_or_else(|_| UNKNOWN.to_owned());
    let stands_by = StandsBy::new();
    let length = end.recv();
    drop(stands_by);
    if let Ok(length) = length {
        log::warn!(
            "{} is back in its loop after {}, held up by {who}",
            Place(worker),
            Millis(length),
        );
    }
}

const UNKNOWN: &str = "a coroutine";

impl Report {
    /// Says who it is that holds up the worker, and returns it.
    fn log(self) -> String {
        let (place, length, state) = (Place(self.worker), Millis(self.length), self.state);
        let (who, calls) = self.who_and_where();
        log::warn!("{place} has not come back to its loop for {length}: {who} {state}{calls}");
        who
    }

    fn who_and_where(self) -> (String, String) {
        let sight = match self.sight {
            Ok(sight) => sight,
            Err(why) => return (UNKNOWN.to_owned(), format!("; where is not known: {why}")),
        };
        let running = sight.running.map(Interrupted::into_task);
        if !self.stayed {
            let calls = "; it went on before it was looked at".to_owned();
            return (UNKNOWN.to_owned(), calls);
        }
        let who = running.map_or_else(|| "the loop itself".to_owned(), |task| name_of(&task));
        let trace = Symbols::default().name(&Unwinder::new().calls(&sight.snapshot));
        (who, format!(", in\n{trace}"))
    }
}

fn name_of(task: &Task) -> String {
    format!("'{}' (coroutine {})", task.name(), task.id())
}

struct Place(usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < engine::workers() {
            write!(f, "worker {}", self.0)
        } else {
            f.write_str("the acceptor")
        }
    }
}

struct Millis(u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0 / 1_000_000)
    }
}
