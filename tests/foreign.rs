//! Coroutines that something else started through `may`, beside ours on that
//! engine.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use greenserve::runtime::{self, Config, Engine, Local, Task, spawn};
use greenserve::sync::{Event, Group, Mutex};
use nix::sys::signal::Signal;

use common::{PATIENCE, child, wait_until};

fn on_may() {
    // Several tests of this process may come first.
    let _ = runtime::configure(Config::new().engine(Engine::May));
    runtime::start().unwrap();
}

#[test]
fn a_waiter_that_is_unwound_out_of_its_wait_takes_nothing_along() {
    on_may();
    let lock = Arc::new(Mutex::new(()));
    let guard = lock.lock().unwrap();
    let begun = Arc::new(Event::new());
    let (theirs, told) = (Arc::clone(&lock), Arc::clone(&begun));
    // SAFETY: the coroutine uses no thread-locals and little stack.
    let foreign = unsafe {
        may::coroutine::spawn(move || {
            told.set();
            let _guard = theirs.lock();
            may::coroutine::park();
        })
    };
    begun.wait().unwrap();
    let theirs = Arc::clone(&lock);
    let second = spawn(move || theirs.lock().map(drop)).unwrap();
    // SAFETY: cancelling unwinds the coroutine, whose frames are all Rust's.
    unsafe { foreign.coroutine().cancel() };
    assert!(foreign.join().is_err());
    drop(guard);
    second.join().unwrap().unwrap();
    assert!(lock.try_lock().is_some());
}

#[test]
fn a_foreign_coroutine_is_a_task_of_its_own() {
    on_may();
    let (sender, receiver) = std::sync::mpsc::channel();
    // SAFETY: the coroutine uses no thread-locals and little stack.
    let foreign = unsafe {
        may::coroutine::spawn(move || {
            let task = Task::current();
            assert!(Arc::ptr_eq(&task, &Task::current()));
            assert!(task.is_coroutine());
            sender.send(task).unwrap();
        })
    };
    foreign.join().unwrap();
    let task = receiver.recv().unwrap();
    assert_eq!(task.name().to_string(), "foreign coroutine");
    // Whoever joins is woken by the coroutine's last step, before `may` takes
    // the stack back and with it the coroutine's values.
    wait_until("the ended coroutine keeps nothing", || Arc::strong_count(&task) == 1);
}

#[test]
fn values_of_a_foreign_coroutine_go_with_it() {
    static KEPT: Local<Option<Arc<()>>> = Local::new(|| None);
    on_may();
    let value = Arc::new(());
    let theirs = Arc::clone(&value);
    // SAFETY: the coroutine uses no thread-locals and little stack.
    let foreign = unsafe {
        may::coroutine::spawn(move || {
            KEPT.set(Some(theirs));
            Task::current()
        })
    };
    let task = foreign.join().unwrap();
    wait_until("the value goes", || Arc::strong_count(&value) == 1);
    assert!(!Group::new().add(&task), "it has ended");
}

/// Nothing else keeps the frames that its coroutines borrow.
#[test]
fn a_cancelled_scope_whose_coroutines_go_on_ends_the_process() {
    const TEST: &str = "a_cancelled_scope_whose_coroutines_go_on_ends_the_process";
    if !child::is_child(TEST) {
        let ended = child::run(TEST, PATIENCE);
        assert_eq!(ended.signal(), Some(Signal::SIGABRT as i32), "{ended:#?}");
        return;
    }
    on_may();
    let begun = Arc::new(Event::new());
    let told = Arc::clone(&begun);
    // SAFETY: the coroutine uses no thread-locals and little stack.
    let foreign = unsafe {
        may::coroutine::spawn(move || {
            let turns = AtomicUsize::new(0);
            runtime::scope(|scope| {
                let child = scope.spawn(|| {
                    told.set();
                    loop {
                        turns.fetch_add(1, Ordering::Relaxed);
                        runtime::yield_now();
                    }
                });
                child.map(drop).unwrap();
            });
        })
    };
    begun.wait().unwrap();
    // SAFETY: cancelling unwinds the coroutine, whose frames are all Rust's.
    unsafe { foreign.coroutine().cancel() };
    let _ = foreign.join();
}
