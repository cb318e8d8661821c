//! Clients as they come: each kind from an address and in a thread of its own.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::gettid;
use socket2::Socket;

use crate::target::Target;

/// What one attacker may use.
struct Weapons {
    target: Target,
    source: [u8; 4],
    /// How many connections may say nothing at once.
    silent: usize,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
}

/// All attackers at once.
pub(crate) struct Attack {
    stop: Arc<AtomicBool>,
    running: Vec<(&'static str, Arc<AtomicU64>, JoinHandle<()>)>,
}

/// How often each kind has attacked.
pub(crate) struct Tally(Vec<(&'static str, u64)>);

type Kind = (&'static str, fn(&Weapons));

const KINDS: [Kind; 9] = [
    ("connections that say nothing", say_nothing),
    ("single bytes", one_byte_at_a_time),
    ("connections that never read", never_read),
    ("connections that are reset at once", connect_and_reset),
    ("connections half closed", half_open),
    ("floods of noise", garbage),
    ("connections closed after some bytes", close_at_every_byte),
    ("short connections", short_connections),
    ("readers of one byte", read_one_byte),
];

/// Both ends of ten thousand connections are in processes of their own, and
/// the server inherits the limit.
pub(crate) fn raise_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(40_000), hard).unwrap();
}

/// Lets this thread have only the time of a processor that nobody else wants
/// (sched(7), `SCHED_IDLE`): attackers on the open network bring processors of
/// their own, and what they do to the server is to be seen, not what they take
/// from it and its client by computing on the same machine.
fn yield_to_everybody() {
    let thread = gettid().to_string();
    let status = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status();
    assert!(status.unwrap().success(), "chrt does not take thread {thread}");
}

impl Attack {
    /// With `silent` connections at once that say nothing.
    pub(crate) fn begin(target: &Target, silent: usize) -> Attack {
        let stop = Arc::new(AtomicBool::new(false));
        let running = KINDS.iter().enumerate().map(|(number, (name, attack))| {
            let count = Arc::new(AtomicU64::new(0));
            let weapons = Weapons {
                target: target.clone(),
                source: [127, 0, 2, number as u8 + 1],
                silent,
                stop: Arc::clone(&stop),
                count: Arc::clone(&count),
            };
            let attacker = thread::spawn(move || {
                yield_to_everybody();
                attack(&weapons);
            });
            (*name, count, attacker)
        });
        Attack {
            running: running.collect(),
            stop: Arc::clone(&stop),
        }
    }

    pub(crate) fn end(self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.running.into_iter().map(|(name, count, attacker)| {
            attacker.join().unwrap();
            (name, count.load(Ordering::Relaxed))
        });
        Tally(ended.collect())
    }
}

impl Tally {
    pub(crate) fn everybody_attacked(&self) -> bool {
        self.0.iter().all(|(_, count)| *count > 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, count)| writeln!(f, "{count:>8} {name}"))
    }
}

impl Weapons {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }

    /// A connection from the attacker's own address; `None` when the server or
    /// this machine has no room.
    fn connect(&self) -> Option<Socket> {
        let stream = self.target.connect(Some(self.source)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.set_write_timeout(Some(Duration::from_millis(100))).ok()?;
        Some(stream)
    }

    fn counted(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Attacks with one connection after the other.
    fn each(&self, pause: Duration, attack: impl Fn(&mut Socket, u64)) {
        for turn in 0.. {
            if !self.goes_on() {
                return;
            }
            if let Some(mut stream) = self.connect() {
                attack(&mut stream, turn);
                self.counted();
            }
            self.pause(pause);
        }
    }

    /// Holds `most` connections at once, and does something to each now and then.
    fn hold(&self, most: usize, pause: Duration, attack: impl Fn(&mut Socket) -> bool) {
        let mut held = Vec::new();
        while self.goes_on() {
            while held.len() < most && self.goes_on() {
                let Some(stream) = self.connect() else { break };
                stream.set_nonblocking(true).unwrap();
                held.push(stream);
                self.counted();
                if held.len() % 100 == 0 {
                    break;
                }
            }
            held.retain_mut(&attack);
            self.pause(pause);
        }
    }
}

/// False once the other end is gone.
fn is_alive(outcome: &std::io::Result<usize>) -> bool {
    match outcome {
        Ok(count) => *count > 0,
        Err(err) => err.kind() == ErrorKind::WouldBlock,
    }
}

fn say_nothing(weapons: &Weapons) {
    weapons.hold(weapons.silent, Duration::from_millis(20), |stream| {
        is_alive(&stream.read(&mut [0]))
    });
}

fn one_byte_at_a_time(weapons: &Weapons) {
    weapons.hold(100, Duration::from_secs(1), |stream| {
        is_alive(&stream.write(b"x")) && is_alive(&stream.read(&mut [0; 64]))
    });
}

fn never_read(weapons: &Weapons) {
    let much = vec![0; 256 << 10];
    weapons.hold(50, Duration::from_millis(100), |stream| is_alive(&stream.write(&much)));
}

fn connect_and_reset(weapons: &Weapons) {
    weapons.each(Duration::from_millis(2), |stream, _| {
        stream.set_linger(Some(Duration::ZERO)).unwrap();
    });
}

fn half_open(weapons: &Weapons) {
    weapons.each(Duration::from_millis(10), |stream, _| {
        let _ = stream.write_all(b"the last words");
        let _ = stream.shutdown(Shutdown::Write);
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        assert!(b"the last words".starts_with(&heard), "other words than were sent");
    });
}

fn garbage(weapons: &Weapons) {
    weapons.each(Duration::from_millis(20), |stream, turn| {
        // A generator of a few lines (xorshift) is noise enough.
        let mut state = turn + 1;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        let _ = stream.write_all(&noise.take(20_000).collect::<Vec<_>>());
    });
}

fn close_at_every_byte(weapons: &Weapons) {
    weapons.each(Duration::from_millis(5), |stream, turn| {
        let length = turn as usize % 200;
        let _ = stream.write_all(&vec![7; length]);
        let mut some = vec![0; length / 2];
        let _ = stream.read_exact(&mut some);
    });
}

fn short_connections(weapons: &Weapons) {
    weapons.each(Duration::from_micros(500), |stream, _| {
        let mut heard = [0; 5];
        if stream.write_all(b"hello").is_ok() && stream.read_exact(&mut heard).is_ok() {
            assert_eq!(&heard, b"hello");
        }
    });
}

fn read_one_byte(weapons: &Weapons) {
    let much = vec![1; 64 << 10];
    weapons.hold(20, Duration::from_millis(500), |stream| {
        is_alive(&stream.write(&much)) && is_alive(&stream.read(&mut [0]))
    });
}
