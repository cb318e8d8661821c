//! Jobs from a queue, done by a few workers: gevent's `JoinableQueue`, with
//! `task_done` and `join`. The queue is bounded, so who gives the jobs out
//! waits while the workers are behind.
//!
//! Run with: cargo run --example job_queue -- --jobs 25 --crew 3

mod common;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use common::say;
use greenserve::runtime;
use greenserve::sync::{Group, Receiver, channel};

#[derive(Parser)]
struct Options {
    /// How many jobs there are.
    #[arg(long, default_value_t = 25)]
    jobs: u32,
    /// How many workers do them.
    #[arg(long, default_value_t = 3)]
    crew: u32,
    /// How many jobs may wait for a worker; 0 gives each from hand to hand.
    #[arg(long, default_value_t = 10)]
    room: usize,
}

fn work(name: u32, queue: &Receiver<u32>) {
    while let Ok(job) = queue.recv_task() {
        // Killed while it works: the job is marked done all the same.
        if runtime::sleep(Duration::from_millis(1)).is_err() {
            return;
        }
        say(format_args!("worker {name} did job {}", *job));
    }
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let (jobs, queue) = channel(options.room);
    let crew = Group::new();
    for name in 1..=options.crew {
        let queue = queue.clone();
        crew.spawn(move || work(name, &queue))?;
    }
    // Without a worker nobody is left to wait for.
    drop(queue);
    (1..=options.jobs).try_for_each(|job| jobs.send(job))?;
    jobs.join()?;
    say(format_args!("all {} jobs are done", options.jobs));
    jobs.shutdown();
    Ok(crew.join()?)
}

#[allow(clippy::print_stderr, reason = "this is a program")]
fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err}");
            ExitCode::FAILURE
        }
    }
}
