//! All that a process counts, at one moment, and the difference of two.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::stat::{Stat, counted};
use super::thread::{Thread, field};
use crate::saved::Usage;

/// The counters of a process, or of a family, at one moment.
///
/// Taking it reads two small files for every thread, some 20 µs each: 100 ms
/// for 5,000 threads. It belongs outside of what is measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// When the reading began and ended.
    taken: Option<(Instant, Instant)>,
    /// By process and thread.
    threads: BTreeMap<(i32, i32), Thread>,
    /// `None` when the processes are gone.
    totals: Option<Totals>,
    descriptors: Option<u64>,
    allowed_cpus: Option<String>,
}

/// What the kernel sums up over threads itself, those that ended included.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    user: Duration,
    system: Duration,
    minor_faults: u64,
    major_faults: u64,
    threads: u64,
}

impl Reading {
    /// Of the processes `members`, the first of which speaks for all; with
    /// their children that ended if `family`.
    pub(super) fn of(members: &[i32], family: bool) -> Reading {
        let began = Instant::now();
        let threads = members
            .iter()
            .flat_map(|pid| {
                Thread::all(*pid)
                    .into_iter()
                    .map(|(number, thread)| ((*pid, number), thread))
            })
            .collect();
        let totals = Totals::of(members, family);
        Reading {
            taken: Some((began, Instant::now())),
            threads,
            totals,
            descriptors: members.iter().map(|pid| descriptors(*pid)).sum(),
            allowed_cpus: members.first().and_then(|pid| allowed_cpus(*pid)),
        }
    }

    /// What was used since `before`, but for the processor time and the memory,
    /// which have better sources. Shares are of the time between the two
    /// readings, which lie outside of the window.
    pub(crate) fn since(&self, before: &Reading) -> Usage {
        let length = self.taken.zip(before.taken).map(|((_, end), (begin, _))| end - begin);
        let length = length.unwrap_or_default().as_secs_f64();
        let share = |nanos: u64| nanos as f64 / 1e9 / length.max(1e-9);
        let threads: Vec<_> = self.threads_since(before).collect();
        let switches = |count: fn(&Thread) -> u64| (!threads.is_empty()).then(|| threads.iter().map(count).sum());
        let queued: Option<u64> = threads.iter().map(|thread| Some(thread.schedule?.queued)).sum();
        let queued = queued.filter(|_| !threads.is_empty());
        let ran = threads.iter().filter_map(|thread| Some(thread.schedule?.ran)).max();
        let totals = self.totals.zip(before.totals);
        let seconds = |figure: fn(&Totals) -> Duration| {
            totals.map(|(now, then)| figure(&now).saturating_sub(figure(&then)).as_secs_f64())
        };
        let faults = |figure: fn(&Totals) -> u64| totals.map(|(now, then)| figure(&now).saturating_sub(figure(&then)));
        Usage {
            user_s: seconds(|totals| totals.user),
            system_s: seconds(|totals| totals.system),
            busiest_thread_share: ran.map(|nanos| share(nanos).min(1.0)),
            threads: self.totals.map(|totals| totals.threads),
            descriptors: self.descriptors.filter(|_| self.totals.is_some()),
            voluntary_switches: switches(|thread| thread.voluntary),
            involuntary_switches: switches(|thread| thread.involuntary),
            minor_faults: faults(|totals| totals.minor_faults),
            major_faults: faults(|totals| totals.major_faults),
            run_queue_delay_s: queued.map(|nanos| nanos as f64 / 1e9),
            run_queue_share: queued.map(|nanos| share(nanos).min(threads.len() as f64)),
            allowed_cpus: self.allowed_cpus.clone(),
            ..Usage::default()
        }
    }

    /// Each thread that lives now, with what it did since `before`.
    fn threads_since(&self, before: &Reading) -> impl Iterator<Item = Thread> {
        self.threads.iter().map(|(number, now)| {
            let then = before.threads.get(number).copied().unwrap_or_default();
            now.since(&then)
        })
    }
}

impl Totals {
    fn of(members: &[i32], family: bool) -> Option<Totals> {
        let stats: Vec<_> = members
            .iter()
            .filter_map(|pid| Stat::of(*pid))
            .filter(|stat| !stat.ended())
            .collect();
        let sum = |figure: fn(&Stat) -> [u64; 2]| stats.iter().map(|stat| counted(figure(stat), family)).sum();
        (!stats.is_empty()).then(|| Totals {
            user: stats.iter().map(|stat| stat.user(family)).sum(),
            system: stats.iter().map(|stat| stat.system(family)).sum(),
            minor_faults: sum(|stat| stat.minor_faults),
            major_faults: sum(|stat| stat.major_faults),
            threads: stats.iter().map(|stat| stat.threads).sum(),
        })
    }
}

fn descriptors(pid: i32) -> Option<u64> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(open.count() as u64)
}

fn allowed_cpus(pid: i32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    field(&status, "Cpus_allowed_list").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    fn own() -> Reading {
        Reading::of(&[std::process::id() as i32], false)
    }

    /// Passes `turns` words back and forth; each side waits for each.
    fn play(turns: u32, say: &Sender<()>, hear: &Receiver<()>) {
        for _ in 0..turns {
            say.send(()).unwrap();
            hear.recv().unwrap();
        }
    }

    #[test]
    fn switches_are_those_of_threads_that_wait() {
        const TURNS: u32 = 500;
        let (to_other, from_us) = channel();
        let (to_us, from_other) = channel();
        let (done, end) = channel::<()>();
        let other = std::thread::spawn(move || {
            for () in from_us {
                to_us.send(()).unwrap();
            }
            // Lives until it was counted.
            let _ = end.recv();
        });
        let before = own();
        // On one processor or two, one side at least sleeps in each turn.
        for turn in 0..TURNS {
            play(1, &to_other, &from_other);
            if turn % 10 == 0 {
                std::thread::sleep(Duration::from_micros(1));
            }
        }
        let usage = own().since(&before);
        drop((to_other, done));
        other.join().unwrap();
        let switches = usage.voluntary_switches.unwrap();
        assert!(switches >= u64::from(TURNS / 10), "{switches}");
        assert!(usage.threads.unwrap() >= 2 && usage.descriptors.unwrap() >= 3);
        assert!(usage.run_queue_delay_s.is_some() && usage.busiest_thread_share.is_some());
        assert_eq!(usage.allowed_cpus.is_some(), usage.minor_faults.is_some());
    }

    /// A reading of one thread that waited for a processor for so long, taken so
    /// long after `begin`.
    fn queued(begin: Instant, after: Duration, queued: Duration) -> Reading {
        let schedule = Some(crate::machine::account::thread::Schedule {
            ran: 0,
            queued: queued.as_nanos() as u64,
        });
        let thread = Thread {
            schedule,
            ..Thread::default()
        };
        Reading {
            taken: Some((begin + after, begin + after)),
            threads: BTreeMap::from([((1, 1), thread)]),
            ..Reading::default()
        }
    }

    #[test]
    fn a_share_is_of_the_time_between_the_readings_and_no_more_than_a_thread() {
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let before = queued(begin, Duration::ZERO, Duration::ZERO);
        let share = |after, waited| queued(begin, after, waited).since(&before).run_queue_share;
        assert_eq!(share(4 * second, second), Some(0.25));
        assert_eq!(share(second, 10 * second), Some(1.0));
    }

    #[test]
    fn pages_that_were_touched_are_faults() {
        let before = own();
        let touched = vec![1_u8; 16 << 20];
        let usage = own().since(&before);
        drop(touched);
        // Huge pages make it fewer than 4,096.
        assert!(usage.minor_faults.unwrap() >= 8, "{usage:?}");
    }
}
