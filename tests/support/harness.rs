//! Tests that need processes: a binary that runs its cases one after the
//! other, and starts itself again as the programs that the cases look at.
//!
//! A forking server needs a process with one thread, and a test of signals
//! one that is its own; a binary with `harness = false` has both.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a test harness")]

use std::env;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use greenserve::net::Address;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::trace::Notes;
use super::{LIMIT, wait_until};

const PROGRAM: &str = "GREENSERVE_TEST_PROGRAM";

/// A name that states a promise, and what proves it.
pub type Case = (&'static str, fn());

/// The `main` of such a binary: runs `cases`, or `program` with its words if
/// this process was started as one.
pub fn main(cases: &[Case], program: fn(&[&str])) -> ExitCode {
    if let Ok(words) = env::var(PROGRAM) {
        // Should the cases be gone, nobody else would ever end this process.
        nix::unistd::alarm::set(60);
        program(&words.split(' ').collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    let options: Vec<String> = env::args().skip(1).collect();
    let (flags, filters): (Vec<_>, Vec<_>) = options.iter().partition(|option| option.starts_with('-'));
    let exact = flags.iter().any(|flag| *flag == "--exact");
    let chosen = |name: &str| {
        filters.is_empty()
            || filters.iter().any(|filter| {
                if exact {
                    name == filter.as_str()
                } else {
                    name.contains(filter.as_str())
                }
            })
    };
    let chosen: Vec<_> = cases.iter().filter(|(name, _)| chosen(name)).collect();
    if flags.iter().any(|flag| *flag == "--list") {
        for (name, _) in &chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    run(&chosen, cases.len() - chosen.len())
}

fn run(cases: &[&Case], filtered_out: usize) -> ExitCode {
    let begin = Instant::now();
    println!("\nrunning {} tests", cases.len());
    let mut failed = Vec::new();
    for (name, case) in cases {
        let passed = catch_unwind(AssertUnwindSafe(case)).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            failed.push(*name);
        }
    }
    let result = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {result}. {} passed; {} failed; 0 ignored; 0 measured; {filtered_out} filtered out; finished in {:.2}s\n",
        cases.len() - failed.len(),
        failed.len(),
        begin.elapsed().as_secs_f32(),
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// This binary, run again as a program; killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// What it prints.
    pub notes: Notes,
    /// What it says of errors, collected until its end.
    errors: std::thread::JoinHandle<String>,
}

impl Program {
    /// Starts the program that `words` name.
    pub fn start(words: &str) -> Program {
        Program::start_by(&mut Command::new(env::current_exe().unwrap()), words)
    }

    /// As [`start`](Program::start), by a command that runs this binary.
    pub fn start_by(command: &mut Command, words: &str) -> Program {
        let mut child = command
            .env(PROGRAM, words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = child.stderr.take().unwrap();
        Program {
            notes: Notes::of(child.stdout.take().unwrap()),
            errors: std::thread::spawn(move || {
                let mut text = Vec::new();
                let _ = errors.read_to_end(&mut text);
                String::from_utf8_lossy(&text).into_owned()
            }),
            child,
        }
    }

    /// The next line it prints.
    pub fn line(&self) -> String {
        self.notes.next()
    }

    /// The next line it prints, as an address.
    pub fn address(&self) -> Address {
        self.line().parse().unwrap()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// How it ended.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// How it ended, and after how long.
    pub fn wait_timed(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        let status = self.wait();
        (status, begin.elapsed())
    }

    /// What it prints until its end, which must be a success.
    pub fn succeeds(mut self) -> Vec<String> {
        let rest = self.notes.rest();
        let status = self.wait();
        assert!(status.success(), "{status}, after printing {rest:?}");
        rest
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it and returns what it said of errors.
    pub fn errors(mut self) -> String {
        self.end();
        self.said()
    }

    /// What it said of errors until its end, which must come, and how it ended.
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.wait();
        (status, self.said())
    }

    fn said(&mut self) -> String {
        let errors = std::mem::replace(&mut self.errors, std::thread::spawn(String::new));
        let begin = Instant::now();
        while !errors.is_finished() {
            assert!(begin.elapsed() < LIMIT, "still somebody writes errors");
            std::thread::sleep(Duration::from_millis(1));
        }
        errors.join().unwrap()
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
    }
}
