//! The same work for many inputs in a pool: order, bounds, failures, ends.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, failure, in_both, in_coroutine, in_thread, joined, wait_until};
use greenserve::WaitError;
use greenserve::runtime::{JoinError, Task, sleep, spawn, yield_now};
use greenserve::sync::{Event, Group, Pool, channel, with_timeout};

const SHORT: Duration = Duration::from_millis(20);

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

fn pool(size: usize) -> Arc<Pool> {
    Arc::new(Pool::new(size).unwrap())
}

/// Counts who is inside, and the most that ever were.
#[derive(Default)]
struct Gauge {
    inside: AtomicUsize,
    most: AtomicUsize,
    began: AtomicUsize,
}

impl Gauge {
    fn enter(self: &Arc<Self>) -> Inside {
        self.began.fetch_add(1, Ordering::SeqCst);
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(inside, Ordering::SeqCst);
        Inside(Arc::clone(self))
    }

    fn began(&self) -> usize {
        self.began.load(Ordering::SeqCst)
    }

    fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }
}

struct Inside(Arc<Gauge>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Later inputs end earlier.
fn slower_first(n: u64) -> u64 {
    sleep(Duration::from_millis(10 - n)).unwrap();
    n * n
}

#[test]
fn results_come_in_the_order_of_their_inputs() {
    let _alone = alone();
    in_both(|| {
        let expected: Vec<u64> = (0..10).map(|n| n * n).collect();
        let pool = pool(4);
        let mapped: Result<Vec<u64>, _> = pool.map(0..10, slower_first).unwrap().into_iter().collect();
        assert_eq!(mapped.unwrap(), expected);
        let mapped: Result<Vec<u64>, _> = pool.imap(0..10, slower_first).collect();
        assert_eq!(mapped.unwrap(), expected);
        let group = Group::new();
        let mapped: Result<Vec<u64>, _> = group.map(0..10, slower_first).unwrap().into_iter().collect();
        assert_eq!(mapped.unwrap(), expected);
        let mapped: Result<Vec<u64>, _> = group.imap(0..10, slower_first).collect();
        assert_eq!(mapped.unwrap(), expected);
        assert_eq!(pool.imap(0..0, slower_first).count(), 0);
    });
}

#[test]
fn unordered_results_come_when_they_are_there() {
    let _alone = alone();
    in_both(|| {
        let (go, pool) = (Arc::new(Event::new()), pool(2));
        let theirs = Arc::clone(&go);
        let mut results = pool.imap_unordered(0..4, move |n| {
            if n == 0 {
                theirs.wait().unwrap();
            }
            n
        });
        for expected in 1..4 {
            assert_eq!(results.next().unwrap().unwrap(), expected);
        }
        go.set();
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert!(results.next().is_none() && results.next().is_none());
        let mut all: Vec<_> = Group::new().imap_unordered(0..9, |n| n).map(Result::unwrap).collect();
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
    });
}

#[test]
fn nothing_starts_before_it_is_asked_and_no_more_than_may_be_ahead() {
    let _alone = alone();
    let (pulled, gauge) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gauge::default()));
    let pool = pool(3);
    let (pulls, theirs) = (Arc::clone(&pulled), Arc::clone(&gauge));
    let inputs = (0_usize..).inspect(move |_| {
        pulls.fetch_add(1, Ordering::SeqCst);
    });
    let mut results = pool.imap(inputs, move |n| {
        let _inside = theirs.enter();
        yield_now();
        n
    });
    assert_eq!((pulled.load(Ordering::SeqCst), pool.len()), (0, 0));
    for asked in 1..200 {
        assert_eq!(results.next().unwrap().unwrap(), asked - 1);
        let pulled = pulled.load(Ordering::SeqCst);
        // Twice the size, and one that waits for its place.
        assert!(pulled < asked + 6, "{pulled} pulled for {asked}");
    }
    assert!(gauge.most.load(Ordering::SeqCst) <= 3);

    let gauge = Arc::new(Gauge::default());
    let theirs = Arc::clone(&gauge);
    let mut results = pool.imap(0.., move |n| {
        let _inside = theirs.enter();
        n
    });
    results = results.ahead(0);
    for asked in 1..20 {
        assert_eq!(results.next().unwrap().unwrap(), asked - 1);
        assert_eq!(gauge.began(), asked);
    }
}

/// Also when a place becomes free a little after its result is there.
#[test]
fn all_places_are_used_while_there_are_inputs() {
    let _alone = alone();
    let (pool, gauge) = (pool(2), Arc::new(Gauge::default()));
    let (enter, entered) = mpsc::channel();
    let theirs = Arc::clone(&gauge);
    let go = Arc::new(Event::new());
    let until = Arc::clone(&go);
    let reader = {
        let pool = Arc::clone(&pool);
        spawn(move || {
            let work = move |n| {
                let _inside = theirs.enter();
                if n == 0 {
                    until.wait().unwrap();
                } else {
                    enter.send(n).unwrap();
                }
            };
            pool.imap(0..500, work).ahead(1000).map(Result::unwrap).count()
        })
    };
    // All others run beside the first one, which holds one place.
    for _ in 1..500 {
        entered.recv_timeout(PATIENCE).unwrap();
    }
    go.set();
    assert_eq!(joined(reader.unwrap()), 500);
    assert!(gauge.most.load(Ordering::SeqCst) <= 2);
}

/// While its only item runs on, the reader still waits for a second place.
#[test]
fn a_place_that_becomes_free_is_taken_while_an_item_runs() {
    let _alone = alone();
    let (pool, go, release) = (pool(2), Arc::new(Event::new()), Arc::new(Event::new()));
    let theirs = Arc::clone(&release);
    let holder = pool.spawn(move || theirs.wait().unwrap());
    let (enter, entered) = mpsc::channel();
    let (shared, until) = (Arc::clone(&pool), Arc::clone(&go));
    let reader = spawn(move || {
        let work = move |n| {
            enter.send(n).unwrap();
            if n == 0 {
                until.wait().unwrap();
            }
        };
        shared.imap(0..3, work).map(Result::unwrap).count()
    });
    assert_eq!(entered.recv_timeout(PATIENCE), Ok(0));
    assert!(pool.is_full());
    release.set();
    assert_eq!([(); 2].map(|()| entered.recv_timeout(PATIENCE)), [Ok(1), Ok(2)]);
    go.set();
    assert_eq!(joined(reader.unwrap()), 3);
    joined(holder.unwrap());
}

#[test]
fn a_place_that_others_want_too_comes_in_its_turn() {
    let _alone = alone();
    let pool = pool(1);
    let stop = Arc::new(Event::new());
    let (others, until) = (Arc::clone(&pool), Arc::clone(&stop));
    let greedy = spawn(move || {
        while !until.is_set() {
            others.spawn(yield_now).unwrap();
        }
    });
    let theirs = Arc::clone(&pool);
    let sum = spawn(move || theirs.imap(0..100, |n| n).map(Result::unwrap).sum::<i32>());
    assert_eq!(joined(sum.unwrap()), 4950);
    stop.set();
    joined(greedy.unwrap());
}

#[test]
fn a_panic_arrives_at_its_item_and_holds_no_other_up() {
    let _alone = alone();
    in_both(|| {
        let pool = pool(2);
        let odd = |n: u32| {
            if n % 2 == 1 {
                std::panic::resume_unwind(Box::new("odd"))
            } else {
                n
            }
        };
        let results = pool.map(0..5, odd).unwrap();
        for (n, result) in results.into_iter().enumerate() {
            match result {
                Ok(same) => assert_eq!(same as usize, n),
                Err(err) => assert!(n % 2 == 1 && err.into_panic().unwrap().message() == "odd"),
            }
        }
        pool.join_timeout(PATIENCE).unwrap();
        assert_eq!(pool.panics(), 2);
        let failed = pool.imap_unordered(0..5, odd).filter(Result::is_err).count();
        assert_eq!(failed, 2);
        pool.join_timeout(PATIENCE).unwrap();
        assert_eq!(pool.free_count(), 2);
    });
}

#[test]
fn dropping_the_results_ends_the_work() {
    let _alone = alone();
    in_both(|| {
        for ordered in [true, false] {
            let (pool, gauge) = (pool(4), Arc::new(Gauge::default()));
            let theirs = Arc::clone(&gauge);
            let work = move |n: u32| {
                let _inside = theirs.enter();
                if n == 0 {
                    Ok(())
                } else {
                    sleep(Duration::from_secs(600))
                }
            };
            if ordered {
                assert!(pool.imap(0.., work).next().unwrap().unwrap().is_ok());
            } else {
                assert!(pool.imap_unordered(0.., work).next().unwrap().unwrap().is_ok());
            }
            pool.join_timeout(PATIENCE).unwrap();
            assert_eq!((gauge.inside(), pool.len()), (0, 0));
        }
    });
}

#[test]
fn the_first_failure_ends_all_when_results_are_collected() {
    let _alone = alone();
    let pool = pool(2);
    let work = |n: u32| {
        if n == 3 {
            std::panic::resume_unwind(Box::new("three"));
        }
    };
    let failed = failure(pool.imap(0.., work).collect::<Result<Vec<_>, _>>());
    assert_eq!(failed.into_panic().unwrap().message(), "three");
    pool.join_timeout(PATIENCE).unwrap();
}

fn interrupted<R: std::fmt::Debug>(last: Option<Result<R, JoinError>>, why: WaitError) {
    match last {
        Some(Err(JoinError::Interrupted(err))) => assert_eq!(err, why),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reader_that_is_killed_gets_one_error_and_the_work_ends() {
    let _alone = alone();
    in_thread("a killed reader", || {
        let pool = pool(2);
        let mut results = pool.imap(0.., |n| n);
        assert!(results.next().is_some());
        Task::current().kill();
        interrupted(results.next(), WaitError::Killed);
        assert!(results.next().is_none());
        assert_eq!(pool.map(0..3, |n| n).err(), Some(WaitError::Killed));
    });
    let (pool, gauge) = (pool(2), Arc::new(Gauge::default()));
    let (theirs, inside) = (Arc::clone(&pool), Arc::clone(&gauge));
    let reader = spawn(move || {
        let mut results = theirs.imap_unordered(0.., move |_: u8| {
            let _inside = inside.enter();
            sleep(Duration::from_secs(600))
        });
        let last = results.next();
        assert!(results.next().is_none());
        last
    });
    let reader = reader.unwrap();
    wait_until("both work", || gauge.inside() == 2);
    reader.kill();
    interrupted(joined(reader), WaitError::Killed);
    pool.join_timeout(PATIENCE).unwrap();
    assert_eq!(gauge.inside(), 0);
}

#[test]
fn a_timeout_around_ends_the_wait_for_a_result_and_for_a_place() {
    let _alone = alone();
    in_both(|| {
        let pool = pool(1);
        let until = with_timeout(SHORT, || {
            interrupted(
                pool.imap(0..1, |_| sleep(Duration::from_secs(600))).next(),
                WaitError::Timeout,
            );
            Ok(())
        });
        until.unwrap();
        pool.join_timeout(PATIENCE).unwrap();
        let (held, go) = (Arc::new(Event::new()), Arc::new(Event::new()));
        let (told, theirs) = (Arc::clone(&held), Arc::clone(&go));
        let holder = pool.spawn(move || {
            told.set();
            theirs.wait().unwrap();
        });
        held.wait().unwrap();
        let until = with_timeout(SHORT, || {
            interrupted(pool.imap(0..1, |n| n).next(), WaitError::Timeout);
            Ok(())
        });
        until.unwrap();
        go.set();
        joined(holder.unwrap());
        pool.join_timeout(PATIENCE).unwrap();
        assert_eq!(pool.free_count(), 1);
    });
}

/// The inner one needs places of the same pool while the outer one asks.
#[test]
fn a_map_over_a_map_of_the_same_pool_ends() {
    let _alone = alone();
    in_both(|| {
        let pool = pool(1);
        let doubled = pool.imap(0..20, |n| n * 2).map(Result::unwrap);
        let sum: i32 = pool.imap(doubled, |n| n + 1).map(Result::unwrap).sum();
        assert_eq!(sum, 20 * 19 + 20);
    });
}

#[test]
fn a_call_is_applied_here_or_in_the_background() {
    let _alone = alone();
    in_both(|| {
        let pool = pool(1);
        assert_eq!(pool.apply(|| 7).unwrap(), 7);
        assert!(matches!(
            pool.apply(|| std::panic::resume_unwind(Box::new("on purpose"))),
            Err::<(), _>(JoinError::Panicked(_))
        ));
        let until = with_timeout(SHORT, || {
            let ended = pool.apply(|| sleep(Duration::from_secs(600)));
            assert!(matches!(ended, Err(JoinError::Interrupted(WaitError::Timeout))));
            Ok(())
        });
        until.unwrap();
        // What nobody waits for any longer has been killed and gives its place up.
        let (sender, results) = channel(2);
        for n in [1, 2] {
            let sender = sender.clone();
            let called = pool.apply_async(move || n, move |result| sender.send(result.unwrap()).unwrap());
            called.unwrap();
        }
        drop(sender);
        let mut called: Vec<i32> = results.iter().collect();
        called.sort_unstable();
        assert_eq!(called, [1, 2]);
        assert_eq!(Group::new().apply(|| 8).unwrap(), 8);
    });
}

#[test]
fn a_call_in_the_background_is_killed_with_its_handle() {
    let _alone = alone();
    in_coroutine(|| {
        let pool = pool(1);
        let (begun, ended) = (Arc::new(Event::new()), Arc::new(Mutex::new(None)));
        let (told, theirs) = (Arc::clone(&begun), Arc::clone(&ended));
        let call = move || -> io::Result<()> {
            told.set();
            sleep(Duration::from_secs(600))
        };
        let called = pool
            .apply_async(call, move |result| *theirs.lock().unwrap() = Some(result))
            .unwrap();
        begun.wait().unwrap();
        called.kill();
        joined(called);
        let ended = ended.lock().unwrap().take();
        assert!(matches!(ended, Some(Err(JoinError::Interrupted(WaitError::Killed)))));
        pool.join_timeout(PATIENCE).unwrap();
    });
}

/// Readers are killed at any moment, and the pool has all its places again.
#[test]
fn killed_readers_keep_no_place() {
    let _alone = alone();
    let (begin, mut round) = (Instant::now(), 0_u64);
    let pool = pool(4);
    while begin.elapsed() < Duration::from_millis(1500) {
        round += 1;
        let readers = (0..8_u64).map(|number| {
            let pool = Arc::clone(&pool);
            let work = move |n: u64| {
                if n % 3 == number % 3 {
                    yield_now();
                }
            };
            let read = move || match number % 2 {
                0 => pool.imap(0.., work).last(),
                _ => pool.imap_unordered(0.., work).last(),
            };
            spawn(read).unwrap()
        });
        let readers: Vec<_> = readers.collect();
        for (number, reader) in readers.iter().enumerate() {
            std::thread::sleep(Duration::from_micros((round * 37 + number as u64 * 101) % 300));
            reader.kill();
        }
        for reader in readers {
            match reader.join_timeout(PATIENCE) {
                Ok(Ok(last)) => interrupted(last, WaitError::Killed),
                Ok(Err(JoinError::Killed)) => {}
                other => panic!("{other:?}"),
            }
        }
        pool.join_timeout(PATIENCE).unwrap();
        assert_eq!(pool.free_count(), 4);
    }
}
