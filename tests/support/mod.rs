//! What the tests share. Each binary uses a part of it.
#![allow(dead_code, unreachable_pub, reason = "each binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

pub mod exchange;
pub mod harness;
pub mod scenario;
pub mod stages;
pub mod trace;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::Address;

/// How long anything may take before a test gives it up as hanging.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits for `condition` and panics with `what` when it never comes.
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(comes_true(LIMIT, condition), "waited in vain until {what}");
}

/// Whether `condition` becomes true within `limit`.
pub fn comes_true(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !condition() {
        if begin.elapsed() > limit {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

/// Runs `f` on a thread and returns its result, or panics after [`LIMIT`].
pub fn within_limit<T: Send + 'static>(what: &str, f: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    let thread = thread::spawn(move || done.send(f()));
    match result.recv_timeout(LIMIT) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what} does not end"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Ok(_) => unreachable!("it sent its result"),
            Err(panic) => std::panic::resume_unwind(panic),
        },
    }
}

/// Runs `attempt` until one keeps to its time, at most five times: a busy
/// machine may hold up one, but a broken deadline is missed each time.
pub fn keeps_time(mut attempt: impl FnMut() -> Result<(), String>) {
    let mut late = Vec::new();
    for _ in 0..5 {
        match attempt() {
            Ok(()) => return,
            Err(how) => late.push(how),
        }
    }
    panic!("late five times: {late:?}");
}

/// The address of a TCP or UDP server.
pub fn ip(address: &Address) -> SocketAddr {
    match address {
        Address::Ip(ip) => *ip,
        other => panic!("{other} is no IP address"),
    }
}

/// A TCP client whose reads and writes end within [`LIMIT`].
pub fn connect(address: &Address) -> TcpStream {
    connect_ip(ip(address))
}

pub fn connect_ip(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect_timeout(&address, LIMIT).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.set_write_timeout(Some(LIMIT)).unwrap();
    client
}

/// A Unix client whose reads and writes end within [`LIMIT`].
pub fn connect_unix(path: &Path) -> UnixStream {
    let client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.set_write_timeout(Some(LIMIT)).unwrap();
    client
}

/// Sends `bytes` and the end, and returns everything that comes back.
pub fn ask(address: &Address, bytes: &[u8]) -> Vec<u8> {
    try_ask(address, bytes).unwrap()
}

pub fn try_ask(address: &Address, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut client = connect(address);
    client.write_all(bytes)?;
    client.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Reads exactly `count` bytes.
pub fn read_exactly(mut client: impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).unwrap();
    bytes
}

/// True when the server has closed the connection: by an end or a reset.
pub fn is_closed(mut client: &TcpStream) -> bool {
    let mut bytes = [0; 1024];
    loop {
        match client.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(err) => return err.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// True when nothing comes within `time`.
pub fn stays_silent(client: &TcpStream, time: Duration) -> bool {
    client.set_read_timeout(Some(time)).unwrap();
    let heard = client.peek(&mut [0]);
    client.set_read_timeout(Some(LIMIT)).unwrap();
    heard.is_err_and(|err| {
        matches!(
            err.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        )
    })
}

/// Whether somebody listens on the port of `address`, found out without
/// connecting to it.
pub fn is_listening(address: &Address) -> bool {
    const LISTEN: &str = "0A";
    let port = format!(":{:04X}", ip(address).port());
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    sockets.lines().map(str::split_whitespace).any(|mut columns| {
        let local = columns.nth(1).unwrap_or_default();
        local.ends_with(&port) && columns.nth(1) == Some(LISTEN)
    })
}

/// How many descriptors this process has open.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// A small generator with a seed, so that a failure can be repeated.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    pub fn new(seed: u64) -> Seeded {
        Seeded(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// The next number, by splitmix64.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number().to_le_bytes()[0]).collect()
    }
}
