//! A process whose coroutines all wait costs nothing.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::Read;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use common::{PATIENCE, child, client, connection, echo, echoed, ip, proc, skipped, wait_until};
use greenserve::TcpServer;
use greenserve::net::UdpSocket;
use greenserve::runtime::{self, Engine};
use greenserve::sync::{Event, Mutex, Semaphore, channel, with_timeout};

const MEASURED: Duration = Duration::from_secs(4);

/// Runs `test` in a child, since other tests' threads would be counted here.
/// True in that child, which is then to do the work.
fn in_a_quiet_process(test: &str) -> bool {
    let polls = common::has_may_defaults() && common::engine() == Engine::May;
    if skipped(polls.then_some("may's default features have workers poll every 10 ms")) {
        return false;
    }
    if child::is_child(test) {
        // Longer than by default: on a machine that lets a worker wait for the
        // processor, a report of that would be what is measured.
        let limit = Some(Duration::from_secs(2));
        runtime::configure(common::workers(2).stall_after(limit)).unwrap();
        return true;
    }
    child::run(test, MEASURED + PATIENCE).passed();
    false
}

/// Sleeps, and wants the rest of the process to have slept too.
fn measure() {
    let (switches, cpu) = (proc::context_switches(), proc::cpu_time(std::process::id()));
    thread::sleep(MEASURED);
    let switches = proc::context_switches() - switches;
    let cpu = proc::cpu_time(std::process::id()) - cpu;
    let seconds = MEASURED.as_secs();
    assert!(switches <= 5 * seconds, "{switches} wake-ups in {seconds} s");
    assert!(cpu < MEASURED / 100, "{cpu:?} of processor time in {seconds} s");
}

#[test]
fn parked_coroutines_wake_nobody() {
    if !in_a_quiet_process("parked_coroutines_wake_nobody") {
        return;
    }
    let event = Arc::new(Event::new());
    let lock = Arc::new(Mutex::new(()));
    let permits = Arc::new(Semaphore::new(0));
    let (sender, receiver) = channel::<()>(1);
    let _held = lock.lock().unwrap();
    let mut far_ends = Vec::new();
    for _ in 0..10 {
        let (mut near, far) = connection();
        far_ends.push(far);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (event, lock, permits, receiver) = (event.clone(), lock.clone(), permits.clone(), receiver.clone());
        runtime::spawn(|| runtime::sleep(Duration::from_secs(3600))).unwrap();
        runtime::spawn(|| with_timeout(Duration::from_secs(3600), || runtime::sleep(Duration::MAX))).unwrap();
        runtime::spawn(move || event.wait()).unwrap();
        runtime::spawn(move || drop(lock.lock())).unwrap();
        runtime::spawn(move || drop(permits.acquire())).unwrap();
        runtime::spawn(move || receiver.recv()).unwrap();
        runtime::spawn(move || near.read(&mut [0])).unwrap();
        runtime::spawn(move || socket.recv(&mut [0])).unwrap();
    }
    wait_until("all have begun", || runtime::tasks().len() == 80);
    measure();
    drop(sender);
}

#[test]
fn a_server_that_waits_for_clients_wakes_nobody() {
    if !in_a_quiet_process("a_server_that_waits_for_clients_wakes_nobody") {
        return;
    }
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let mut idle = client(ip(&server.address()));
    echoed(&mut idle, b"hello");
    drop(client(ip(&server.address())));
    wait_until("the other client is gone", || server.handle().in_flight() == 1);
    measure();
}

#[test]
fn workers_may_run_wherever_the_process_may() {
    runtime::start().unwrap();
    let cores = proc::allowed_cores();
    assert!(cores.len() >= 3, "the workers are threads of this process: {cores:?}");
    assert!(cores.iter().all(|allowed| *allowed == cores[0]), "{cores:?}");
}
