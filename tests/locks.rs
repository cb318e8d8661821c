//! Locks and conditions with two workers, coroutines and threads mixed, many of
//! them killed or late at any moment: nothing gets lost, and everything ends.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::Duration;

use common::{alone_with, in_both, joined, wait_until};
use greenserve::WaitError;
use greenserve::runtime::{Builder, JoinError, JoinHandle, Task, sleep, yield_now};
use greenserve::sync::{Condvar, Event, Group, Mutex, ReentrantMutex, RwLock, RwLockWriteGuard, with_timeout};

/// Of the stress tests.
const ROUNDS: usize = 10;
const CROWD: u64 = 60;
const AT_MOST: Duration = Duration::from_secs(60);

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

fn reason<T>(result: io::Result<T>) -> Option<WaitError> {
    result.err().as_ref().and_then(WaitError::of)
}

/// Numbers without a pattern, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn moment(&mut self) -> Duration {
        Duration::from_micros(self.roll(200))
    }
}

/// A coroutine on one of the two workers.
fn anywhere<T: Send + 'static>(number: u64, body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let worker = usize::try_from(number % 2).unwrap();
    Builder::new().worker(worker).spawn(body).unwrap()
}

/// Has a crowd of coroutines and two threads do `turn` again and again, until
/// each in its turn is killed at some moment.
fn kill_at_any_moment(round: usize, turn: impl Fn(&mut Dice) -> io::Result<()> + Send + Sync + 'static) {
    let turn = Arc::new(turn);
    let repeat = |seed: u64| {
        let turn = Arc::clone(&turn);
        move || {
            let mut dice = Dice(seed * 2 + 1);
            loop {
                match turn(&mut dice) {
                    Err(err) if WaitError::of(&err) == Some(WaitError::Killed) => return,
                    Err(err) => assert_eq!(err.kind(), io::ErrorKind::TimedOut, "{err}"),
                    Ok(()) => {}
                }
                // Ends also who need not wait, once it is killed.
                if sleep(Duration::ZERO).is_err() {
                    return;
                }
            }
        }
    };
    let mut dice = Dice(round as u64 * 2 + 1);
    let coroutines: Vec<_> = (1..=CROWD).map(|seed| anywhere(seed, repeat(seed))).collect();
    let (told, tasks) = std::sync::mpsc::channel();
    let threads: Vec<_> = (1..=2)
        .map(|seed| {
            let (told, body) = (told.clone(), repeat(1000 + seed));
            thread::spawn(move || {
                told.send(Task::current()).unwrap();
                body();
            })
        })
        .collect();
    for coroutine in &coroutines {
        thread::sleep(dice.moment());
        coroutine.kill();
    }
    tasks.iter().take(threads.len()).for_each(|task| task.kill());
    for coroutine in coroutines {
        match coroutine.join_timeout(AT_MOST) {
            // Or before it had begun.
            Ok(Ok(()) | Err(JoinError::Killed)) => {}
            Ok(Err(err)) => panic!("round {round}: {err}"),
            Err((_, why)) => panic!("round {round}: a killed coroutine hangs: {why}"),
        }
    }
    for thread in threads {
        wait_until("the end of a killed thread", || thread.is_finished());
        thread.join().unwrap();
    }
}

#[test]
fn kills_and_limits_lose_no_reader_writer_lock() {
    let _alone = alone();
    let lock = Arc::new(RwLock::new((0_u64, 0_u64)));
    for round in 1..=ROUNDS {
        let theirs = Arc::clone(&lock);
        kill_at_any_moment(round, move |dice| {
            match dice.roll(5) {
                0 => {
                    let mut writing = theirs.write_timeout(dice.moment())?;
                    writing.0 += 1;
                    yield_now();
                    writing.1 += 1;
                }
                1 => {
                    let mut writing = theirs.write()?;
                    writing.0 += 1;
                    yield_now();
                    writing.1 += 1;
                    let reading = RwLockWriteGuard::downgrade(writing);
                    yield_now();
                    assert_eq!(reading.0, reading.1);
                }
                2 => with_timeout(dice.moment(), || theirs.read().map(drop))?,
                _ => {
                    let reading = theirs.read()?;
                    let before = *reading;
                    yield_now();
                    assert_eq!(before, *reading);
                    assert_eq!(before.0, before.1);
                }
            }
            Ok(())
        });
        assert!(lock.try_write().is_some(), "round {round}: {lock:?}");
    }
    assert!(lock.read().unwrap().0 > 0);
}

/// Each level of the owner adds to what it finds, and waits meanwhile.
fn nest(lock: &ReentrantMutex<Cell<u64>>, levels: u64) -> io::Result<()> {
    let guard = lock.lock()?;
    let before = guard.get();
    yield_now();
    if levels > 0 {
        // A killed owner takes it again.
        nest(lock, levels - 1).unwrap();
    }
    assert_eq!(guard.get(), before + levels, "somebody else was in");
    guard.set(guard.get() + 1);
    Ok(())
}

#[test]
fn kills_and_limits_lose_no_level_of_a_reentrant_lock() {
    let _alone = alone();
    let lock = Arc::new(ReentrantMutex::new(Cell::new(0)));
    for round in 1..=ROUNDS {
        let theirs = Arc::clone(&lock);
        kill_at_any_moment(round, move |dice| match dice.roll(4) {
            0 => theirs.lock_timeout(dice.moment()).map(drop),
            1 => with_timeout(dice.moment(), || theirs.lock().map(drop)),
            levels => nest(&theirs, levels),
        });
        assert!(lock.try_lock().is_some(), "round {round}: {lock:?}");
    }
    assert!(lock.lock().unwrap().get() > 0);
}

/// What goes round, and the condition that it is there.
#[derive(Default)]
struct Tokens {
    list: Mutex<Vec<u64>>,
    added: Condvar,
}

impl Tokens {
    /// Keeps the lock for a while, so that who is notified stands in line for
    /// it, where a kill or a timeout may strike.
    fn add(&self, token: u64) {
        // Waits for nothing, or who is killed would lose the token.
        let mut list = loop {
            match self.list.try_lock() {
                Some(list) => break list,
                None => yield_now(),
            }
        };
        list.push(token);
        self.added.notify_one();
        (0..5).for_each(|_| yield_now());
    }

    fn take(&self) -> io::Result<Option<u64>> {
        let list = self.list.lock()?;
        Ok(self.added.wait_while(list, |list| list.is_empty())?.pop())
    }
}

/// Takers that are struck at any moment, beside one that stays. There is one
/// token, so all of them sleep for ever once its notification is lost; in every
/// other round nobody has a limit, after which one would look again.
#[test]
fn kills_and_limits_lose_no_notification() {
    let _alone = alone();
    let tokens = Arc::new(Tokens::default());
    tokens.list.lock().unwrap().push(7);
    for round in 1..=ROUNDS {
        let (stop, taken) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
        let (theirs, until, count) = (Arc::clone(&tokens), Arc::clone(&stop), Arc::clone(&taken));
        let stays = anywhere(0, move || {
            while !until.is_set() {
                let token = theirs.take().unwrap().unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                yield_now();
                theirs.add(token);
            }
        });
        let theirs = Arc::clone(&tokens);
        kill_at_any_moment(round, move |dice| {
            let kinds = if round % 2 == 0 { 3 } else { 1 };
            let token = match dice.roll(kinds) {
                2 => {
                    let list = theirs.list.lock()?;
                    let limit = dice.moment();
                    let (mut list, _) = theirs.added.wait_timeout_while(list, limit, |list| list.is_empty())?;
                    list.pop()
                }
                1 => with_timeout(dice.moment(), || theirs.take())?,
                _ => theirs.take()?,
            };
            yield_now();
            token.into_iter().for_each(|token| theirs.add(token));
            Ok(())
        });
        let before = taken.load(Ordering::SeqCst);
        wait_until("the one that stays goes on", || {
            taken.load(Ordering::SeqCst) > before + 3
        });
        stop.set();
        joined(stays);
        assert_eq!(*tokens.list.lock().unwrap(), [7], "round {round}");
    }
}

/// More readers than ever let go at once, on both workers and in a thread, and
/// writers that come one after the other.
#[test]
fn nobody_starves_in_a_crowd_of_readers_and_writers() {
    let _alone = alone();
    let lock = Arc::new(RwLock::new(0_u64));
    let stop = Arc::new(Event::new());
    let reads = Arc::new(AtomicU64::new(0));
    let read = || {
        let (lock, stop, reads) = (Arc::clone(&lock), Arc::clone(&stop), Arc::clone(&reads));
        move || {
            while !stop.is_set() {
                let _reading = lock.read().unwrap();
                reads.fetch_add(1, Ordering::SeqCst);
                yield_now();
            }
        }
    };
    let readers: Vec<_> = (0..16).map(|number| anywhere(number, read())).collect();
    let thread = thread::spawn(read());
    wait_until("readers overlap", || reads.load(Ordering::SeqCst) > 100);
    let writers: Vec<_> = (0..10)
        .map(|number| {
            let lock = Arc::clone(&lock);
            anywhere(number, move || {
                for _ in 0..20 {
                    *lock.write_timeout(common::PATIENCE)? += 1;
                }
                io::Result::Ok(())
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| joined(writer).unwrap());
    let before = reads.load(Ordering::SeqCst);
    wait_until("readers read on", || reads.load(Ordering::SeqCst) > before + 100);
    stop.set();
    readers.into_iter().for_each(joined);
    thread.join().unwrap();
    assert_eq!(*lock.try_read().unwrap(), 200);
}

/// The owner waits between its levels; with the engine `may` it may be on
/// another thread after each.
#[test]
fn an_owner_stays_the_owner_on_whatever_thread() {
    let _alone = alone();
    let lock = Arc::new(ReentrantMutex::new(Cell::new(0)));
    let owners: Vec<_> = (0..8)
        .map(|number| {
            let lock = Arc::clone(&lock);
            anywhere(number, move || {
                for _ in 0..20 {
                    let _first = lock.lock()?;
                    sleep(Duration::from_micros(100))?;
                    assert!(lock.is_owned());
                    let second = lock.try_lock().unwrap();
                    sleep(Duration::from_micros(100))?;
                    second.set(second.get() + 1);
                }
                io::Result::Ok(())
            })
        })
        .collect();
    owners.into_iter().for_each(|owner| joined(owner).unwrap());
    assert_eq!(lock.try_lock().unwrap().get(), 160);
}

#[test]
fn what_a_killed_group_waits_for_ends() {
    let _alone = alone();
    let (reentrant, shared) = (Arc::new(ReentrantMutex::new(())), Arc::new(RwLock::new(())));
    let condition = Arc::new((Mutex::new(()), Condvar::new()));
    let held = (reentrant.lock().unwrap(), shared.write().unwrap());
    let group = Group::new();
    let begun = Arc::new(AtomicUsize::new(0));
    let mut members = Vec::new();
    for kind in 0..40 {
        let (reentrant, shared, condition) = (reentrant.clone(), shared.clone(), condition.clone());
        let begun = Arc::clone(&begun);
        let member = move || {
            begun.fetch_add(1, Ordering::SeqCst);
            match kind % 4 {
                0 => reason(reentrant.lock()),
                1 => reason(shared.read()),
                2 => reason(shared.write()),
                _ => reason(condition.1.wait(condition.0.lock().unwrap())),
            }
        };
        members.push(group.spawn(member).unwrap());
    }
    wait_until("all begin", || begun.load(Ordering::SeqCst) == 40);
    group.kill_and_join(AT_MOST).unwrap();
    for member in members {
        assert_eq!(joined(member), Some(WaitError::Killed));
    }
    drop(held);
    assert!(reentrant.try_lock().is_some());
    assert!(shared.try_write().is_some());
    assert!(condition.0.try_lock().is_some());
}

#[test]
fn a_surrounding_timeout_ends_each_wait() {
    let _alone = alone();
    in_both(|| {
        let (shared, list, changed) = (RwLock::new(()), Mutex::new(()), Condvar::new());
        let _held = shared.write().unwrap();
        let waits: [&dyn Fn() -> io::Result<()>; 4] = [
            &|| shared.read().map(drop),
            &|| shared.write().map(drop),
            &|| changed.wait(list.lock()?).map(drop),
            &|| changed.wait_while(list.lock()?, |()| true).map(drop),
        ];
        for wait in waits {
            let ended = with_timeout(Duration::from_millis(10), wait);
            assert_eq!(reason(ended), Some(WaitError::Timeout));
        }
        let reentrant = ReentrantMutex::new(());
        let held = reentrant.lock().unwrap();
        thread::scope(|scope| {
            let ended = scope.spawn(|| with_timeout(Duration::from_millis(10), || reentrant.lock().map(drop)));
            let ended = ended.join().map(reason);
            assert_eq!(ended.unwrap(), Some(WaitError::Timeout));
        });
        drop(held);
        assert!(list.try_lock().is_some());
    });
}
