//! What starting and waking a task of tokio costs.
//!
//! Run: `tasks-tokio --time spawn|asleep|working [--flavor current|multi]`
//!
//! With `current`, the default, the two that wake each other are tasks of two
//! runtimes of one thread each: the only way for a task of it to be on another
//! worker. With `multi` both are tasks of one runtime, which may put one that is
//! woken on the waker's worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use peers::tasks::{BATCH, Count, MEASURED, Timed, WARM_UP, compute, tell};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::yield_now;

/// The nanoseconds that `$once` takes. No function: the future of one that takes
/// an asynchronous closure is not known to be `Send`.
macro_rules! repeat {
    ($once:expr) => {{
        let mut nanos = 0.0;
        for length in [WARM_UP, MEASURED] {
            let mut count = Count::begin(length);
            nanos = loop {
                for _ in 0..BATCH {
                    $once;
                }
                if let Some(nanos) = count.batch() {
                    break nanos;
                }
            };
        }
        nanos
    }};
}

fn main() -> std::io::Result<()> {
    let mut multi = false;
    let timed = Timed::parse(|name, value| {
        multi = value == "multi";
        name == "--flavor" && (multi || value == "current")
    });
    let asking = match multi {
        true => many_threads(timed.workers())?,
        false => one_thread()?,
    };
    let answering = match multi {
        true => asking.handle().clone(),
        false => elsewhere()?,
    };
    // Spawned, so that with several workers it is on one of them.
    let nanos = asking.block_on(async {
        match timed {
            Timed::Spawn => tokio::spawn(spawn()).await,
            Timed::Asleep => tokio::spawn(round_trip(answering)).await,
            Timed::Working => tokio::spawn(while_working(answering)).await,
        }
    });
    tell(nanos.expect("no panic"));
    Ok(())
}

fn many_threads(workers: usize) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
}

fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// A runtime of one thread that runs on a thread of its own until the end.
fn elsewhere() -> std::io::Result<Handle> {
    let runtime = one_thread()?;
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    Ok(handle)
}

async fn spawn() -> f64 {
    repeat!(tokio::spawn(async {}).await.expect("no panic"))
}

async fn round_trip(answering: Handle) -> f64 {
    let (ping, pinged) = channel(1);
    let (pong, mut ponged) = channel(1);
    answering.spawn(answer(pinged, pong));
    repeat!({
        ping.send(()).await.expect("it is there");
        ponged.recv().await.expect("it answers");
    })
}

async fn answer(mut pinged: Receiver<()>, pong: Sender<()>) {
    while pinged.recv().await.is_some() && pong.send(()).await.is_ok() {}
}

async fn while_working(answering: Handle) -> f64 {
    let done = Arc::new(AtomicBool::new(false));
    answering.spawn(work(Arc::clone(&done)));
    tokio::spawn(work(Arc::clone(&done)));
    let nanos = round_trip(answering).await;
    done.store(true, Ordering::Relaxed);
    nanos
}

async fn work(done: Arc<AtomicBool>) {
    while !done.load(Ordering::Relaxed) {
        compute();
        yield_now().await;
    }
}
