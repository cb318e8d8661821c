//! The runtime's numbers are those of what its coroutines do.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "a figure for a person")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, joined, wait_until};
use greenserve::net::TcpListener;
use greenserve::runtime::{self, Awaited, Census, Engine, JoinHandle, census, metrics};
use greenserve::sync::{Event, Mutex, Semaphore, channel};

const STACK: usize = 256 * 1024;

fn alone() -> std::sync::MutexGuard<'static, ()> {
    let alone = alone_with(common::workers(2).stack_size(STACK));
    // Who joins is woken a moment before what it joined is no longer counted.
    wait_until("none is left", || runtime::live_count() == 0);
    alone
}

fn wake_ups() -> u64 {
    metrics().wake_ups.iter().sum()
}

fn end<T>(handles: Vec<JoinHandle<T>>) {
    handles.iter().for_each(JoinHandle::kill);
    for handle in handles {
        let _ = handle.join();
    }
}

fn all_begun(living: usize) {
    wait_until("all have begun and wait", || {
        let census = census();
        let busy = census.running + census.ready + census.not_begun;
        busy == 0 && runtime::live_count() == living
    });
}

#[test]
fn each_time_a_worker_goes_on_with_a_coroutine_is_counted_once() {
    const TURNS: u64 = 1_000;
    let _alone = alone();
    let before = wake_ups();
    joined(
        runtime::spawn(|| {
            for _ in 0..TURNS {
                runtime::yield_now();
            }
        })
        .unwrap(),
    );
    // The worker counts when its turn is over.
    wait_until("they are counted", || wake_ups() >= before + TURNS);
    let more = wake_ups() - before;
    assert!(more <= TURNS + TURNS / 10, "{more} for {TURNS} turns");
}

#[test]
fn two_that_wake_each_other_are_two_wake_ups_a_round() {
    const ROUNDS: u64 = 1_000;
    let _alone = alone();
    let (there, back) = (channel::<()>(0), channel::<()>(0));
    let before = wake_ups();
    let other = runtime::spawn(move || {
        while there.1.recv().is_ok() {
            back.0.send(()).unwrap();
        }
    })
    .unwrap();
    joined(
        runtime::spawn(move || {
            for _ in 0..ROUNDS {
                there.0.send(()).unwrap();
                back.1.recv().unwrap();
            }
        })
        .unwrap(),
    );
    joined(other);
    wait_until("they are counted", || wake_ups() >= before + 2 * ROUNDS);
}

#[test]
fn who_waits_is_woken_by_nobody() {
    let _alone = alone();
    let event = Arc::new(Event::new());
    let theirs = Arc::clone(&event);
    let waiter = runtime::spawn(move || theirs.wait()).unwrap();
    all_begun(1);
    // What came before may not be counted yet.
    let (mut before, begin) = (wake_ups(), Instant::now());
    while begin.elapsed() < Duration::from_millis(300) {
        std::thread::yield_now();
        if begin.elapsed() < Duration::from_millis(100) {
            before = wake_ups();
        }
    }
    assert_eq!(wake_ups(), before);
    event.set();
    joined(waiter).unwrap();
}

#[test]
fn stacks_are_in_use_as_long_as_their_coroutines_live() {
    const COUNT: usize = 600;
    let _alone = alone();
    runtime::trim();
    let before = metrics().stacks;
    let event = Arc::new(Event::new());
    let all: Vec<_> = (0..COUNT)
        .map(|_| {
            let event = Arc::clone(&event);
            runtime::spawn(move || event.wait()).unwrap()
        })
        .collect();
    all_begun(COUNT);
    let during = metrics().stacks;
    assert_eq!(during.in_use - before.in_use, COUNT * STACK, "{before:?} {during:?}");
    assert!(during.mapped >= during.in_use, "{during:?}");
    let depth = census().stack_depth;
    assert!((COUNT * 1024..COUNT * STACK / 4).contains(&depth), "{depth} bytes");
    event.set();
    all.into_iter().for_each(|one| joined(one).unwrap());
    wait_until("the stacks are free again", || metrics().stacks.in_use == before.in_use);
    if common::engine() == Engine::Pinned {
        let after = metrics().stacks;
        assert_eq!((after.mapped, after.kept), (during.mapped, 512 * STACK));
        runtime::trim();
        assert_eq!(metrics().stacks.kept, 0);
    }
}

#[test]
fn timers_are_counted_as_long_as_they_are_set() {
    const COUNT: usize = 20;
    let _alone = alone();
    runtime::start().unwrap();
    let (before, events) = (metrics().timers, Arc::new([Event::new(), Event::new()]));
    let all: Vec<_> = (0..COUNT)
        .map(|_| {
            let events = Arc::clone(&events);
            let waits = move || {
                assert!(events[0].wait_timeout(6 * PATIENCE).unwrap());
                events[1].wait()
            };
            runtime::spawn(waits).unwrap()
        })
        .collect();
    all_begun(COUNT);
    wait_until("all are counted", || metrics().timers == before + COUNT);
    // A wait that ended early leaves its own until it would have been due.
    events[0].set();
    wait_until("all wait without a limit", || {
        runtime::dump().filter(|one| one.left.is_none()).count() == COUNT
    });
    assert_eq!(metrics().timers, before + COUNT);
    events[1].set();
    all.into_iter().for_each(|one| joined(one).unwrap());
    wait_until("none is left", || metrics().timers == before);
}

#[test]
fn every_coroutine_is_counted_where_it_waits() {
    let _alone = alone();
    let (lock, event) = (Arc::new(Mutex::new(())), Arc::new(Event::new()));
    let permits = Arc::new(Semaphore::new(0));
    let guard = lock.lock().unwrap();
    let mut all = Vec::new();
    for _ in 0..2 {
        let theirs = Arc::clone(&lock);
        all.push(runtime::spawn(move || drop(theirs.lock())).unwrap());
    }
    for _ in 0..3 {
        let theirs = Arc::clone(&event);
        all.push(runtime::spawn(move || drop(theirs.wait())).unwrap());
    }
    let theirs = Arc::clone(&permits);
    all.push(runtime::spawn(move || drop(theirs.acquire())).unwrap());
    for _ in 0..4 {
        all.push(runtime::spawn(|| drop(runtime::sleep(Duration::MAX))).unwrap());
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    all.push(runtime::spawn(move || drop(listener.accept())).unwrap());
    all_begun(all.len());
    let census = census();
    let waiting = [Awaited::Lock, Awaited::Event, Awaited::Semaphore, Awaited::Call];
    assert_eq!(waiting.map(|what| census.waiting(what)), [2, 3, 1, 0]);
    assert_eq!((census.sleeping, census.reading, census.writing), (4, 1, 0));
    let named: Vec<_> = census.states().filter(|(_, count)| *count > 0).collect();
    assert_eq!(
        named,
        [
            ("sleeping", 4),
            ("reading", 1),
            ("lock", 2),
            ("semaphore", 1),
            ("event", 3)
        ]
    );
    drop(guard);
    end(all);
    wait_until("none is left", || runtime::census() == Census::default());
}

#[test]
fn who_runs_and_who_has_not_begun_is_counted() {
    let _alone = alone();
    let stop = Arc::new(AtomicBool::new(false));
    let busy = [0, 1].map(|worker| {
        let theirs = Arc::clone(&stop);
        let busy = move || common::compute(common::PATIENCE, &theirs);
        runtime::Builder::new().worker(worker).spawn(busy).unwrap()
    });
    wait_until("both run", || census().running == 2);
    let behind = runtime::Builder::new().worker(0).spawn(|| ()).unwrap();
    let census = census();
    stop.store(true, Ordering::SeqCst);
    assert_eq!((census.running, census.not_begun), (2, 1));
    busy.into_iter().for_each(joined);
    joined(behind);
}

/// What it costs to ask: `cargo test --release --test runtime_metrics -- --ignored --nocapture`.
#[test]
#[ignore = "it measures"]
fn what_a_hundred_thousand_cost_to_count() {
    let _alone = alone();
    runtime::start().unwrap();
    let count = runtime::capacity().coroutines.saturating_sub(1_000).min(100_000);
    let event = Arc::new(Event::new());
    let all: Vec<_> = (0..count)
        .map(|_| {
            let event = Arc::clone(&event);
            runtime::spawn(move || event.wait()).unwrap()
        })
        .collect();
    all_begun(count);
    let mut times: Vec<_> = (0..50)
        .map(|_| {
            let begin = Instant::now();
            assert_eq!(census().waiting(Awaited::Event), count);
            begin.elapsed()
        })
        .collect();
    times.sort();
    println!("census of {count}: median {:?}, longest {:?}", times[25], times[49]);
    event.set();
    all.into_iter().for_each(|one| joined(one).unwrap());
}
