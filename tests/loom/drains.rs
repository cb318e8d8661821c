//! A drain learns of the last end, whoever it was, and ends who is idle.

use std::time::Duration;

use super::*;
use crate::atomics::{AtomicBool, Ordering};
use crate::error::WaitError;
use crate::model;
use loom::thread;

fn drain_of(lifecycle: &Arc<Lifecycle>, grace: Option<Duration>) -> DrainReport {
    let watcher = lifecycle.watch();
    drain(
        lifecycle,
        grace,
        |deadline| wait_for_change(&watcher, deadline),
        || false,
    )
}

#[test]
fn a_drain_sees_the_last_one_end() {
    model(|| {
        let lifecycle = Lifecycle::of(2);
        let (one, other) = (begin(&lifecycle), begin(&lifecycle));
        let handlers = [thread::spawn(move || drop(one)), thread::spawn(move || drop(other))];
        assert!(drain_of(&lifecycle, None).is_clean());
        assert_eq!(lifecycle.connections().count(), 0);
        handlers.into_iter().for_each(|handler| handler.join().unwrap());
        assert_free(&lifecycle, 2);
    });
}

/// What is to be told of it is told before the drain is over.
#[test]
fn a_drain_waits_for_who_is_leaving() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let mut one = begin(&lifecycle);
        let told = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&told);
        let handler = thread::spawn(move || {
            one.leave();
            tell.store(true, Ordering::SeqCst);
            drop(one);
        });
        assert!(drain_of(&lifecycle, None).is_clean());
        assert!(told.load(Ordering::SeqCst));
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

#[test]
fn a_drain_that_polls_sees_the_last_one_end() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let handler = thread::spawn(move || drop(one));
        lifecycle.set_polled(true);
        assert!(drain(&lifecycle, None, |_| lifecycle.bell.wait(), || false).is_clean());
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

/// Two who drain, as a server and a handle of it may.
#[test]
fn each_of_two_drains_sees_the_end() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let handler = thread::spawn(move || drop(one));
        let theirs = Arc::clone(&lifecycle);
        let other = thread::spawn(move || drop(drain_of(&theirs, None)));
        drain_of(&lifecycle, None);
        other.join().unwrap();
        handler.join().unwrap();
    });
}

#[test]
fn who_is_killed_by_a_drain_is_named_and_waited_for() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let name = one.connection().to_string();
        let handler = thread::spawn(move || {
            one.run_by(Task::current());
            while Task::current().park(NEVER).is_ok() {}
        });
        let report = drain_of(&lifecycle, Some(Duration::ZERO));
        assert_eq!((report.killed, report.survivors), (vec![name], Vec::new()));
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

/// Whether it becomes idle before the drain begins or after.
#[test]
fn who_is_idle_is_ended_by_a_drain() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let handler = thread::spawn(move || {
            let idle = Idle::begin(one.connection(), one.lifecycle());
            let mut waited = Ok(());
            while waited.is_ok() {
                waited = Task::current().park(NEVER);
            }
            assert_eq!(waited, Err(WaitError::Draining));
            drop(idle);
        });
        lifecycle.request_shutdown();
        assert!(drain_of(&lifecycle, None).is_clean());
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}
