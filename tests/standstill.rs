//! All coroutines wait for each other and nothing else is alive: it is said.
//!
//! Without libtest, whose own thread might wake somebody for all that the
//! library knows.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "it is what the test has to say")]

mod common;

use std::process::{Child, Command, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, engine};
use greenserve::net::TcpListener;
use greenserve::runtime::{self, Builder, Engine, JoinHandle};
use greenserve::sync::{Event, Mutex};
use log::{LevelFilter, Log, Metadata, Record};

const CASE: &str = "GREENSERVE_TEST_CASE";
/// How a process ends that has said it.
const SAID: i32 = 7;
/// How long one is watched that has nothing to say.
const QUIET: Duration = Duration::from_secs(3);

fn main() {
    if let Ok(case) = std::env::var(CASE) {
        return run(&case);
    }
    if common::skipped((engine() == Engine::May).then_some("`may` has threads that are not known")) {
        return;
    }
    said();
    for case in ["listener", "sleeper", "timeout", "thread", "off-load"] {
        unsaid(case);
    }
}

fn start(case: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program).env(CASE, case).spawn().unwrap()
}

fn said() {
    let mut child = start("deadlock");
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(SAID));
            return println!("deadlock: said");
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("a deadlock was not said");
}

fn unsaid(case: &str) {
    let mut child = start(case);
    thread::sleep(QUIET);
    let status = child.try_wait().unwrap();
    let _ = child.kill();
    child.wait().unwrap();
    assert!(status.is_none(), "{case}: ended with {status:?}");
    println!("{case}: nothing said");
}

/// Ends the process by what is said of a standstill: any thread that looked
/// for it could have woken somebody.
struct Ear;

impl Log for Ear {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = record.args().to_string();
        if line.contains("all 2 coroutines wait for each other") {
            for part in ["'philosopher'", "'colleague'", "waits for a lock"] {
                assert!(line.contains(part), "without {part}: {line}");
            }
            exit(SAID);
        }
        if line.contains("wait for each other") {
            exit(1);
        }
    }

    fn flush(&self) {}
}

/// Two coroutines that each hold the lock that the other one wants.
fn deadlock() -> Vec<JoinHandle<()>> {
    let locks = [Arc::new(Mutex::new(1)), Arc::new(Mutex::new(2))];
    let held = Arc::new(AtomicUsize::new(0));
    let start = |name: &'static str, first: usize| {
        let (first, second) = (Arc::clone(&locks[first]), Arc::clone(&locks[1 - first]));
        let held = Arc::clone(&held);
        let work = move || {
            let _first = first.lock().unwrap();
            held.fetch_add(1, Ordering::SeqCst);
            while held.load(Ordering::SeqCst) < 2 {
                runtime::yield_now();
            }
            drop(second.lock());
        };
        Builder::new().name(name).spawn(work).unwrap()
    };
    vec![start("philosopher", 0), start("colleague", 1)]
}

fn run(case: &str) {
    static EAR: Ear = Ear;
    log::set_logger(&EAR).unwrap();
    log::set_max_level(LevelFilter::Info);
    runtime::configure(common::workers(2)).unwrap();
    let mut all = deadlock();
    match case {
        "listener" => {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            all.push(runtime::spawn(move || drop(listener.accept())).unwrap());
        }
        "sleeper" => all.push(runtime::spawn(|| drop(runtime::sleep(Duration::from_secs(60)))).unwrap()),
        "timeout" => {
            let event = Event::new();
            let wait = move || drop(event.wait_timeout(Duration::from_secs(60)));
            all.push(runtime::spawn(wait).unwrap());
        }
        "off-load" => {
            let call = || drop(runtime::offload(|| thread::sleep(Duration::from_secs(60))));
            all.push(runtime::spawn(call).unwrap());
        }
        // It could set an event at any moment.
        "thread" => {
            let event = Event::new();
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(60));
                event.set();
            });
        }
        _ => {}
    }
    let _ = all.remove(0).join();
}
