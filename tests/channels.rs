//! Each kind of channel between many senders and receivers on two workers and
//! on threads, some of them killed while they wait: each value arrives once or
//! is still in somebody's hands, whoever waits is served, and what is sent can
//! be waited for.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use common::{PATIENCE, alone_with, in_thread, joined, wait_until, workers};
use greenserve::WaitError;
use greenserve::runtime::{Builder, JoinError, JoinHandle, Task, spawn, yield_now};
use greenserve::sync::{Receiver, Sender, channel, lifo, priority, unbounded};

type Ends = (Sender<u64>, Receiver<u64>);

/// Every kind, with and without room.
fn kinds() -> [(&'static str, Ends); 7] {
    [
        ("rendezvous", channel(0)),
        ("one place", channel(1)),
        ("some places", channel(5)),
        ("unbounded", unbounded()),
        ("priority", priority(3)),
        ("priority without room", priority(0)),
        ("last in, first out", lifo(3)),
    ]
}

fn two_workers() -> MutexGuard<'static, ()> {
    alone_with(workers(2))
}

/// On either worker in turn.
fn spread<T: Send + 'static>(number: usize, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().worker(number % 2).spawn(f).unwrap()
}

#[test]
fn every_value_is_received_once() {
    const SENDERS: usize = 24;
    const EACH: u64 = 100;
    let _turn = two_workers();
    for (kind, (sender, receiver)) in kinds() {
        let receivers: Vec<_> = (0..SENDERS)
            .map(|number| {
                let theirs = receiver.clone();
                spread(number, move || theirs.iter().collect::<Vec<_>>())
            })
            .collect();
        let theirs = receiver.clone();
        let thread = thread::spawn(move || theirs.iter().collect::<Vec<_>>());
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let (theirs, first) = (sender.clone(), number as u64 * EACH);
                spread(number, move || {
                    (first..first + EACH).try_for_each(|value| theirs.send(value)).unwrap();
                })
            })
            .collect();
        senders.into_iter().for_each(joined);
        drop(sender);
        let mut seen: Vec<_> = receivers.into_iter().flat_map(joined).collect();
        seen.extend(in_thread(kind, move || thread.join().unwrap()));
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..SENDERS as u64 * EACH), "{kind}");
    }
}

/// Sends numbers from `first` on until it is killed; keeps the one it is left
/// with in `left` and returns the one after that.
fn send_until_killed(sender: &Sender<u64>, first: u64, left: &Mutex<Vec<u64>>) -> u64 {
    let mut next = first;
    loop {
        // Who finds room each time never waits, and no kill ends that.
        if Task::current().is_killed() {
            return next;
        }
        if next.is_multiple_of(16) {
            yield_now();
        }
        let refused = sender.send(next).err();
        next += 1;
        if let Some(refused) = refused {
            assert_eq!(refused.reason, WaitError::Killed);
            left.lock().unwrap().push(refused.value);
            return next;
        }
    }
}

#[test]
fn kills_lose_no_value() {
    let _turn = two_workers();
    for round in 0..6 {
        for (kind, (sender, receiver)) in kinds() {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let (mut senders, mut receivers) = (Vec::new(), Vec::new());
            for number in 0..20 {
                let first = number as u64 * 1_000_000;
                let (theirs, left) = (sender.clone(), Arc::clone(&seen));
                let send = move || send_until_killed(&theirs, first, &left);
                senders.push((first, spread(number, send)));
                let (theirs, seen) = (receiver.clone(), Arc::clone(&seen));
                receivers.push(spread(number + 1, move || {
                    for value in theirs {
                        seen.lock().unwrap().push(value);
                        yield_now();
                    }
                }));
            }
            for _ in 0..round * 10 {
                let value = receiver.recv_timeout(PATIENCE).unwrap();
                seen.lock().unwrap().push(value);
            }
            receivers.iter().for_each(JoinHandle::kill);
            senders.iter().for_each(|(_, sender)| sender.kill());
            for receiver in receivers {
                ended(receiver);
            }
            let sent = senders
                .into_iter()
                .map(|(first, sender)| first..ended(sender).unwrap_or(first));
            let mut sent: Vec<_> = sent.flatten().collect();
            drop(sender);
            let mut seen = std::mem::take(&mut *seen.lock().unwrap());
            seen.extend(&receiver);
            seen.sort_unstable();
            sent.sort_unstable();
            assert_eq!(seen, sent, "{kind}, round {round}");
        }
    }
}

/// What a coroutine returned; `None` when it was killed before it began.
fn ended<T>(coroutine: JoinHandle<T>) -> Option<T> {
    match coroutine.join_timeout(PATIENCE) {
        Ok(Ok(result)) => Some(result),
        Ok(Err(JoinError::Killed)) => None,
        Ok(Err(err)) => panic!("{err}"),
        Err((_, why)) => panic!("it did not end: {why}"),
    }
}

/// Others come and go all the time; each of those that wait has its turn.
#[test]
fn nobody_who_waits_is_passed_over() {
    let _turn = two_workers();
    for (kind, (sender, receiver)) in kinds() {
        let over = Arc::new(AtomicBool::new(false));
        let busy: Vec<_> = (0..4)
            .map(|number| {
                let (sender, receiver, over) = (sender.clone(), receiver.clone(), Arc::clone(&over));
                spread(number, move || {
                    while !over.load(Ordering::SeqCst) {
                        let _ = sender.try_send(0);
                        let _ = receiver.try_recv();
                        yield_now();
                    }
                })
            })
            .collect();
        let patient: Vec<_> = (0..40)
            .map(|number| {
                let (sender, receiver) = (sender.clone(), receiver.clone());
                spread(number, move || match number % 4 < 2 {
                    true => sender.send_timeout(1, PATIENCE).is_ok(),
                    false => receiver.recv_timeout(PATIENCE).is_ok(),
                })
            })
            .collect();
        for (number, waiter) in patient.into_iter().enumerate() {
            assert!(joined(waiter), "{kind}: waiter {number} was not served");
        }
        over.store(true, Ordering::SeqCst);
        busy.into_iter().for_each(joined);
    }
}

#[test]
fn joining_means_that_every_job_was_done() {
    let _turn = two_workers();
    for (kind, (jobs, queue)) in kinds() {
        let done = Arc::new(AtomicUsize::new(0));
        let crew: Vec<_> = (0..8)
            .map(|number| {
                let (queue, done) = (queue.clone(), Arc::clone(&done));
                spread(number, move || {
                    while let Ok(job) = queue.recv_task() {
                        yield_now();
                        done.fetch_add(1, Ordering::SeqCst);
                        drop(job);
                    }
                })
            })
            .collect();
        for round in 1..=20 {
            (0..10).try_for_each(|job| jobs.send(job)).unwrap();
            jobs.join_timeout(PATIENCE).unwrap();
            assert_eq!(done.load(Ordering::SeqCst), round * 10, "{kind}");
        }
        jobs.shutdown();
        crew.into_iter().for_each(joined);
    }
}

#[test]
fn a_shutdown_at_any_moment_loses_nothing_and_ends_everybody() {
    let _turn = two_workers();
    for at_once in [false, true] {
        for (kind, (sender, receiver)) in kinds() {
            let received = Arc::new(AtomicUsize::new(0));
            let receivers: Vec<_> = (0..10)
                .map(|number| {
                    let (theirs, received) = (receiver.clone(), Arc::clone(&received));
                    spread(number, move || {
                        let mut count = 0;
                        for _ in &theirs {
                            count += 1;
                            received.fetch_add(1, Ordering::SeqCst);
                        }
                        count
                    })
                })
                .collect();
            let senders: Vec<_> = (0..10)
                .map(|number| {
                    let theirs = sender.clone();
                    spread(number, move || {
                        let count = |value| theirs.send(value).map(|()| yield_now());
                        let mut sent = 0;
                        while count(sent).is_ok() {
                            sent += 1;
                        }
                        usize::try_from(sent).unwrap()
                    })
                })
                .collect();
            wait_until("something is received", || received.load(Ordering::SeqCst) > 50);
            let taken_out = match at_once {
                true => receiver.shutdown_now().len(),
                false => {
                    sender.shutdown();
                    0
                }
            };
            let sent: usize = senders.into_iter().map(joined).sum();
            let received: usize = receivers.into_iter().map(joined).sum();
            assert_eq!(sent, received + taken_out, "{kind}, at once: {at_once}");
        }
    }
}

/// The one who peeks waits beside receivers that take everything at once.
#[test]
fn who_looks_is_not_starved_by_those_who_take() {
    let _turn = two_workers();
    for (kind, (sender, receiver)) in kinds() {
        let over = Arc::new(AtomicBool::new(false));
        let mut busy = Vec::new();
        for number in 0..4 {
            let theirs = receiver.clone();
            busy.push(spread(number, move || theirs.iter().for_each(drop)));
        }
        let theirs = Arc::clone(&over);
        let source = spawn(move || {
            while !theirs.load(Ordering::SeqCst) {
                sender.send(7).unwrap();
                yield_now();
            }
        });
        let mut looks = (0..100).map(|_| receiver.peek_timeout(PATIENCE));
        assert!(looks.all(|seen| seen == Ok(7)), "{kind}");
        over.store(true, Ordering::SeqCst);
        joined(source.unwrap());
        busy.into_iter().for_each(joined);
    }
}
