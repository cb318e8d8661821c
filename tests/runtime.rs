//! The runtime's promises that need no process of their own.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use greenserve::runtime::{self, Builder};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn a_coroutine_returns_its_value() {
    let handle = runtime::spawn(|| 6 * 7).unwrap();
    assert_eq!(handle.join().unwrap(), 42);
}

#[test]
fn a_panic_reaches_who_joins_with_the_name() {
    let handle = Builder::new()
        .name("doomed".to_owned())
        .spawn(|| -> () { panic!("on purpose") })
        .unwrap();
    let panic = handle.join().unwrap_err();
    let panic = panic.into_panic().unwrap();
    assert_eq!(panic.message(), "on purpose");
    assert_eq!(panic.name().to_string(), "doomed");
}

#[test]
fn a_thousand_sleepers_wake_in_time() {
    let begin = Instant::now();
    let sleepers: Vec<_> = (0..1000)
        .map(|_| runtime::spawn(|| runtime::sleep(Duration::from_millis(50))).unwrap())
        .collect();
    for sleeper in sleepers {
        sleeper.join().unwrap().unwrap();
    }
    let took = begin.elapsed();
    assert!(
        took >= Duration::from_millis(50) && took < Duration::from_secs(2),
        "{took:?}"
    );
}

#[test]
fn a_killed_sleeper_ends_with_an_error() {
    let sleeper = runtime::spawn(|| runtime::sleep(Duration::from_secs(600))).unwrap();
    // Killed before it has begun it would never sleep.
    while runtime::tasks().iter().all(|task| task.id != sleeper.task().id()) {
        std::thread::yield_now();
    }
    sleeper.kill();
    let err = sleeper.join().unwrap().unwrap_err();
    assert_eq!(greenserve::WaitError::of(&err), Some(greenserve::WaitError::Killed));
}

#[test]
fn offloaded_calls_suspend_only_their_caller() {
    let slow = runtime::spawn(|| runtime::offload(|| std::thread::sleep(Duration::from_millis(300)))).unwrap();
    let begin = Instant::now();
    for _ in 0..20 {
        runtime::spawn(runtime::yield_now).unwrap().join().unwrap();
    }
    assert!(begin.elapsed() < Duration::from_millis(250), "{:?}", begin.elapsed());
    slow.join().unwrap().unwrap();
}

#[test]
fn a_sleep_of_nothing_lets_others_run() {
    let others = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&others);
    let busy = Builder::new().worker(0).spawn(move || {
        while theirs.load(Ordering::SeqCst) == 0 {
            runtime::sleep(Duration::ZERO)?;
        }
        std::io::Result::Ok(())
    });
    let ours = Arc::clone(&others);
    let other = Builder::new().worker(0).spawn(move || ours.store(1, Ordering::SeqCst));
    let busy = busy
        .unwrap()
        .join_timeout(Duration::from_secs(10))
        .expect("it never lets the other run");
    busy.unwrap().unwrap();
    other.unwrap().join().unwrap();
}

/// A logger that keeps what it is told.
struct Kept(Mutex<Vec<String>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl log::Log for Kept {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn a_panic_that_nobody_joins_is_logged_with_the_name() {
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(log::LevelFilter::Error);
    drop(
        Builder::new()
            .name("forgotten".to_owned())
            .spawn(|| panic!("unheard"))
            .unwrap(),
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    let heard = || {
        KEPT.0
            .lock()
            .unwrap()
            .iter()
            .any(|line| line == "forgotten panicked: unheard")
    };
    while !heard() && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(heard(), "{:?}", KEPT.0.lock().unwrap());
}
