//! Workers that die, and what becomes of the rest.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clients::{Client, of_each_worker, once, tcp, until};
use crate::program::{is_alive, start};
use crate::support::harness::Program;
use crate::support::{LIMIT, connect_unix, is_listening, wait_until};

pub fn a_killed_worker_is_replaced_and_the_others_go_on() {
    let program = start("stream=127.0.0.1:0 workers=2");
    let address = program.address();
    let mut clients = of_each_worker(&address, 2);
    let victim = *clients.keys().next().unwrap();
    let mut of_victim = clients.remove(&victim).unwrap();
    let (survivor, mut of_survivor) = clients.into_iter().next().unwrap();
    kill(Pid::from_raw(victim), Signal::SIGKILL).unwrap();
    // New clients wait at most, and none is refused.
    for _ in 0..50 {
        assert_ne!(once(&address, "pid"), victim.to_string());
        assert_eq!(of_survivor.pid(), survivor);
    }
    assert!(of_victim.is_closed());
    let old = [victim, survivor].map(|pid| pid.to_string());
    until(&address, "pid", |pid| {
        !pid.is_empty() && !old.iter().any(|old| old == pid)
    });
    assert_eq!(of_survivor.pid(), survivor);
}

pub fn an_abort_and_an_overflow_cost_the_connections_of_one_process() {
    let program = start("stream=127.0.0.1:0 workers=2");
    let address = program.address();
    for crime in ["abort", "overflow"] {
        let mut clients = of_each_worker(&address, 2);
        let culprit = *clients.keys().next().unwrap();
        let mut of_culprit = clients.remove(&culprit).unwrap();
        let (other, mut of_other) = clients.into_iter().next().unwrap();
        of_culprit.try_ask(crime).unwrap_err();
        wait_until("the culprit is gone", || !is_alive(culprit));
        assert_eq!(of_other.pid(), other, "{crime}");
        until(&address, "pid", |pid| !pid.is_empty() && pid != other.to_string());
    }
}

pub fn failed_starts_make_it_give_up_with_status_and_reason() {
    let begin = Instant::now();
    let (status, said) = start("stream=127.0.0.1:0 workers=3 worker=fails failures=7").ended();
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("error: gave up"), "{said}");
    let reason = said.lines().last().unwrap();
    assert!(
        reason.contains("starts in a row") && reason.contains("with status 7"),
        "{reason}"
    );
    // When the seventh was seen to fail, two more had been started.
    let starts = said.matches(") starts").count();
    assert!((7..=9).contains(&starts), "{starts} starts: {said}");
    assert!(begin.elapsed() < LIMIT / 2);
}

pub fn a_worker_that_never_is_ready_is_a_failed_start() {
    let (status, said) = start("stream=127.0.0.1:0 workers=1 worker=silent ready=100 failures=2").ended();
    assert_eq!(status.code(), Some(4), "{said}");
    let reason = said.lines().last().unwrap();
    assert!(
        reason.contains("ready in time") && reason.contains("Worker::serve"),
        "{reason}"
    );
}

pub fn a_program_that_cannot_be_executed_is_a_failed_start() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("program");
    symlink(std::env::current_exe().unwrap(), &link).unwrap();
    let program = Program::start_by(&mut Command::new(&link), "stream=127.0.0.1:0 workers=1 failures=3");
    let address = program.address();
    let worker = once(&address, "pid");
    fs::remove_file(&link).unwrap();
    kill(Pid::from_raw(worker.parse().unwrap()), Signal::SIGKILL).unwrap();
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(4), "{said}");
    let reason = said.lines().last().unwrap();
    assert!(
        reason.contains(&format!("started from {}: No such file", link.display())),
        "{reason}"
    );
}

pub fn workers_that_die_after_they_were_ready_never_make_it_give_up() {
    let mut program = start("stream=127.0.0.1:0 workers=1 failures=1 delay=20");
    let address = program.address();
    for _ in 0..10 {
        let mut client = tcp(&address);
        client.pid();
        client.try_ask("abort").unwrap_err();
    }
    assert!(program.runs());
    until(&address, "x", |answer| answer == "x");
}

pub fn as_long_as_one_serves_it_does_not_give_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let words = format!(
        "family=unix stream=unix:{} workers=2 worker=half failures=2",
        path.display()
    );
    let mut program = start(&words);
    wait_until("one serves", || {
        // The file is there a moment before anybody listens.
        UnixStream::connect(&path).is_ok() && Client::over(connect_unix(&path)).try_ask("x").is_ok()
    });
    for _ in 0..6 {
        assert_eq!(program.line(), "a failed start");
    }
    assert!(program.runs());
    assert_eq!(Client::over(connect_unix(&path)).ask("x"), "x");
}

pub fn workers_end_with_their_supervisor() {
    let program = start("stream=127.0.0.1:0 workers=3");
    let address = program.address();
    let mut clients = of_each_worker(&address, 3);
    let begin = Instant::now();
    program.signal(Signal::SIGKILL);
    for (worker, client) in &mut clients {
        assert!(client.is_closed());
        wait_until("the worker is gone", || !is_alive(*worker));
    }
    wait_until("the port is free", || !is_listening(&address));
    assert!(begin.elapsed() < Duration::from_secs(5));
}
