//! What a server complains about, passed on to who started it.
//!
//! By a thread of its own: a terminal that takes nothing must not stop the
//! server, so that what it does not take in time is left out.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use crate::base::format;
use crate::view::terminal;

/// More lines a second nobody reads, and the client has better things to do
/// than to write them.
const MOST: u32 = 50;
const SECOND: Duration = Duration::from_secs(1);

/// Passes lines on; dropping it says how many it left out.
#[derive(Debug)]
pub(super) struct Relay {
    lines: SyncSender<String>,
    /// When the present second began, and what was passed on in it.
    since: Instant,
    passed: u32,
    left_out: u64,
}

impl Relay {
    /// To the terminal. What is returned beside it is disconnected once all is
    /// written that was passed on.
    pub(super) fn to_terminal() -> (Relay, Receiver<Infallible>) {
        let (relay, lines) = Relay::new();
        let (running, over) = channel();
        std::thread::spawn(move || {
            for line in lines {
                terminal::print(format!("server: {}\n", format::printable(&line)).as_bytes());
            }
            drop(running);
        });
        (relay, over)
    }

    fn new() -> (Relay, Receiver<String>) {
        let (sender, lines) = sync_channel(MOST as usize);
        let relay = Relay {
            lines: sender,
            since: Instant::now(),
            passed: 0,
            left_out: 0,
        };
        (relay, lines)
    }

    /// Passes `line` on, or counts it.
    pub(super) fn pass(&mut self, line: &str) {
        if self.since.elapsed() >= SECOND {
            self.since = Instant::now();
            self.passed = 0;
            self.confess();
        }
        let sent = self.passed < MOST && self.lines.try_send(line.to_owned()).is_ok();
        match sent {
            true => self.passed += 1,
            false => self.left_out += 1,
        }
    }

    /// Says how many lines were left out; again later, if that is not taken
    /// either.
    fn confess(&mut self) {
        let count = format::thousands(self.left_out as f64);
        if self.left_out > 0 && self.lines.try_send(format!("({count} lines left out)")).is_ok() {
            self.left_out = 0;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.confess();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passed_on_in_their_order() {
        let (mut relay, lines) = Relay::new();
        relay.pass("a");
        relay.pass("b");
        drop(relay);
        assert_eq!(lines.iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn no_more_is_passed_on_in_a_second_than_somebody_may_read() {
        let begin = Instant::now();
        let (mut relay, lines) = Relay::new();
        let mut passed = 0;
        for _ in 0..10_000 {
            relay.pass("x");
            passed += lines.try_iter().filter(|line| line == "x").count();
        }
        let seconds = begin.elapsed().as_secs() as usize + 1;
        assert!(passed <= MOST as usize * seconds, "{passed} in {seconds} s");
    }

    /// Nobody takes the lines meanwhile.
    #[test]
    fn a_flood_waits_for_nobody_and_is_counted() {
        let (mut relay, lines) = Relay::new();
        for _ in 0..100_000 {
            relay.pass("x");
        }
        // So that there is room for the last word.
        let first = lines.recv().unwrap();
        drop(relay);
        let rest: Vec<_> = lines.iter().collect();
        let passed = 1 + rest.iter().filter(|line| *line == "x").count();
        assert_eq!((first.as_str(), passed), ("x", MOST as usize));
        assert_eq!(rest.last().map(String::as_str), Some("(99,950 lines left out)"));
    }
}
