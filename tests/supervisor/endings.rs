//! How it ends, and what signals do.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};

use crate::clients::{of_each_worker, once, tcp};
use crate::program::{is_alive, start};
use crate::support::harness::Program;
use crate::support::{LIMIT, is_listening, stays_silent, wait_until};

pub fn what_is_in_flight_finishes_and_the_status_is_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let program = start("stream=127.0.0.1:0 workers=2 grace=20000");
        let address = program.address();
        let mut clients = of_each_worker(&address, 2);
        program.signal(signal);
        wait_until("the port is free", || !is_listening(&address));
        for (worker, client) in &mut clients {
            assert_eq!(client.pid(), *worker, "still served");
        }
        drop(clients);
        let (status, said) = program.ended();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("all workers ended well"), "{said}");
    }
}

pub fn what_is_cut_short_is_named_and_the_status_is_3() {
    let program = start("stream=127.0.0.1:0 workers=2 grace=200");
    let address = program.address();
    let mut client = tcp(&address);
    let worker = client.pid();
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(3), "{said}");
    let last = said.lines().last().unwrap();
    assert!(
        last.contains(&format!("(process {worker}) cut short what was in flight")),
        "{said}"
    );
    // The other one had nobody.
    assert_eq!(last.matches("process").count(), 1, "{said}");
    assert!(begin.elapsed() >= Duration::from_millis(200));
    assert!(client.is_closed());
}

pub fn a_second_signal_cuts_the_drain_short() {
    let program = start("stream=127.0.0.1:0 workers=2 grace=60000");
    let address = program.address();
    let mut client = tcp(&address);
    client.pid();
    program.signal(Signal::SIGTERM);
    wait_until("the port is free", || !is_listening(&address));
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(begin.elapsed() < LIMIT / 2, "{said}");
}

pub fn what_a_terminal_sends_to_all_reaches_workers_once() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let words = "stream=127.0.0.1:0 workers=2 grace=20000";
    let program = Program::start_by(command.process_group(0), words);
    let address = program.address();
    let mut clients = of_each_worker(&address, 2);
    killpg(program.pid(), Signal::SIGINT).unwrap();
    wait_until("the port is free", || !is_listening(&address));
    for (worker, client) in &mut clients {
        assert_eq!(client.pid(), *worker, "still served");
    }
    drop(clients);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
}

pub fn a_worker_that_does_not_end_is_killed() {
    let program = start("stream=127.0.0.1:0 workers=2 worker=deaf grace=100");
    program.address();
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(3), "{said}");
    let last = said.lines().last().unwrap();
    assert_eq!(last.matches("was killed: it did not end in time").count(), 2, "{said}");
    assert!(begin.elapsed() >= Duration::from_millis(2100));
}

pub fn workers_of_every_model_end_well() {
    for model in ["coroutine", "thread", "fork", "inline"] {
        let program = start(&format!("stream=127.0.0.1:0 workers=2 model={model}"));
        let address = program.address();
        for _ in 0..10 {
            assert_eq!(once(&address, "hello"), "hello", "{model}");
        }
        program.signal(Signal::SIGTERM);
        let (status, said) = program.ended();
        assert_eq!(status.code(), Some(0), "{model}: {said}");
    }
}

pub fn user_signals_reach_only_those_that_handle_them() {
    let program = start("stream=127.0.0.1:0 workers=2 worker=usr1");
    let address = program.address();
    let clients = of_each_worker(&address, 2);
    program.signal(Signal::SIGUSR1);
    let told = program.line();
    let handler: i32 = told.strip_prefix("usr1 ").unwrap().parse().unwrap();
    program.signal(Signal::SIGUSR2);
    program.signal(Signal::SIGUSR1);
    assert_eq!(program.line(), told);
    for (worker, mut client) in clients {
        assert_eq!(client.pid(), worker);
        assert!(is_alive(worker) && is_alive(handler));
    }
    let silent = crate::support::connect(&address);
    assert!(stays_silent(&silent, Duration::from_millis(1)));
}
