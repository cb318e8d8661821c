//! What the tests of the runtime share.
//!
//! Nothing here waits by sleeping for a while and hoping: waits are for a
//! condition, and [`PATIENCE`] only turns a hang into a failure.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

pub(crate) mod child;
pub(crate) mod logged;
pub(crate) mod proc;
pub(crate) mod tool;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use greenserve::net::{Address, TcpStream};
use greenserve::runtime::{self, Builder, Config, Engine, JoinError, JoinHandle};
use greenserve::{Overdue, ServerHandle, WaitError};

/// How long anything that must happen may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The engine that the environment chooses for the tests.
pub(crate) fn engine() -> Engine {
    match std::env::var("GREENSERVE_ENGINE") {
        Ok(name) if !name.is_empty() => name.parse().unwrap(),
        _ => Engine::default(),
    }
}

/// Whether the crate `may` was built with its own default features, as who
/// runs the tests says: they make every echo dearer and have idle workers wake,
/// and another crate of the same build may turn them on.
pub(crate) fn has_may_defaults() -> bool {
    std::env::var_os("MAY_DEFAULTS").is_some()
}

/// Settings for several workers, whichever engine the environment chooses.
#[allow(unsafe_code, reason = "the engine `may` asks for a promise")]
pub(crate) fn workers(count: usize) -> Config {
    // SAFETY: no test that asks for several workers keeps anything of its
    // thread across a wait, unless it does so for the engine `pinned` alone.
    unsafe { Config::new().may_change_threads() }.workers(count)
}

/// Configures this process's one runtime and has its tests run one after the
/// other: they measure times, and share the workers.
pub(crate) fn alone_with(config: Config) -> MutexGuard<'static, ()> {
    static CONFIGURED: Once = Once::new();
    static TURN: Mutex<()> = Mutex::new(());
    CONFIGURED.call_once(|| runtime::configure(config).unwrap());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `condition` holds.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// What a coroutine returned, unless it hangs or panics.
pub(crate) fn joined<T>(handle: JoinHandle<T>) -> T {
    let name = handle.task().name().clone();
    match handle.join_timeout(PATIENCE) {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => panic!("{panic}"),
        Err((_, why)) => panic!("the coroutine {name} did not end: {why}"),
    }
}

/// What a coroutine that was killed failed with, also if it was killed before
/// it began.
pub(crate) fn killed<T: fmt::Debug>(handle: JoinHandle<io::Result<T>>) -> io::Error {
    match handle.join_timeout(PATIENCE) {
        Ok(Ok(result)) => failure(result),
        Ok(Err(JoinError::Killed)) => WaitError::Killed.into(),
        Ok(Err(err)) => panic!("{err}"),
        Err((_, why)) => panic!("the killed coroutine did not end: {why}"),
    }
}

/// Runs `work` on a thread of its own, and fails if it hangs there.
pub(crate) fn in_thread<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let worker = thread::spawn(work);
    wait_until(&format!("the end of a thread for {what}"), || worker.is_finished());
    match worker.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs `work` in a coroutine, and fails if it hangs there.
pub(crate) fn in_coroutine<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    joined(runtime::spawn(work).unwrap())
}

/// Runs `work` in a coroutine and then in a thread, which must both hold.
pub(crate) fn in_both(work: fn()) {
    in_coroutine(work);
    in_thread("the same as in a coroutine", work);
}

/// Returns once the coroutine on worker `worker` that sets `begun` just before
/// it waits does wait: the worker has run something else since.
pub(crate) fn suspended(worker: usize, begun: &AtomicBool) {
    wait_until("a coroutine begins", || begun.load(Ordering::SeqCst));
    joined(Builder::new().worker(worker).spawn(|| ()).unwrap());
}

/// Measures up to three times, since other programs share this machine: the
/// promise is broken when all three take `limit` or longer.
pub(crate) fn best_of_three(what: &str, limit: Duration, mut measure: impl FnMut() -> Duration) {
    let mut measured = Vec::new();
    while measured.len() < 3 {
        let took = measure();
        if took < limit {
            return;
        }
        measured.push(took);
    }
    panic!("{what} took {measured:?}, never less than {limit:?}");
}

/// A coroutine or several that run until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Background {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts `turn` again and again on worker `worker`.
    pub(crate) fn repeat(&mut self, worker: usize, mut turn: impl FnMut() + Send + 'static) {
        let stop = Arc::clone(&self.stop);
        let builder = Builder::new().name("background").worker(worker);
        let running = builder.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                turn();
            }
        });
        self.running.push(running.unwrap());
    }

    /// Has a background that others run end together with this one.
    pub(crate) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Ends all and waits for them.
    pub(crate) fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for running in self.running.drain(..) {
            running.kill();
            joined(running);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if thread::panicking() {
            self.stop.store(true, Ordering::Relaxed);
        } else {
            self.end();
        }
    }
}

/// The deadlines that clients of a server have missed, each with how often.
pub(crate) fn missed(server: &ServerHandle) -> Vec<(Overdue, u64)> {
    let all = server.metrics().overdue.into_iter();
    all.filter(|(_, count)| *count > 0).collect()
}

/// Where to connect to a server's address.
pub(crate) fn ip(address: &Address) -> SocketAddr {
    match address {
        Address::Ip(address) => *address,
        other => panic!("{other} is no IP address"),
    }
}

/// A client on a plain thread, whose reads and writes fail rather than hang.
pub(crate) fn client(address: SocketAddr) -> Client {
    let client = Client::connect_timeout(&address, PATIENCE).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    client.set_nodelay(true).unwrap();
    client
}

/// Sends `bytes` and wants them back.
pub(crate) fn echoed(client: &mut (impl Read + Write), bytes: &[u8]) {
    client.write_all(bytes).unwrap();
    expect(client, bytes);
}

/// Wants exactly these bytes.
pub(crate) fn expect(from: &mut impl Read, bytes: &[u8]) {
    let mut heard = vec![0; bytes.len()];
    from.read_exact(&mut heard).unwrap();
    assert!(heard == bytes, "other bytes than were sent");
}

/// Wants the end of the stream.
pub(crate) fn expect_end(from: &mut impl Read) {
    let mut rest = [0; 16];
    let count = from.read(&mut rest).unwrap();
    assert_eq!(count, 0, "more bytes: {:?}", &rest[..count]);
}

/// How long a new client waits for its first answer.
pub(crate) fn first_answer(address: SocketAddr) -> Duration {
    let begin = Instant::now();
    echoed(&mut client(address), b"hello");
    begin.elapsed()
}

/// The longest of ten clients' waits for their first answer.
pub(crate) fn slowest_first_answer(address: SocketAddr) -> Duration {
    (0..10).map(|_| first_answer(address)).max().unwrap()
}

/// The handler of an echo server, as one should be written.
pub(crate) fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..count])?;
    }
}

/// Both ends of a connection over the loopback interface.
pub(crate) fn connection() -> (TcpStream, Client) {
    let (near, far) = std_connection();
    (TcpStream::from(near), far)
}

/// As [`connection`], before the near end is one of ours.
pub(crate) fn std_connection() -> (Client, Client) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let far = client(listener.local_addr().unwrap());
    let (near, _) = listener.accept().unwrap();
    (near, far)
}

/// `length` bytes of which every stretch can be told from every other.
pub(crate) fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Computes, and lets nothing else run on its worker, for `duration` or until
/// `stop`.
pub(crate) fn compute(duration: Duration, stop: &AtomicBool) {
    let begin = Instant::now();
    while begin.elapsed() < duration && !stop.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

/// Prints why a test does not apply under the present features; true if so.
#[allow(clippy::print_stdout, reason = "it is what the test has to say")]
pub(crate) fn skipped(reason: Option<&str>) -> bool {
    if let Some(reason) = reason {
        println!("skipped: {reason}");
    }
    reason.is_some()
}

/// The error of something that must fail.
pub(crate) fn failure<T: fmt::Debug, E>(result: Result<T, E>) -> E {
    match result {
        Err(err) => err,
        Ok(value) => panic!("succeeded with {value:?}"),
    }
}
