//! A client as it should be: asks, waits for its answer, checks it.

use std::fmt;
use std::io::{Read, Write};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::gettid;
use socket2::Socket;

use crate::target::Target;

pub(crate) struct Citizen {
    connection: Socket,
    asked: u64,
}

/// How long replies took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) replies: usize,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) worst: Duration,
}

/// Has this thread run before all others, where that is allowed (sched(7),
/// `SCHED_FIFO`): a client on the open network shares no processor with those
/// who attack, and what is measured is how long the server takes.
fn run_before_everybody() {
    let thread = gettid().to_string();
    let tried = Command::new("chrt")
        .args(["--reset-on-fork", "--fifo", "--pid", "1", &thread])
        .output();
    if !tried.is_ok_and(|chrt| chrt.status.success()) {
        println!("the client takes turns with its attackers: chrt may not let it run before them");
    }
}

impl Citizen {
    pub(crate) fn connect(target: &Target) -> Citizen {
        run_before_everybody();
        let connection = target.connect(None).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Citizen { connection, asked: 0 }
    }

    /// Asks every millisecond for as long as `time`.
    pub(crate) fn measure(&mut self, time: Duration) -> Measured {
        let begin = Instant::now();
        let mut took = Vec::new();
        while took.is_empty() || begin.elapsed() < time {
            took.push(self.ask());
            thread::sleep(Duration::from_millis(1));
        }
        took.sort_unstable();
        let at = |hundredth: usize| took[(took.len() - 1) * hundredth / 100];
        Measured {
            replies: took.len(),
            median: at(50),
            p99: at(99),
            worst: at(100),
        }
    }

    fn ask(&mut self) -> Duration {
        self.asked += 1;
        let question = [self.asked.to_le_bytes(); 8].concat();
        let begin = Instant::now();
        self.connection.write_all(&question).unwrap();
        let mut answer = vec![0; question.len()];
        self.connection.read_exact(&mut answer).unwrap();
        assert!(answer == question, "another answer than asked for");
        begin.elapsed()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured {
            replies,
            median,
            p99,
            worst,
        } = self;
        write!(f, "{replies} replies: median {median:?}, p99 {p99:?}, worst {worst:?}")
    }
}
