//! Coroutines by the thousand that come and go, wait for everything, are
//! killed and run out of time at any moment: nothing may get lost, hang, or be
//! left over.
//!
//! `STRESS_SECONDS=600 cargo test --release --test stress` goes on for longer.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may say what it measured"
)]

mod common;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::{child, proc};
use greenserve::net::{TcpListener, TcpStream, UnixStream};
use greenserve::runtime::{self, Builder, Config, Engine, JoinError, JoinHandle};
use greenserve::sync::{Event, Mutex, Receiver, Semaphore, Sender, channel, with_timeout};

/// A generator of its own, so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What all coroutines share.
struct World {
    lock: Mutex<u64>,
    permits: Semaphore,
    event: Event,
    sender: Sender<u64>,
    receiver: Receiver<u64>,
    listener: TcpListener,
    locked: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    inside: AtomicU64,
}

const PERMITS: usize = 7;

impl World {
    fn new() -> World {
        let (sender, receiver) = channel(5);
        World {
            lock: Mutex::new(0),
            permits: Semaphore::new(PERMITS),
            event: Event::new(),
            sender,
            receiver,
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            locked: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            inside: AtomicU64::new(0),
        }
    }

    /// One act of one coroutine. Errors are kills and timeouts.
    fn act(&self, dice: &mut Dice) -> std::io::Result<()> {
        match dice.roll(11) {
            0 => runtime::sleep(Duration::from_micros(dice.roll(300)))?,
            1 => runtime::yield_now(),
            2 => {
                let mut count = self.lock.lock()?;
                *count += 1;
                self.locked.fetch_add(1, Ordering::Relaxed);
                // Held across a wait now and then.
                if dice.roll(4) == 0 {
                    runtime::yield_now();
                }
            }
            3 => {
                let permit = self.permits.acquire()?;
                let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(inside <= PERMITS as u64, "{inside} with {PERMITS} permits");
                runtime::yield_now();
                self.inside.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            }
            4 => {
                if self.sender.send(dice.roll(100)).is_ok() {
                    self.sent.fetch_add(1, Ordering::SeqCst);
                }
            }
            5 => {
                if self.receiver.recv_timeout(Duration::from_micros(200)).is_ok() {
                    self.received.fetch_add(1, Ordering::SeqCst);
                }
            }
            6 => {
                self.event.set();
                self.event.clear();
            }
            7 => drop(self.event.wait_timeout(Duration::from_micros(dice.roll(500)))?),
            8 => talk(dice)?,
            9 => self.connect(dice)?,
            _ => drop(with_timeout(Duration::from_micros(dice.roll(200)), || {
                self.listener.accept()
            })),
        }
        Ok(())
    }

    /// The acceptors are whoever waits for the listener just now.
    fn connect(&self, dice: &mut Dice) -> std::io::Result<()> {
        let limit = Duration::from_micros(100 + dice.roll(400));
        let talked = with_timeout(limit, || {
            let mut stream = TcpStream::connect(self.listener.address()?)?;
            stream.write_all(b"hello")?;
            stream.read(&mut [0; 5])
        });
        drop(talked);
        runtime::sleep(Duration::ZERO)
    }
}

/// Two coroutines at the two ends of a stream; the helper may be killed.
fn talk(dice: &mut Dice) -> std::io::Result<()> {
    let (mut near, mut far) = UnixStream::pair()?;
    let helper = Builder::new().anywhere().spawn(move || {
        let mut byte = [0];
        while far.read(&mut byte).is_ok_and(|count| count > 0) && far.write_all(&byte).is_ok() {}
    });
    let helper = helper.map_err(std::io::Error::other)?;
    for _ in 0..dice.roll(5) {
        near.write_all(b"x")?;
        near.read_exact(&mut [0])?;
    }
    if dice.roll(3) == 0 {
        helper.kill();
    }
    Ok(())
}

fn start(world: &Arc<World>, seed: u64) -> JoinHandle<()> {
    let world = Arc::clone(world);
    let acting = Builder::new().anywhere().spawn(move || {
        let mut dice = Dice(seed | 1);
        for _ in 0..dice.roll(40) {
            let limit = Duration::from_micros(dice.roll(3000));
            if with_timeout(limit, || world.act(&mut dice)).is_err() && runtime::Task::current().is_killed() {
                return;
            }
        }
    });
    acting.unwrap()
}

fn everything_at_once(seconds: u64) {
    let world = Arc::new(World::new());
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut ended = 0_u64;
    // A busy machine may need longer for as many.
    while Instant::now() < until || ended < 1000 {
        let acting: Vec<_> = (0..300).map(|_| start(&world, dice.roll(u64::MAX))).collect();
        for each in acting {
            if dice.roll(4) == 0 {
                each.kill();
            }
            match each.join_timeout(Duration::from_secs(20)) {
                Ok(Ok(()) | Err(JoinError::Killed)) => {}
                Ok(Err(err)) => panic!("{err}"),
                Err((hung, why)) => panic!("{} hangs: {why}; {:?}", hung.task().id(), runtime::tasks().len()),
            }
            ended += 1;
        }
    }
    common::wait_until("their helpers have ended", || runtime::live_count() == 0);
    let in_channel = std::iter::from_fn(|| world.receiver.try_recv().ok().flatten()).count() as u64;
    let (sent, received) = (world.sent.load(Ordering::SeqCst), world.received.load(Ordering::SeqCst));
    assert_eq!(sent, received + in_channel, "messages");
    assert_eq!(
        *world.lock.lock().unwrap(),
        world.locked.load(Ordering::Relaxed),
        "the lock's count"
    );
    let permits: Vec<_> = std::iter::from_fn(|| world.permits.try_acquire()).collect();
    assert_eq!(permits.len(), PERMITS, "permits");
    println!("{ended} coroutines came and went");
}

#[test]
fn nothing_is_lost_hung_or_left_over() {
    const TEST: &str = "nothing_is_lost_hung_or_left_over";
    let seconds = std::env::var("STRESS_SECONDS").map_or(3, |text| text.parse().unwrap());
    if child::is_child(TEST) {
        let workers = std::env::var("WORKERS").unwrap().parse().unwrap();
        runtime::configure(Config::new().engine(Engine::Pinned).workers(workers)).unwrap();
        everything_at_once(1);
        runtime::trim();
        let (descriptors, memory) = (proc::descriptors(), proc::resident());
        everything_at_once(seconds);
        runtime::trim();
        assert_eq!(proc::descriptors(), descriptors);
        let grown = proc::resident().saturating_sub(memory);
        return assert!(grown < 16 << 20, "{grown} bytes more than before");
    }
    for workers in ["1", "2", "4"] {
        let child = child::command(TEST).env("WORKERS", workers).spawn().unwrap();
        child::finish(child, Duration::from_secs(seconds + 55)).passed();
    }
}
