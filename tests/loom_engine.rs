//! How the engine `pinned` hands wake-ups from thread to thread, under loom,
//! which tries every order of its steps: no wake-up may get lost, and nobody
//! may be touched who is gone.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --test loom_engine
//! ```
//!
//! The files under test are included here and built on loom's types. Loom
//! itself reports whoever sleeps for ever, as a deadlock.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(dead_code, unreachable_pub, reason = "included files are used in part")]

#[path = "../src/runtime/engine/pinned/inbox.rs"]
mod inbox;
#[path = "../src/runtime/engine/pinned/slot.rs"]
mod slot;
#[path = "../src/runtime/engine/pinned/state.rs"]
mod state;

/// What `src/runtime/engine/pinned/shim.rs` is to the crate.
mod shim {
    use std::collections::VecDeque;

    pub use loom::sync::Mutex;
    pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

    pub fn lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }

    /// crossbeam's queue has no loom of its own to be seen by.
    #[derive(Debug)]
    pub struct SegQueue<T>(Mutex<VecDeque<T>>);

    impl<T> SegQueue<T> {
        pub fn new() -> Self {
            SegQueue(Mutex::new(VecDeque::new()))
        }

        pub fn push(&self, item: T) {
            lock(&self.0).push_back(item);
        }

        pub fn pop(&self) -> Option<T> {
            lock(&self.0).pop_front()
        }
    }
}

use inbox::Inbox;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use slot::{Slot, Wake};
use state::State;

/// Every order in which threads interrupt each other at most three times: with
/// more, the models of two wakers take hours.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Loom takes `SeqCst` accesses for acquire and release; the one order that
/// all of them have, on which slots and reports rely, is put back by this.
fn in_one_order() {
    fence(Ordering::SeqCst);
}

/// An eventfd: what is rung before the wait ends it too.
#[derive(Default)]
struct Bell(Mutex<bool>, Condvar);

impl Bell {
    fn new() -> Bell {
        Bell(Mutex::new(false), Condvar::new())
    }

    fn ring(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.0.lock().unwrap();
        while !*rung {
            rung = self.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

#[test]
fn a_sleeping_worker_hears_of_everything_that_is_sent() {
    model(|| {
        let worker = Arc::new((Inbox::new(), Bell::new()));
        let senders: Vec<_> = (0..2)
            .map(|number| {
                let worker = Arc::clone(&worker);
                thread::spawn(move || {
                    if worker.0.send(number) {
                        worker.1.ring();
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while seen < 2 {
            worker.0.drain(|_| seen += 1);
            if seen < 2 && worker.0.may_sleep() {
                worker.1.wait();
                worker.0.awake();
            }
        }
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

/// A coroutine as its worker and its wakers see it: the bell stands for the
/// queue that it is put into.
struct Coroutine {
    state: State,
    queued: Bell,
    /// How often it stands in the queue at once.
    places: AtomicUsize,
    gone: AtomicBool,
}

impl Coroutine {
    fn running() -> Coroutine {
        let coroutine = Coroutine {
            state: State::queued(),
            queued: Bell::new(),
            places: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
        };
        coroutine.state.resume();
        coroutine
    }

    fn park(&self) {
        if self.state.park() {
            self.queued.wait();
            assert_eq!(self.places.swap(0, Ordering::SeqCst), 1, "in the queue twice");
            self.state.resume();
        }
    }
}

impl Wake for Coroutine {
    fn wake(&self) {
        assert!(!self.gone.load(Ordering::SeqCst), "woken after its end");
        if self.state.wake() {
            self.places.fetch_add(1, Ordering::SeqCst);
            self.queued.ring();
        }
    }
}

#[test]
fn a_wake_up_is_never_lost_and_queues_once() {
    model(|| {
        let coroutine = Arc::new(Coroutine::running());
        let done = Arc::new(AtomicUsize::new(0));
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let (coroutine, done) = (Arc::clone(&coroutine), Arc::clone(&done));
                thread::spawn(move || {
                    done.fetch_add(1, Ordering::Relaxed);
                    coroutine.wake();
                })
            })
            .collect();
        while done.load(Ordering::Relaxed) < 2 {
            coroutine.park();
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

/// What was done before a wake-up is seen by who was woken, although it may
/// have been woken, or queued, already.
#[test]
fn a_wake_up_carries_what_was_done_before_it() {
    model(|| {
        let coroutine = Arc::new(Coroutine::running());
        let told = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let wakers: Vec<_> = (0..2)
            .map(|number| {
                let (coroutine, told) = (Arc::clone(&coroutine), Arc::clone(&told));
                thread::spawn(move || {
                    told[number].store(true, Ordering::Relaxed);
                    coroutine.wake();
                })
            })
            .collect();
        while !told.iter().all(|told| told.load(Ordering::Relaxed)) {
            coroutine.park();
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

#[test]
fn a_report_finds_who_waits_on_another_worker_or_is_found_by_it() {
    model(|| {
        let socket = Arc::new((Slot::<Coroutine>::empty(), Mutex::new(()), AtomicBool::new(false)));
        let theirs = Arc::clone(&socket);
        let reporter = thread::spawn(move || {
            theirs.2.store(true, Ordering::SeqCst);
            in_one_order();
            theirs.0.wake(&theirs.1);
        });
        let coroutine = Coroutine::running();
        assert!(socket.0.put(&coroutine, true));
        in_one_order();
        while !socket.2.load(Ordering::SeqCst) {
            coroutine.park();
        }
        socket.0.clear(true, &socket.1);
        // From here on nobody may touch it.
        coroutine.gone.store(true, Ordering::SeqCst);
        reporter.join().unwrap();
    });
}

#[test]
fn who_gives_up_waiting_on_another_worker_is_not_woken_after_its_end() {
    model(|| {
        let socket = Arc::new((Slot::<Coroutine>::empty(), Mutex::new(())));
        let theirs = Arc::clone(&socket);
        let reporter = thread::spawn(move || {
            theirs.0.wake(&theirs.1);
            theirs.0.wake(&theirs.1);
        });
        let coroutine = Box::new(Coroutine::running());
        assert!(socket.0.put(&coroutine, true));
        // A kill or a timeout ended the wait.
        socket.0.clear(true, &socket.1);
        coroutine.gone.store(true, Ordering::SeqCst);
        drop(coroutine);
        reporter.join().unwrap();
    });
}
