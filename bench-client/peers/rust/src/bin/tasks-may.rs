//! What starting and waking a coroutine of raw `may` costs.
//!
//! Run: `tasks-may --time spawn|asleep|working`
//!
//! Each coroutine begins on a worker of its own; `may` then puts one that is
//! woken where its scheduler wants it, which may be the waker's worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use may::coroutine::{Builder, JoinHandle, yield_now};
use may::go;
use may::sync::mpsc::{Receiver, Sender, channel};
use peers::tasks::{BATCH, Count, MEASURED, Timed, WARM_UP, compute, tell};

fn main() {
    let timed = Timed::parse(|_, _| false);
    may::config()
        .set_workers(timed.workers())
        .set_worker_pin(false);
    tell(match timed {
        Timed::Spawn => go!(|| repeat(spawn_one)).join().expect("no panic"),
        Timed::Asleep => round_trip(),
        Timed::Working => while_working(round_trip),
    });
}

fn spawn_one() {
    go!(|| ()).join().expect("no panic");
}

fn round_trip() -> f64 {
    let (ping, pinged) = channel();
    let (pong, ponged) = channel();
    let echo = on_worker(1, move || answer(&pinged, &pong));
    let nanos = on_worker(0, move || {
        repeat(|| {
            ping.send(()).expect("it is there");
            ponged.recv().expect("it answers");
        })
    });
    let nanos = nanos.join().expect("no panic");
    echo.join().expect("no panic");
    nanos
}

fn answer(pinged: &Receiver<()>, pong: &Sender<()>) {
    while pinged.recv().is_ok() && pong.send(()).is_ok() {}
}

fn while_working(time: impl FnOnce() -> f64) -> f64 {
    let done = Arc::new(AtomicBool::new(false));
    for worker in 0..2 {
        let done = Arc::clone(&done);
        on_worker(worker, move || {
            while !done.load(Ordering::Relaxed) {
                compute();
                yield_now();
            }
        });
    }
    let nanos = time();
    done.store(true, Ordering::Relaxed);
    nanos
}

fn on_worker<T: Send + 'static>(worker: usize, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: nothing in here keeps anything of its thread, nor needs much stack.
    unsafe { Builder::new().id(worker).spawn(work) }.expect("there is room for a few")
}

fn repeat(mut once: impl FnMut()) -> f64 {
    let mut nanos = 0.0;
    for length in [WARM_UP, MEASURED] {
        let mut count = Count::begin(length);
        nanos = loop {
            (0..BATCH).for_each(|_| once());
            if let Some(nanos) = count.batch() {
                break nanos;
            }
        };
    }
    nanos
}
