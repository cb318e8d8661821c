//! With two workers, what one of them is busy with holds up nothing that lives
//! on the other.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, mpsc};
use std::time::{Duration, Instant};
use std::{
    io::{ErrorKind, Read, Write},
    thread,
};

use common::{
    Background, PATIENCE, alone_with, best_of_three, compute, echo, expect, ip, joined, skipped, slowest_first_answer,
    std_connection, suspended, wait_until,
};
use greenserve::TcpServer;
use greenserve::net::{TcpStream, UnixStream};
use greenserve::runtime::{self, Builder, Engine, JoinHandle};
use greenserve::sync::{Event, Mutex, Semaphore, channel};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

const FAIR: Duration = Duration::from_millis(50);

/// A coroutine that computes on worker 0 until this is dropped.
struct Computing {
    stop: Arc<AtomicBool>,
    running: Option<JoinHandle<()>>,
}

impl Computing {
    fn start() -> Computing {
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (theirs, beginning) = (Arc::clone(&stop), Arc::clone(&begun));
        let running = Builder::new().worker(0).spawn(move || {
            beginning.store(true, Ordering::SeqCst);
            compute(PATIENCE, &theirs);
        });
        wait_until("a coroutine computes", || begun.load(Ordering::SeqCst));
        Computing {
            stop,
            running: Some(running.unwrap()),
        }
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(running) = self.running.take() {
            joined(running);
        }
    }
}

#[test]
fn yielding_on_both_workers_starves_no_socket() {
    let _alone = alone();
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let mut yielding = Background::default();
    yielding.repeat(0, runtime::yield_now);
    yielding.repeat(1, runtime::yield_now);
    best_of_three("an answer beside a loop of yield_now on each worker", FAIR, || {
        slowest_first_answer(ip(&server.address()))
    });
}

#[test]
fn computing_after_a_sleep_delays_no_timer_of_the_other_worker() {
    let _alone = alone();
    best_of_three(
        "a sleep of 10 ms on the other worker",
        Duration::from_millis(30),
        || {
            let computing = Builder::new().worker(0).spawn(|| {
                runtime::sleep(Duration::from_millis(1)).unwrap();
                compute(Duration::from_secs(1), &AtomicBool::new(false));
            });
            let sleeping = Builder::new().worker(1).spawn(|| {
                let slept = (0..60).map(|_| {
                    let begin = Instant::now();
                    runtime::sleep(Duration::from_millis(10)).unwrap();
                    begin.elapsed()
                });
                slept.max().unwrap()
            });
            let slowest = joined(sleeping.unwrap());
            joined(computing.unwrap());
            slowest
        },
    );
}

/// Has a coroutine of worker 1 wait, wakes it from this thread, and returns
/// how long that took. Worker 0 computes meanwhile.
fn wake_up(wait: impl FnOnce() + Send + 'static, wake: impl FnOnce()) -> Duration {
    let begun = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&begun);
    let waiting = Builder::new().worker(1).spawn(move || {
        theirs.store(true, Ordering::SeqCst);
        wait();
        Instant::now()
    });
    suspended(1, &begun);
    let begin = Instant::now();
    wake();
    joined(waiting.unwrap()).saturating_duration_since(begin)
}

/// The slowest of ten wake-ups is in time, beside a worker that computes.
fn wakes_in_time(what: &str, mut wake_up: impl FnMut() -> Duration) {
    let _alone = alone();
    let _computing = Computing::start();
    best_of_three(what, FAIR, || (0..10).map(|_| wake_up()).max().unwrap());
}

#[test]
fn an_event_set_by_a_thread_reaches_the_idle_worker() {
    wakes_in_time("waking by an event", || {
        let event = Arc::new(Event::new());
        let theirs = Arc::clone(&event);
        wake_up(move || theirs.wait().unwrap(), || event.set())
    });
}

#[test]
fn a_permit_from_a_thread_reaches_the_idle_worker() {
    wakes_in_time("waking by a permit", || {
        let semaphore = Arc::new(Semaphore::new(0));
        let theirs = Arc::clone(&semaphore);
        wake_up(move || theirs.acquire().unwrap().forget(), || semaphore.add_permits(1))
    });
}

#[test]
fn a_lock_handed_over_by_a_thread_reaches_the_idle_worker() {
    wakes_in_time("waking by a lock", || {
        let mutex = Arc::new(Mutex::new(()));
        let theirs = Arc::clone(&mutex);
        let held = mutex.lock().unwrap();
        wake_up(move || drop(theirs.lock().unwrap()), || drop(held))
    });
}

#[test]
fn a_value_sent_by_a_thread_reaches_the_idle_worker() {
    wakes_in_time("waking by a value", || {
        let (sender, receiver) = channel(1);
        wake_up(move || receiver.recv().unwrap(), || sender.send(()).unwrap())
    });
}

#[test]
fn a_kill_by_a_thread_reaches_the_idle_worker() {
    wakes_in_time("waking by a kill", || {
        let begun = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&begun);
        let waiting = Builder::new().worker(1).spawn(move || {
            theirs.store(true, Ordering::SeqCst);
            assert!(runtime::sleep(PATIENCE).is_err());
            Instant::now()
        });
        let waiting = waiting.unwrap();
        suspended(1, &begun);
        let begin = Instant::now();
        waiting.kill();
        joined(waiting).saturating_duration_since(begin)
    });
}

/// How long after its end the result of `call` reaches a coroutine of worker 1.
fn result_takes<T: Send + 'static>(call: impl FnOnce() -> (T, Instant) + Send + 'static) -> Duration {
    let calling = Builder::new().worker(1).spawn(move || {
        let (_, ended) = call();
        Instant::now().saturating_duration_since(ended)
    });
    joined(calling.unwrap())
}

#[test]
fn an_off_loaded_result_reaches_the_idle_worker() {
    wakes_in_time("an off-loaded result", || {
        result_takes(|| {
            let call = || {
                thread::sleep(Duration::from_millis(2));
                Instant::now()
            };
            ((), runtime::offload(call).unwrap())
        })
    });
}

#[test]
fn a_look_up_reaches_the_idle_worker() {
    wakes_in_time("a look-up", || {
        result_takes(|| {
            let begin = Instant::now();
            (runtime::resolve("localhost", 80).unwrap(), begin)
        })
    });
}

#[test]
fn a_socket_of_the_idle_worker_is_served() {
    wakes_in_time("an answer by the idle worker", || {
        let (mut near, mut far) = on_worker(1);
        let echoing = Builder::new().worker(1).spawn(move || echo(&mut near));
        let begin = Instant::now();
        far.write_all(b"x").unwrap();
        expect(&mut far, b"x");
        let took = begin.elapsed();
        drop(far);
        joined(echoing.unwrap()).unwrap();
        took
    });
}

/// A connection whose near end is served by worker `worker`.
///
/// Duplicates of one end are made until one has a number that fits: a new
/// connection for each try may get numbers of the same parity for ever,
/// depending on what this process was started with.
fn on_worker(worker: usize) -> (TcpStream, std::net::TcpStream) {
    let (near, far) = std_connection();
    let mut duplicates = vec![near];
    loop {
        let last = duplicates.last().unwrap();
        if last.as_raw_fd().unsigned_abs() as usize % runtime::workers() == worker {
            return (TcpStream::from(duplicates.pop().unwrap()), far);
        }
        duplicates.push(last.try_clone().unwrap());
    }
}

/// A socket that has waited once, on worker 0, where its number puts it: what
/// never had to is not registered, and stays where it is used.
fn registered(near: TcpStream) -> Arc<TcpStream> {
    let near = Arc::new(near);
    let theirs = Arc::clone(&near);
    let waiting = Builder::new().worker(0).spawn(move || {
        theirs.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let waited = (&*theirs).read(&mut [0]).unwrap_err();
        assert_eq!(waited.kind(), ErrorKind::TimedOut);
        theirs.set_read_timeout(None).unwrap();
    });
    joined(waiting.unwrap());
    near
}

/// All threads of this process on one processor, until this is dropped: what
/// one thread wakes then often runs before the one that woke it goes on.
struct OneProcessor(CpuSet);

impl OneProcessor {
    fn new() -> OneProcessor {
        let usual = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let first = (0..CpuSet::count())
            .find(|&index| usual.is_set(index).unwrap())
            .unwrap();
        let mut one = CpuSet::new();
        one.set(first).unwrap();
        set_affinity(&one);
        OneProcessor(usual)
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        set_affinity(&self.0);
    }
}

fn set_affinity(processors: &CpuSet) {
    for thread in std::fs::read_dir("/proc/self/task").unwrap() {
        let id = thread.unwrap().file_name().into_string().unwrap().parse().unwrap();
        match sched_setaffinity(Pid::from_raw(id), processors) {
            // The thread has ended since.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(err) => panic!("thread {id}: {err}"),
        }
    }
}

/// Why a coroutine does not go to where its socket's number puts it.
fn tied_to_descriptors() -> Option<&'static str> {
    match common::engine() {
        Engine::May if common::has_may_defaults() => Some("may's default features let workers steal coroutines"),
        Engine::May => None,
        _ => Some("only `may` ties a socket to a worker by its number"),
    }
}

#[test]
fn a_wait_ends_on_the_worker_of_its_socket_even_if_both_workers_share_a_processor() {
    let _alone = alone();
    if skipped(tied_to_descriptors()) {
        return;
    }
    let _one_processor = OneProcessor::new();
    for _ in 0..100 {
        let (near, mut far) = on_worker(0);
        let near = registered(near);
        let reading = Builder::new().worker(1).spawn(move || {
            (&*near).read_exact(&mut [0]).unwrap();
            thread::current().id()
        });
        far.write_all(b"x").unwrap();
        let there = joined(Builder::new().worker(0).spawn(|| thread::current().id()).unwrap());
        assert_eq!(joined(reading.unwrap()), there);
    }
}

#[test]
fn a_wait_for_a_socket_ends_on_the_worker_of_the_socket() {
    let _alone = alone();
    if skipped(tied_to_descriptors()) {
        return;
    }
    let (near, mut far) = on_worker(0);
    let near = registered(near);
    let (go_on, may_go_on) = mpsc::channel();
    let reading = Builder::new().worker(1).spawn(move || {
        may_go_on.recv().unwrap();
        (&*near).read_exact(&mut [0]).unwrap();
        thread::current().id()
    });
    far.write_all(b"x").unwrap();
    // What is polled after the byte has come proves that the byte was seen, so
    // that the wait has nothing to wait for.
    let there = joined(Builder::new().worker(0).spawn(|| thread::current().id()).unwrap());
    go_on.send(()).unwrap();
    assert_eq!(joined(reading.unwrap()), there);
}

#[test]
fn coroutines_may_end_in_the_moment_they_are_woken() {
    let _alone = alone();
    for _ in 0..100 {
        let short = |index: usize| {
            Builder::new().worker(index).spawn(move || {
                let (mut near, far) = UnixStream::pair().unwrap();
                near.write_all(b"x").unwrap();
                if index.is_multiple_of(2) {
                    runtime::yield_now();
                }
                drop(far);
                assert!(near.read(&mut [0]).unwrap_or(0) == 0);
            })
        };
        let running: Vec<_> = (0..200).map(|index| short(index).unwrap()).collect();
        running.into_iter().for_each(joined);
    }
}
