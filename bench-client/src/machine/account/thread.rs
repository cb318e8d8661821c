//! What the kernel counts for each thread.

use std::collections::BTreeMap;
use std::fs;

/// The counters of one thread since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Thread {
    /// Times it waited.
    pub(super) voluntary: u64,
    /// Times it was made to wait.
    pub(super) involuntary: u64,
    /// Processor time and time it was ready without a processor, in
    /// nanoseconds; `None` of a kernel built without scheduler statistics.
    pub(super) schedule: Option<Schedule>,
}

/// A thread's time on a processor and in the queue for one, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) ran: u64,
    pub(crate) queued: u64,
}

impl Thread {
    /// The threads of process `pid` that live, by their numbers.
    pub(super) fn all(pid: i32) -> BTreeMap<i32, Thread> {
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
            return BTreeMap::new();
        };
        tasks
            .flatten()
            .filter_map(|task| task.file_name().to_str()?.parse().ok())
            .filter_map(|number| Some((number, Thread::of(pid, number)?)))
            .collect()
    }

    fn of(pid: i32, number: i32) -> Option<Thread> {
        let status = fs::read_to_string(format!("/proc/{pid}/task/{number}/status")).ok()?;
        let schedule = fs::read_to_string(format!("/proc/{pid}/task/{number}/schedstat"));
        Some(Thread {
            voluntary: field(&status, "voluntary_ctxt_switches")?.parse().ok()?,
            involuntary: field(&status, "nonvoluntary_ctxt_switches")?.parse().ok()?,
            schedule: schedule.ok().and_then(|text| Schedule::parse(&text)),
        })
    }

    /// What was counted since `before`. A number may have gone to a new thread
    /// meanwhile, which then counts for less than it did.
    pub(super) fn since(&self, before: &Thread) -> Thread {
        let schedule = self.schedule.map(|now| {
            let before = before.schedule.unwrap_or_default();
            Schedule {
                ran: now.ran.saturating_sub(before.ran),
                queued: now.queued.saturating_sub(before.queued),
            }
        });
        Thread {
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
            schedule,
        }
    }
}

impl Schedule {
    /// Out of the text of `/proc/PID/task/TID/schedstat`.
    pub(crate) fn parse(text: &str) -> Option<Schedule> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let (ran, queued) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Schedule { ran, queued })
    }
}

/// A field of a file of lines `name: value`.
pub(crate) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "Name:\tx\nvoluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t3\n";
        assert_eq!(field(text, "voluntary_ctxt_switches"), Some("12"));
        assert_eq!(field(text, "nonvoluntary_ctxt_switches"), Some("3"));
        assert_eq!(field(text, "switches"), None);
    }

    #[test]
    fn the_second_figure_is_the_time_in_the_queue() {
        let schedule = Schedule::parse("100 25 7\n").unwrap();
        assert_eq!((schedule.ran, schedule.queued), (100, 25));
    }

    #[test]
    fn a_reused_number_counts_for_nothing_rather_than_for_much() {
        let (old, new) = (
            Thread {
                voluntary: 9,
                ..Thread::default()
            },
            Thread::default(),
        );
        assert_eq!(new.since(&old).voluntary, 0);
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in ".*") {
            let _ = (field(&text, "a"), Schedule::parse(&text));
        }
    }
}
