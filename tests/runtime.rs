//! The runtime's promises that need no process of their own.

use greenserve::runtime::{self, Builder};
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
