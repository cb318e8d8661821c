//! What starting and waking a coroutine costs, timed from inside: ours among the
//! programs that `peers --probe spawn,wake` asks.

use std::hint;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use greenserve::runtime::{self, Builder, Config, JoinHandle};
use greenserve::sync::{Receiver, Sender, channel};

use crate::base::failure::Failure;
use crate::view::stdout;

/// Until the scheduler is warm.
const WARM_UP: Duration = Duration::from_millis(200);
const MEASURED: Duration = Duration::from_millis(800);
/// Between two looks at the clock, which costs as much as a small wake-up.
const BATCH: u32 = 100;
/// How long one that works computes before it lets others run.
const COMPUTING: Duration = Duration::from_micros(1);

/// `bench-client tasks`: used by this program alone.
#[derive(Clone, Debug, Args)]
pub(crate) struct TaskOptions {
    /// What to time.
    #[arg(long, value_enum)]
    time: Timed,
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Timed {
    /// Starting an empty coroutine from another one, and joining it.
    Spawn,
    /// A message to a coroutine of another worker and one back; both sleep.
    Asleep,
    /// The same while both workers have another coroutine that computes.
    Working,
}

/// Prints nanoseconds.
///
/// # Errors
/// When the runtime cannot start.
pub(crate) fn run(options: &TaskOptions) -> Result<(), Failure> {
    let workers = if options.time == Timed::Spawn { 1 } else { 2 };
    runtime::configure(Config::new().workers(workers))?;
    let nanos = match options.time {
        Timed::Spawn => joined(runtime::spawn(spawn)?)?,
        Timed::Asleep => round_trip()?,
        Timed::Working => while_working(round_trip)?,
    };
    stdout::print(format!("{nanos:.1} ns\n"))
}

fn spawn() -> Result<f64, Failure> {
    timed(|| {
        let empty = runtime::spawn(|| ())?;
        empty.join().map_err(|err| broken(&err.to_string()))
    })
}

fn round_trip() -> Result<f64, Failure> {
    let (ping, pinged) = channel(1);
    let (pong, ponged) = channel(1);
    let echo = Builder::new().worker(1).spawn(move || answer(&pinged, &pong))?;
    let nanos = joined(Builder::new().worker(0).spawn(move || ask(&ping, &ponged))?);
    echo.join().map_err(|err| broken(&err.to_string()))?;
    nanos
}

fn ask(ping: &Sender<()>, ponged: &Receiver<()>) -> Result<f64, Failure> {
    timed(|| {
        ping.send(()).map_err(|err| broken(&err))?;
        ponged.recv().map_err(|err| broken(&err))
    })
}

/// Until whoever asks is gone.
fn answer(pinged: &Receiver<()>, pong: &Sender<()>) {
    while pinged.recv().is_ok() && pong.send(()).is_ok() {}
}

/// What `time` finds while each worker has a coroutine that computes.
fn while_working(time: impl FnOnce() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let done = Arc::new(AtomicBool::new(false));
    for worker in 0..2 {
        let done = Arc::clone(&done);
        Builder::new().worker(worker).spawn(move || work(&done))?;
    }
    let nanos = time();
    done.store(true, Ordering::Relaxed);
    nanos
}

fn work(done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        while began.elapsed() < COMPUTING {
            hint::spin_loop();
        }
        runtime::yield_now();
    }
}

/// Nanoseconds that `once` takes.
fn timed(mut once: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    repeat(WARM_UP, &mut once)?;
    repeat(MEASURED, &mut once)
}

fn repeat(length: Duration, once: &mut impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let began = Instant::now();
    let mut count = 0_u32;
    loop {
        for _ in 0..BATCH {
            once()?;
        }
        count += BATCH;
        let elapsed = began.elapsed();
        if elapsed >= length {
            return Ok(elapsed.as_nanos() as f64 / f64::from(count));
        }
    }
}

fn joined(timing: JoinHandle<Result<f64, Failure>>) -> Result<f64, Failure> {
    timing.join().map_err(|err| broken(&err.to_string()))?
}

fn broken(reason: &(impl ToString + ?Sized)) -> Failure {
    Failure::system("time coroutines", io::Error::other(reason.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_while_is_timed() {
        let nanos = repeat(Duration::from_millis(1), &mut || {
            std::thread::sleep(Duration::from_micros(20));
            Ok(())
        });
        assert!(nanos.unwrap() >= 20_000.0);
    }

    #[test]
    fn a_failure_ends_the_timing() {
        let message = timed(|| Err(broken("no more"))).unwrap_err().to_string();
        assert!(message.contains("no more"), "{message}");
    }
}
