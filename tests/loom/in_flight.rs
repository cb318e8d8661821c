//! The list of those in flight, while they come, go, are killed and listed.

use super::*;
use crate::model;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

fn listed(lifecycle: &Lifecycle) -> Vec<u64> {
    let list = lifecycle.connections().list();
    list.iter().map(|state| state.id).collect()
}

#[test]
fn the_list_has_whoever_is_in_flight_and_nobody_else() {
    model(|| {
        let lifecycle = Lifecycle::of(3);
        let stays = begin(&lifecycle);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let lifecycle = Arc::clone(&lifecycle);
                thread::spawn(move || {
                    let one = begin(&lifecycle);
                    assert!(listed(&lifecycle).contains(&one.connection().id()));
                })
            })
            .collect();
        let mut ids = listed(&lifecycle);
        assert!(ids.contains(&stays.connection().id()));
        let before = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), before, "one of them twice");
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(lifecycle.connections().list().len(), 1);
        drop(stays);
        assert_free(&lifecycle, 3);
    });
}

/// Whoever takes a place that became free is another one than who had it.
#[test]
fn a_kill_reaches_the_one_that_is_meant() {
    model(|| {
        let lifecycle = Lifecycle::of(2);
        let first = begin(&lifecycle);
        let id = first.connection().id();
        let theirs = Arc::clone(&lifecycle);
        let other = thread::spawn(move || {
            drop(first);
            let second = begin(&theirs);
            second.run_by(Task::current());
            assert!(!Task::current().is_killed());
        });
        lifecycle.connections().kill(id);
        other.join().unwrap();
        assert_free(&lifecycle, 2);
    });
}

/// Their tasks may not be known yet, and then are killed when they are.
#[test]
fn all_who_are_in_the_list_are_killed() {
    model(|| {
        let lifecycle = Lifecycle::of(2);
        let handlers = [begin(&lifecycle), begin(&lifecycle)].map(|one| {
            thread::spawn(move || {
                one.run_by(Task::current());
                while Task::current().park(NEVER).is_ok() {}
            })
        });
        assert_eq!(lifecycle.connections().kill_all().len(), 2);
        handlers.into_iter().for_each(|handler| handler.join().unwrap());
        assert_free(&lifecycle, 2);
    });
}

/// Counts how often it is told.
#[derive(Debug, Clone)]
struct Killer(Arc<AtomicUsize>);

impl Kill for Killer {
    fn kill(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// As a child process takes over a connection.
#[test]
fn what_ends_a_request_is_told_although_it_came_after_the_kill() {
    model(|| {
        let lifecycle = Lifecycle::of(1);
        let one = begin(&lifecycle);
        let id = one.connection().id();
        let told = Killer(Arc::new(AtomicUsize::new(0)));
        let killer = told.clone();
        let other = thread::spawn(move || {
            one.killed_by(Box::new(killer));
            one
        });
        assert!(lifecycle.connections().kill(id));
        drop(other.join().unwrap());
        assert_eq!(told.0.load(Ordering::Relaxed), 1);
    });
}
