//! A place comes back on every way out, and the loop that waits for one is
//! told.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;
use crate::limits::PeerKey;
use crate::model;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

#[test]
fn a_loop_that_waits_for_room_is_told_of_an_end() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let handler = thread::spawn(move || drop(one));
        drop(accept(&lifecycle));
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

#[test]
fn a_loop_that_polls_is_told_of_an_end() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let handler = thread::spawn(move || drop(one));
        drop(accept_in_poll(&lifecycle));
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

#[test]
fn a_panic_gives_the_place_back() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let handler = thread::spawn(move || {
            let unwound = catch_unwind(AssertUnwindSafe(move || {
                let _one = one;
                resume_unwind(Box::new(()));
            }));
            assert!(unwound.is_err());
        });
        drop(accept(&lifecycle));
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

#[test]
fn a_kill_gives_the_place_back() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let id = one.connection().id();
        let handler = thread::spawn(move || {
            one.run_by(Task::current());
            while Task::current().park(NEVER).is_ok() {}
        });
        assert!(lifecycle.connections().kill(id));
        drop(accept(&lifecycle));
        handler.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

/// A place that was taken for a request that did not come.
#[test]
fn a_loop_is_told_of_a_place_that_another_one_did_not_use() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let theirs = Arc::clone(&lifecycle);
        let other = thread::spawn(move || drop(accept(&theirs)));
        drop(accept(&lifecycle));
        other.join().unwrap();
        assert_free(&lifecycle, 1);
    });
}

#[test]
fn two_loops_that_wait_both_have_the_place_in_the_end() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let holding = Arc::new(AtomicUsize::new(0));
        let loops: Vec<_> = (0..2)
            .map(|_| {
                let (lifecycle, holding) = (Arc::clone(&lifecycle), Arc::clone(&holding));
                thread::spawn(move || {
                    let place = accept(&lifecycle);
                    assert_eq!(holding.fetch_add(1, Ordering::Relaxed), 0, "two under a limit of one");
                    holding.fetch_sub(1, Ordering::Relaxed);
                    drop(request(place));
                })
            })
            .collect();
        drop(one);
        loops.into_iter().for_each(|other| other.join().unwrap());
        assert_free(&lifecycle, 1);
    });
}

#[test]
fn a_loop_that_waits_for_room_is_told_of_a_higher_limit() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let theirs = Arc::clone(&lifecycle);
        let changer = thread::spawn(move || theirs.set_limits(Limits::new().connections(2)));
        drop(accept(&lifecycle));
        changer.join().unwrap();
        drop(one);
        assert_free(&lifecycle, 2);
    });
}

#[test]
fn a_limit_that_changes_loses_no_place_and_doubles_none() {
    model(|| {
        let lifecycle = Lifecycle::of(2);
        let one = begin(&lifecycle);
        let theirs = Arc::clone(&lifecycle);
        let changer = thread::spawn(move || {
            theirs.set_limits(Limits::new().connections(1));
            theirs.set_limits(Limits::new().connections(3));
        });
        let ending = thread::spawn(move || drop(one));
        let place = Reservation::take(&lifecycle);
        drop(place.map(request));
        changer.join().unwrap();
        ending.join().unwrap();
        assert_free(&lifecycle, 3);
    });
}

/// The next one in is of the same client, which may have one.
#[test]
fn who_is_told_of_room_finds_the_share_of_its_client_free() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        lifecycle.set_limits(Limits::new().per_peer(1));
        let client = || Some(PeerKey::User(7));
        let mut first = Reservation::take(&lifecycle).unwrap();
        first.admit_peer(client).unwrap();
        let one = request(first);
        let handler = thread::spawn(move || drop(one));
        let mut next = accept(&lifecycle);
        next.admit_peer(client).unwrap();
        drop(next);
        handler.join().unwrap();
    });
}
