//! The pool of threads that blocking calls run on, when it is too small.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, mpsc};
use std::thread;
use std::time::Duration;

use common::{alone_with, connection, failure, in_coroutine, joined, suspended, wait_until};
use greenserve::WaitError;
use greenserve::runtime::{self, Builder, JoinHandle};

/// One thread, and room for one call that waits for it.
fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2).offload_threads(1).offload_queue(1))
}

/// A call that keeps the one thread busy, and one that takes the one place in
/// the queue; both end when this is dropped.
struct Busy {
    end: Option<mpsc::Sender<()>>,
    queued_has_run: Arc<AtomicBool>,
    running: Vec<JoinHandle<()>>,
}

impl Busy {
    fn start() -> Busy {
        let (end, ended) = mpsc::channel::<()>();
        let occupied = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&occupied);
        let first = offloading(move || {
            theirs.store(true, Ordering::SeqCst);
            let _ = ended.recv();
        });
        wait_until("the thread is busy", || occupied.load(Ordering::SeqCst));
        let queued_has_run = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&queued_has_run);
        let second = offloading(move || theirs.store(true, Ordering::SeqCst));
        Busy {
            end: Some(end),
            queued_has_run,
            running: vec![first, second],
        }
    }

    /// Returns when the queue has room and whoever waits for it was told.
    fn make_room(&mut self) {
        self.end.take();
        wait_until("the queued call has run", || self.queued_has_run.load(Ordering::SeqCst));
    }

    fn end(mut self) {
        self.end.take();
        self.running.drain(..).for_each(joined);
    }
}

/// A coroutine of worker 0 that waits for `call` to have run elsewhere.
fn offloading<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let begun = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&begun);
    let waiting = Builder::new().worker(0).spawn(move || {
        theirs.store(true, Ordering::SeqCst);
        runtime::offload(call).unwrap()
    });
    suspended(0, &begun);
    waiting.unwrap()
}

#[test]
fn calls_beyond_the_queue_wait_for_room_and_all_are_run() {
    let _alone = alone();
    let busy = Busy::start();
    let run = Arc::new(AtomicUsize::new(0));
    let count = || {
        let run = Arc::clone(&run);
        offloading(move || run.fetch_add(1, Ordering::Relaxed))
    };
    let waiting: Vec<_> = (0..50).map(|_| count()).collect();
    assert_eq!(run.load(Ordering::Relaxed), 0);
    busy.end();
    waiting.into_iter().for_each(|waiting| assert!(joined(waiting) < 50));
    assert_eq!(run.load(Ordering::Relaxed), 50);
}

#[test]
fn no_more_threads_run_than_are_allowed() {
    let _alone = alone();
    let here = in_coroutine(|| runtime::offload(|| thread::current().id()).unwrap());
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            offloading(move || {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
                thread::current().id()
            })
        })
        .collect();
    let ids: Vec<_> = waiting.into_iter().map(joined).collect();
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert!(ids.iter().all(|id| *id == here));
}

#[test]
fn who_is_woken_for_nothing_takes_nobody_s_turn() {
    let _alone = alone();
    let busy = Busy::start();
    let begun = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&begun);
    let woken = Builder::new().worker(0).spawn(move || {
        // A wait for a socket that is ended by its timer leaves a wake-up over.
        let (mut near, _far) = connection();
        near.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        near.read(&mut [0]).unwrap_err();
        theirs.store(true, Ordering::SeqCst);
        runtime::offload(|| ()).unwrap();
    });
    suspended(0, &begun);
    let waiting: Vec<_> = (0..5).map(|_| offloading(|| ())).collect();
    busy.end();
    joined(woken.unwrap());
    waiting.into_iter().for_each(joined);
}

#[test]
fn who_is_killed_when_its_turn_comes_passes_it_on() {
    let _alone = alone();
    let mut busy = Busy::start();
    let begun = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&begun);
    let killed = Builder::new().worker(0).spawn(move || {
        theirs.store(true, Ordering::SeqCst);
        runtime::offload(|| ())
    });
    let killed = killed.unwrap();
    suspended(0, &begun);
    let waiting = offloading(|| ());
    // While worker 0 is kept from running anybody, room is made.
    let (go_on, kept) = mpsc::channel::<()>();
    let keeping = Builder::new().worker(0).spawn(move || {
        let _ = kept.recv();
    });
    busy.make_room();
    killed.kill();
    drop(go_on);
    joined(keeping.unwrap());
    let err = failure(joined(killed));
    assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
    joined(waiting);
    busy.end();
}

#[test]
fn a_killed_caller_gets_no_result_and_the_call_still_runs() {
    let _alone = alone();
    let ran = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&ran);
    let (go_on, waits) = mpsc::channel::<()>();
    let (started, begins) = mpsc::channel();
    let calling = runtime::spawn(move || {
        runtime::offload(move || {
            started.send(()).unwrap();
            let _ = waits.recv();
            theirs.store(true, Ordering::SeqCst);
        })
    });
    let calling = calling.unwrap();
    begins.recv_timeout(common::PATIENCE).unwrap();
    calling.kill();
    let err = failure(joined(calling));
    assert_eq!(WaitError::of(&err), Some(WaitError::Killed));
    drop(go_on);
    wait_until("the call has run", || ran.load(Ordering::SeqCst));
}

#[test]
fn a_panic_in_the_call_goes_on_in_the_caller() {
    let _alone = alone();
    let calling = runtime::spawn(|| runtime::offload(|| -> u8 { std::panic::resume_unwind(Box::new("on purpose")) }));
    let panic = failure(calling.unwrap().join());
    let panic = panic.into_panic().unwrap();
    assert_eq!(panic.message(), "on purpose");
    in_coroutine(|| runtime::offload(|| ()).unwrap());
}
