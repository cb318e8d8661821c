//! A worker that does not come back to its loop.

use std::fs;
use std::time::Duration;

use super::interrupt::{self, Sight};
use super::report::{Report, Reporter};
use super::tally;
use crate::runtime::clock::NEVER;
use crate::runtime::engine::{self, Engine, post::Post, pulse::Beat};

/// One worker as the watchdog knows it.
#[derive(Debug)]
pub(super) struct Watch {
    worker: usize,
    stall: Option<Stall>,
    /// A turn, by its beginning, that is none of a coroutine's.
    ignored: u64,
}

/// A stall that was reported and lasts.
#[derive(Debug)]
struct Stall {
    /// The turn, by its beginning.
    since: u64,
    /// From when on it counts.
    from: u64,
    reporter: Reporter,
}

impl Watch {
    pub(super) fn new(worker: usize) -> Watch {
        Watch {
            worker,
            stall: None,
            ignored: NEVER,
        }
    }

    pub(super) fn rests(&self) -> bool {
        match self.beat() {
            Beat::Rests => true,
            Beat::Runs(since) => since == self.ignored,
            Beat::Wakes => false,
        }
    }

    /// Whether it is in a turn that began before `instant`.
    pub(super) fn ran_before(&self, instant: u64) -> bool {
        matches!(self.beat(), Beat::Runs(since) if since < instant)
    }

    /// Says what has become of the worker, and when to look again: [`NEVER`]
    /// while it rests. What lies before `floor` does not count.
    pub(super) fn look(&mut self, now: u64, floor: u64, limit: u64) -> u64 {
        let beat = self.beat();
        if let Some(stall) = self.stall.take_if(|stall| beat != Beat::Runs(stall.since)) {
            end(stall, beat, now);
        }
        match (beat, &self.stall) {
            (Beat::Rests, _) => NEVER,
            (Beat::Wakes, _) => now.saturating_add(limit),
            (Beat::Runs(since), _) if since == self.ignored => NEVER,
            (Beat::Runs(since), Some(_)) => now + interval(now.saturating_sub(since), limit),
            (Beat::Runs(since), None) => {
                let from = since.max(floor);
                let due = from.saturating_add(limit);
                if now < due {
                    return due;
                }
                self.begin(since, from, now);
                now + interval(now.saturating_sub(since), limit)
            }
        }
    }

    fn beat(&self) -> Beat {
        self.post().map_or(Beat::Rests, |post| post.pulse.read())
    }

    fn post(&self) -> Option<&'static Post> {
        engine::post(self.worker)
    }

    fn begin(&mut self, since: u64, from: u64, now: u64) {
        let Some(post) = self.post() else {
            return;
        };
        let state = state_of(post);
        let sight = look_at(post, self.worker);
        if let Ok(sight) = &sight
            && waits_unseen(sight)
        {
            self.ignored = since;
            return;
        }
        tally::begun();
        let report = Report {
            worker: self.worker,
            length: now.saturating_sub(from),
            state,
            stayed: self.beat() == Beat::Runs(since),
            sight,
        };
        let reporter = Reporter::start(report);
        self.stall = Some(Stall { since, from, reporter });
    }
}

fn end(stall: Stall, beat: Beat, now: u64) {
    let end = match beat {
        Beat::Runs(next) if next > stall.from => next.min(now),
        _ => now,
    };
    let length = end.saturating_sub(stall.from);
    tally::ended(Duration::from_nanos(length));
    stall.reporter.end(length);
}

/// How often a stall is looked at, so that its length is known to about a
/// fiftieth when it ends.
fn interval(length: u64, limit: u64) -> u64 {
    const SHORTEST: u64 = 1_000_000;
    const LONGEST: u64 = 1_000_000_000;
    (length / 50).max(limit / 20).clamp(SHORTEST, LONGEST)
}

fn look_at(post: &Post, worker: usize) -> Result<Sight, String> {
    if !post.has_signal_stack() {
        return Err("its thread has no stack for signals".to_owned());
    }
    let thread = post.thread().ok_or("its thread is not known yet")?;
    interrupt::look(thread, worker).map_err(|err| err.to_string())
}

/// On the engine `may` a coroutine may wait by means of that crate, which shows
/// in nothing but that it is not on its stack.
fn waits_unseen(sight: &Sight) -> bool {
    engine::is(Engine::May) && !sight.is_on_its_stack
}

/// Whether the thread computes or sits in a system call.
fn state_of(post: &Post) -> &'static str {
    let stat = post
        .thread()
        .and_then(|thread| fs::read_to_string(format!("/proc/self/task/{thread}/stat")).ok());
    // The name in parentheses may hold anything.
    let state = stat
        .as_deref()
        .and_then(|stat| stat.rsplit_once(')'))
        .and_then(|(_, rest)| rest.trim_start().chars().next());
    match state {
        Some('R') => "computes",
        Some('S' | 'D') => "is blocked in the kernel",
        _ => "does something else",
    }
}
