//! Coroutines that borrow have ended when their scope returns, whatever becomes
//! of who entered it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use common::{alone_with, in_both, in_coroutine, joined, wait_until, workers};
use greenserve::runtime::{self, Builder, JoinError, Scope, scope, spawn};
use greenserve::sync::{Event, with_timeout};
use greenserve::{Error, WaitError};

const LONG: Duration = Duration::from_secs(600);

fn alone() -> MutexGuard<'static, ()> {
    alone_with(workers(2))
}

/// Counts who is inside of what borrows it.
struct Inside<'a>(&'a AtomicUsize);

impl<'a> Inside<'a> {
    fn enter(count: &'a AtomicUsize) -> Inside<'a> {
        count.fetch_add(1, Ordering::SeqCst);
        Inside(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Spawns coroutines that sleep for long, on every worker, and returns when all
/// of them do.
fn sleepers<'scope>(scope: &'scope Scope<'scope, '_>, inside: &'scope AtomicUsize) {
    for number in 0..8 {
        let builder = Builder::new().worker(number);
        let sleeper = scope.spawn_with(builder, move || {
            let _inside = Inside::enter(inside);
            assert!(runtime::sleep(LONG).is_err(), "nobody waits that long");
        });
        sleeper.unwrap();
    }
    while inside.load(Ordering::SeqCst) < 8 {
        runtime::sleep(Duration::from_millis(1)).unwrap();
    }
}

#[test]
fn what_is_borrowed_comes_back_changed() {
    let _alone = alone();
    in_both(|| {
        let mut numbers = [0; 16];
        let sum: usize = scope(|scope| {
            let handles: Vec<_> = numbers
                .iter_mut()
                .enumerate()
                .map(|(index, number)| {
                    let builder = Builder::new().anywhere();
                    let set = scope.spawn_with(builder, move || {
                        runtime::yield_now();
                        *number = index;
                        index
                    });
                    set.unwrap()
                })
                .collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).sum()
        });
        assert_eq!(sum, 120);
        assert_eq!(numbers.iter().sum::<usize>(), 120);
    });
}

#[test]
fn a_scope_waits_for_who_was_not_joined() {
    let _alone = alone();
    in_both(|| {
        let done = AtomicUsize::new(0);
        scope(|scope| {
            for _ in 0..10 {
                let late = scope.spawn(|| {
                    // Spawned by a child.
                    let grandchild = scope.spawn(|| {
                        runtime::sleep(Duration::from_millis(5)).unwrap();
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                    grandchild.map(drop).unwrap();
                });
                late.map(drop).unwrap();
            }
        });
        assert_eq!(done.load(Ordering::SeqCst), 10);
    });
}

#[test]
fn a_panic_of_the_body_ends_the_coroutines_first() {
    let _alone = alone();
    in_both(|| {
        let inside = AtomicUsize::new(0);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            scope(|scope| {
                sleepers(scope, &inside);
                panic_any(5_u8);
            })
        }));
        assert_eq!(inside.load(Ordering::SeqCst), 0);
        assert_eq!(*ended.unwrap_err().downcast::<u8>().unwrap(), 5);
    });
}

#[test]
fn a_timeout_around_ends_the_coroutines_first() {
    let _alone = alone();
    in_both(|| {
        let inside = AtomicUsize::new(0);
        let begin = Instant::now();
        let ended = with_timeout(Duration::from_millis(30), || {
            scope(|scope| sleepers(scope, &inside));
            assert_eq!(inside.load(Ordering::SeqCst), 0);
            runtime::sleep(Duration::ZERO)
        });
        assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Timeout));
        assert!(begin.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn a_kill_of_the_caller_ends_the_coroutines_first_and_tells_them_why() {
    let _alone = alone();
    let waits = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&waits);
    let caller = spawn(move || {
        let inside = AtomicUsize::new(0);
        let mut why = None;
        scope(|scope| {
            sleepers(scope, &inside);
            scope
                .spawn(|| {
                    theirs.store(true, Ordering::SeqCst);
                    why = runtime::sleep(LONG).err();
                })
                .map(drop)
                .unwrap();
        });
        let next = runtime::sleep(LONG).unwrap_err();
        (inside.load(Ordering::SeqCst), why.unwrap(), next)
    });
    let caller = caller.unwrap();
    wait_until("the last child sleeps", || waits.load(Ordering::SeqCst));
    caller.kill_with("enough");
    let (inside, why, next) = joined(caller);
    assert_eq!(inside, 0);
    for err in [why, next] {
        assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
        assert_eq!(WaitError::reason(&err).unwrap().to_string(), "enough");
    }
}

#[test]
fn a_panic_that_nobody_joins_is_the_scopes() {
    let _alone = alone();
    in_both(|| {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            scope(|scope| {
                scope.spawn(|| panic!("on purpose")).map(drop).unwrap();
            });
        }));
        let panic = ended.unwrap_err();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "a scoped coroutine panicked");

        let joined = scope(|scope| scope.spawn(|| panic!("on purpose")).unwrap().join());
        assert!(matches!(joined, Err::<(), _>(JoinError::Panicked(_))), "{joined:?}");
    });
}

/// Enters a scope when it is dropped.
struct EntersLate<'a>(&'a mut Option<Result<usize, Error>>);

impl Drop for EntersLate<'_> {
    fn drop(&mut self) {
        let found = scope(|scope| Ok(scope.spawn(|| 7)?.join().unwrap()));
        *self.0 = Some(found);
    }
}

#[test]
fn a_scope_in_a_panic_refuses_in_a_coroutine_and_works_in_a_thread() {
    let _alone = alone();
    let found = || {
        let mut found = None;
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let _late = EntersLate(&mut found);
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
        found.unwrap()
    };
    let refused = io::Error::from(in_coroutine(found).unwrap_err());
    assert_eq!(WaitError::of(&refused), Some(WaitError::Unwinding));
    assert_eq!(found().unwrap(), 7);
}

#[test]
fn who_never_began_borrows_no_more() {
    let _alone = alone();
    in_coroutine(|| {
        let dropped = AtomicUsize::new(1);
        scope(|scope| {
            let inside = Inside::enter(&dropped);
            // On this worker: it begins when this coroutine waits.
            let never = scope.spawn(move || drop(inside)).unwrap();
            never.kill();
            let late = Builder::new().after(LONG);
            let inside = Inside::enter(&dropped);
            let later = scope.spawn_with(late, move || drop(inside)).unwrap();
            later.kill();
            assert!(matches!(later.join(), Err(JoinError::Killed)));
            assert!(matches!(never.join(), Err(JoinError::Killed)));
        });
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_computing_child_holds_a_killed_scope_up() {
    let _alone = alone();
    let begun = Arc::new(Event::new());
    let told = Arc::clone(&begun);
    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let ended = Arc::new(AtomicBool::new(false));
    let after = Arc::clone(&ended);
    let caller = Builder::new().worker(0).spawn(move || {
        scope(|scope| {
            let builder = Builder::new().worker(1);
            let computes = scope.spawn_with(builder, || {
                told.set();
                while !theirs.load(Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
            });
            computes.map(drop).unwrap();
        });
        after.store(true, Ordering::SeqCst);
    });
    let caller = caller.unwrap();
    begun.wait_timeout(common::PATIENCE).unwrap();
    caller.kill();
    joined(Builder::new().worker(0).spawn(|| ()).unwrap());
    runtime::sleep(Duration::from_millis(20)).unwrap();
    assert!(!ended.load(Ordering::SeqCst));
    stop.store(true, Ordering::SeqCst);
    joined(caller);
    assert!(ended.load(Ordering::SeqCst));
}

/// A generator of the test's own, so that a run can be repeated.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// A scope in a coroutine: children on all workers that sleep, yield, panic,
/// spawn and are killed, and a body that returns or panics.
fn storm(mut seed: u64) {
    let inside = AtomicUsize::new(0);
    // A frame that is gone is written over, and so would this be.
    let canary = [seed; 32];
    let ended = catch_unwind(AssertUnwindSafe(|| {
        scope(|scope| {
            for _ in 0..random(&mut seed) % 8 {
                let mut own = random(&mut seed);
                let builder = Builder::new().worker((own % 2) as usize);
                let builder = match own % 5 {
                    0 => builder.after(Duration::from_micros(own % 700)),
                    _ => builder,
                };
                let (inside, canary) = (&inside, &canary);
                let child = scope.spawn_with(builder, move || {
                    let _inside = Inside::enter(inside);
                    for _ in 0..random(&mut own) % 6 {
                        match random(&mut own) % 6 {
                            0 => drop(runtime::sleep(Duration::from_micros(own % 500))),
                            1 => panic_any(own),
                            2 => drop(scope.spawn(move || assert_eq!(canary, &[canary[0]; 32]))),
                            _ => runtime::yield_now(),
                        }
                        assert_eq!(canary, &[canary[0]; 32]);
                    }
                });
                match (random(&mut seed) % 4, child) {
                    (0, Ok(child)) => child.kill(),
                    (1, Ok(child)) => drop(child.join()),
                    (2, Ok(child)) => std::mem::forget(child),
                    _ => {}
                }
            }
            if seed.is_multiple_of(7) {
                panic_any(seed);
            }
        });
    }));
    drop(ended);
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

#[test]
fn random_kills_and_panics_leave_no_borrower_behind() {
    let _alone = alone();
    std::panic::set_hook(Box::new(|_| ()));
    let begin = Instant::now();
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    let mut rounds = 0;
    while begin.elapsed() < Duration::from_secs(3) {
        let storms: Vec<_> = (0..8)
            .map(|number| {
                let seed = random(&mut seed);
                let builder = Builder::new().worker(number);
                builder.spawn(move || storm(seed)).unwrap()
            })
            .collect();
        for storm in storms {
            if random(&mut seed).is_multiple_of(3) {
                storm.kill();
            }
            match storm.join_timeout(common::PATIENCE) {
                Ok(Ok(()) | Err(JoinError::Killed)) => {}
                Ok(Err(err)) => panic!("{err}"),
                Err(_) => panic!("a scope hangs"),
            }
        }
        rounds += 1;
    }
    drop(std::panic::take_hook());
    assert!(rounds > 10);
    wait_until("all have left", || runtime::live_count() == 0);
}
