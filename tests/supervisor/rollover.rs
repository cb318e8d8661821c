//! New workers for old ones.

use std::collections::HashSet;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use greenserve::net::Address;
use nix::sys::signal::Signal;

use crate::clients::{Client, of_each_worker, once};
use crate::program::workers;
use crate::support::exchange::udp_client;
use crate::support::harness::Program;
use crate::support::{LIMIT, ip, is_listening, wait_until};
use crate::systemd::Manager;

const ROLLOVERS: usize = 20;

/// Asks some lines over one connection, as often as there is time for, and
/// fails if a connection is refused or an answer does not come whole.
fn keep_asking(address: &Address, stop: &AtomicBool, done: &AtomicUsize) -> HashSet<String> {
    let mut seen = HashSet::new();
    let mut number = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        let stream = TcpStream::connect_timeout(&ip(address), LIMIT).expect("nobody is refused");
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut client = Client::over(stream);
        seen.insert(client.try_ask("pid").expect("the first answer comes"));
        for _ in 0..number % 5 {
            number += 1;
            let line = format!("{number} {}", "x".repeat(number % 4000));
            let answer = client.try_ask(&line).expect("every answer comes");
            assert!(answer == line, "an answer to something else");
            done.fetch_add(1, Ordering::Relaxed);
        }
        number += 1;
        done.fetch_add(1, Ordering::Relaxed);
    }
    seen
}

pub fn twenty_rollovers_under_load_refuse_and_lose_nothing() {
    let manager = Manager::new();
    let program = manager.start("stream=127.0.0.1:0 workers=2 grace=15000");
    let address = program.address();
    manager.expect("READY=1");
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (address, stop, done) = (address.clone(), Arc::clone(&stop), Arc::clone(&done));
            thread::spawn(move || keep_asking(&address, &stop, &done))
        })
        .collect();
    for _ in 0..ROLLOVERS {
        let before = done.load(Ordering::Relaxed);
        program.signal(Signal::SIGHUP);
        manager.expect("RELOADING=1");
        manager.expect("READY=1");
        assert!(!clients.iter().any(thread::JoinHandle::is_finished), "a client failed");
        wait_until("clients are served", || done.load(Ordering::Relaxed) > before + 20);
    }
    stop.store(true, Ordering::Relaxed);
    let seen: HashSet<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    println!("{} answers of {} workers", done.load(Ordering::Relaxed), seen.len());
    assert!(seen.len() > ROLLOVERS, "only {} workers served", seen.len());
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    // Two at the start, two for each time, and none that died.
    assert_eq!(said.matches(") starts").count(), 2 + 2 * ROLLOVERS, "{said}");
    assert!(!said.contains("cut short"), "{said}");
}

pub fn datagrams_are_answered_throughout() {
    let manager = Manager::new();
    let program = manager.start("family=udp datagram=127.0.0.1:0 workers=2");
    let address = program.address();
    manager.expect("READY=1");
    let stop = Arc::new(AtomicBool::new(false));
    let asking = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let client = udp_client(&address);
            let mut answers = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                client.send(&answers.to_be_bytes()).unwrap();
                let mut heard = [0; 64];
                client.recv(&mut heard).expect("every datagram is answered");
                answers += 1;
            }
            answers
        })
    };
    for _ in 0..5 {
        program.signal(Signal::SIGHUP);
        manager.expect("RELOADING=1");
        manager.expect("READY=1");
    }
    stop.store(true, Ordering::Relaxed);
    let answers = asking.join().unwrap();
    println!("{answers} datagrams answered");
    assert!(answers > 100);
}

/// The process of a client's worker that drains, while another one serves.
fn drains(program: &Program, worker: i32) {
    wait_until("another worker serves in its place", || workers(program).len() == 3);
    // It closes its copy of the socket when it is told to.
    wait_until("the worker drains", || !has_socket(program, worker));
}

/// Whether `worker` has the socket that the supervisor listens on.
fn has_socket(program: &Program, worker: i32) -> bool {
    let sockets = |pid: i32| -> HashSet<_> {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let links = open.filter_map(|one| fs::read_link(one.unwrap().path()).ok());
        links
            .filter(|link| link.to_string_lossy().starts_with("socket:"))
            .collect()
    };
    !sockets(program.pid().as_raw()).is_disjoint(&sockets(worker))
}

pub fn one_is_replaced_at_a_time_and_again_if_asked_again() {
    let manager = Manager::new();
    let program = manager.start("stream=127.0.0.1:0 workers=2 grace=20000");
    let address = program.address();
    manager.expect("READY=1");
    let mut held = of_each_worker(&address, 2);
    let old: Vec<_> = workers(&program);
    program.signal(Signal::SIGHUP);
    drains(&program, old[0]);
    program.signal(Signal::SIGHUP);
    for _ in 0..50 {
        assert_eq!(workers(&program).len(), 3);
        assert!(has_socket(&program, old[1]));
        assert_eq!(held.get_mut(&old[0]).unwrap().pid(), old[0]);
        assert_eq!(held.get_mut(&old[1]).unwrap().pid(), old[1]);
    }
    drop(held);
    manager.expect("READY=1");
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    assert_eq!(said.matches(") starts").count(), 6, "{said}");
}

pub fn the_end_of_all_cuts_no_drain_short() {
    let manager = Manager::new();
    let program = manager.start("stream=127.0.0.1:0 workers=2 grace=20000");
    let address = program.address();
    manager.expect("READY=1");
    let mut held = of_each_worker(&address, 2);
    let old: Vec<_> = workers(&program);
    program.signal(Signal::SIGHUP);
    drains(&program, old[0]);
    program.signal(Signal::SIGTERM);
    wait_until("the port is free", || !is_listening(&address));
    for (worker, client) in &mut held {
        assert_eq!(client.pid(), *worker, "still served");
    }
    drop(held);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// A file of its own with this program in it.
fn copy(to: &Path) {
    fs::copy(std::env::current_exe().unwrap(), to).unwrap();
}

fn turn(link: &Path, to: &Path) {
    let new = link.with_extension("new");
    symlink(to, &new).unwrap();
    fs::rename(new, link).unwrap();
}

pub fn workers_run_the_program_that_stands_there_now() {
    let directory = tempfile::tempdir().unwrap();
    let [old, new, link] = ["old", "new", "program"].map(|name| directory.path().join(name));
    copy(&old);
    turn(&link, &old);
    let manager = Manager::new();
    let words = "stream=127.0.0.1:0 workers=2";
    let program = Program::start_by(manager.watch(&mut Command::new(&link)), words);
    let address = program.address();
    manager.expect("READY=1");
    let first = once(&address, "program");
    let before = of_each_worker(&address, 2);
    let old_workers: HashSet<_> = before.into_keys().collect();
    copy(&new);
    turn(&link, &new);
    program.signal(Signal::SIGHUP);
    manager.expect("READY=1");
    let after = of_each_worker(&address, 2);
    for (worker, mut client) in after {
        assert!(!old_workers.contains(&worker));
        assert_ne!(client.ask("program"), first);
    }
}

pub fn a_new_program_that_does_not_serve_replaces_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("program");
    turn(&link, &std::env::current_exe().unwrap());
    let manager = Manager::new();
    let words = "stream=127.0.0.1:0 workers=2 failures=1";
    let mut program = Program::start_by(manager.watch(&mut Command::new(&link)), words);
    let address = program.address();
    manager.expect("READY=1");
    let mut old = of_each_worker(&address, 2);
    for broken in ["/bin/false", "/nonexistent/program"] {
        turn(&link, Path::new(broken));
        program.signal(Signal::SIGHUP);
        manager.expect("RELOADING=1");
        manager.expect("READY=1\nSTATUS=2 of 2 workers serve");
        for (worker, client) in &mut old {
            assert_eq!(client.pid(), *worker);
        }
        assert!(program.runs());
    }
    // And a good one does again.
    turn(&link, &std::env::current_exe().unwrap());
    let workers: HashSet<_> = old.into_keys().collect();
    program.signal(Signal::SIGHUP);
    manager.expect("READY=1");
    assert!(
        of_each_worker(&address, 2)
            .keys()
            .all(|worker| !workers.contains(worker))
    );
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    // Of each broken one the first was enough.
    assert_eq!(said.matches(") starts").count(), 2 + 1 + 2, "{said}");
    assert_eq!(said.matches("could not be started").count(), 1, "{said}");
}
