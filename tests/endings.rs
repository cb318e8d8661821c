//! Every wait ends: a join by kill and by timeout, a destructor while a panic
//! unwinds, a coroutine that was killed before it began.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, client, echo, echoed, in_both, ip, joined, wait_until};
use greenserve::net::TcpStream;
use greenserve::runtime::{self, Builder, Config, JoinError, JoinHandle, spawn};
use greenserve::sync::{Event, Group, with_timeout};
use greenserve::{TcpServer, WaitError};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(Config::new().workers(1))
}

/// Longer than any wait here may take.
fn sleeper() -> JoinHandle<io::Result<()>> {
    spawn(|| runtime::sleep(Duration::from_secs(600))).unwrap()
}

fn soon(what: &str, begin: Instant) {
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{what} took {:?}",
        begin.elapsed()
    );
}

#[test]
fn a_timeout_around_ends_a_join() {
    let _alone = alone();
    in_both(|| {
        let sleeping = sleeper();
        let task = Arc::clone(sleeping.task());
        let begin = Instant::now();
        let ended = with_timeout(Duration::from_millis(50), || sleeping.join()?);
        assert_eq!(WaitError::of(&ended.unwrap_err()), Some(WaitError::Timeout));
        soon("the join", begin);
        assert!(!task.is_killed(), "the joined one goes on");
        task.kill();
    });
}

#[test]
fn a_kill_of_the_joiner_ends_its_join() {
    let _alone = alone();
    let sleeping = sleeper();
    let task = Arc::clone(sleeping.task());
    let joining = spawn(|| sleeping.join().unwrap_err()).unwrap();
    runtime::sleep(Duration::from_millis(5)).unwrap();
    joining.kill();
    let why = joined(joining);
    assert!(matches!(why, JoinError::Interrupted(WaitError::Killed)), "{why:?}");
    task.kill();
}

#[test]
fn a_result_that_is_there_is_given_to_a_killed_joiner_too() {
    let _alone = alone();
    let done = spawn(|| 42).unwrap();
    wait_until("it has ended", || done.is_finished());
    let joining = spawn(|| {
        runtime::Task::current().kill();
        done.join().unwrap()
    });
    assert_eq!(joined(joining.unwrap()), 42);
}

/// Joins a coroutine of its own worker when dropped.
struct JoinsOnDrop(Option<JoinHandle<io::Result<()>>>);

impl Drop for JoinsOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = self.0.take() {
            let _ = handle.join();
        }
    }
}

#[test]
fn a_join_while_a_panic_unwinds_gives_up_and_keeps_the_worker() {
    let _alone = alone();
    let (begin, sleeping) = (Instant::now(), sleeper());
    let task = Arc::clone(sleeping.task());
    let panicking = spawn(move || {
        let _joins = JoinsOnDrop(Some(sleeping));
        panic!("on purpose");
    });
    let panic = panicking.unwrap().join_timeout(PATIENCE).unwrap().unwrap_err();
    assert_eq!(panic.into_panic().unwrap().message(), "on purpose");
    soon("the unwinding", begin);
    task.kill();
}

#[test]
fn a_panic_drops_a_running_server_and_keeps_the_worker() {
    let _alone = alone();
    let (sender, receiver) = std::sync::mpsc::channel();
    let panicking = spawn(move || {
        let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
        sender.send(server.address()).unwrap();
        // So that something is in flight.
        let mut client = TcpStream::connect(server.address()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        echoed(&mut client, b"x");
        panic!("on purpose");
    });
    let begin = Instant::now();
    assert!(panicking.unwrap().join_timeout(PATIENCE).unwrap().is_err());
    soon("the unwinding", begin);
    let address = ip(&receiver.recv().unwrap());
    wait_until("nobody listens any more", || {
        std::net::TcpStream::connect(address).is_err()
    });
    let of_server = |task: &runtime::TaskState| {
        let name = task.name.to_string();
        name.contains(&address.to_string()) || name.starts_with("coroutine 127.0.0.1")
    };
    wait_until("its coroutines have ended", || !runtime::tasks().iter().any(of_server));
}

#[test]
fn a_panic_of_a_thread_drops_a_running_server() {
    let _alone = alone();
    let (sender, receiver) = std::sync::mpsc::channel();
    let panicking = std::thread::spawn(move || {
        let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
        sender.send(server.address()).unwrap();
        panic!("on purpose");
    });
    let address = ip(&receiver.recv().unwrap());
    wait_until("the thread has ended", || panicking.is_finished());
    wait_until("nobody listens any more", || {
        std::net::TcpStream::connect(address).is_err()
    });
}

#[test]
fn who_is_killed_before_its_first_step_takes_none() {
    let _alone = alone();
    let ran = Arc::new(AtomicUsize::new(0));
    let cargo = Arc::new(());
    let killed = joined(
        spawn({
            let (ran, cargo) = (Arc::clone(&ran), Arc::clone(&cargo));
            move || {
                let all: Vec<_> = (0..100)
                    .map(|_| {
                        let (ran, cargo) = (Arc::clone(&ran), Arc::clone(&cargo));
                        let handle = spawn(move || {
                            ran.fetch_add(1, Ordering::SeqCst);
                            drop(cargo);
                        });
                        let handle = handle.unwrap();
                        handle.kill();
                        handle
                    })
                    .collect();
                all.into_iter().map(JoinHandle::join).collect::<Vec<_>>()
            }
        })
        .unwrap(),
    );
    assert_eq!(ran.load(Ordering::SeqCst), 0, "bodies ran");
    assert!(
        killed.iter().all(|end| matches!(end, Err(JoinError::Killed))),
        "{killed:?}"
    );
    wait_until("what they were given is dropped", || Arc::strong_count(&cargo) == 1);
}

#[test]
fn a_group_that_is_killed_before_its_members_begin_runs_none() {
    let _alone = alone();
    let ran = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&ran);
    joined(
        spawn(move || {
            let group = Group::new();
            for _ in 0..100 {
                let ran = Arc::clone(&theirs);
                drop(group.spawn(move || ran.fetch_add(1, Ordering::SeqCst)).unwrap());
            }
            group.kill();
            group.join().unwrap();
            assert_eq!(group.panics(), 0);
        })
        .unwrap(),
    );
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

#[test]
fn a_handler_that_joins_a_helper_does_not_survive_a_stop() {
    let _alone = alone();
    let joins = |_: &mut TcpStream| -> io::Result<()> { sleeper().join()? };
    let server = TcpServer::bind("127.0.0.1:0", joins).unwrap().start().unwrap();
    let _client = client(ip(&server.address()));
    wait_until("it is served", || server.handle().in_flight() == 1);
    let begin = Instant::now();
    let report = server.stop(Duration::from_millis(100)).unwrap();
    soon("the stop", begin);
    assert_eq!((report.killed.len(), report.survivors.len()), (1, 0), "{report}");
}

#[test]
fn a_timeout_around_ends_serve_forever() {
    let _alone = alone();
    in_both(|| {
        let mut server = TcpServer::bind("127.0.0.1:0", echo).unwrap();
        let begin = Instant::now();
        let served = with_timeout(Duration::from_millis(50), || Ok(server.serve_forever()?));
        assert_eq!(WaitError::of(&served.unwrap_err()), Some(WaitError::Timeout));
        soon("serve_forever", begin);
        let begin = Instant::now();
        let served = with_timeout(Duration::from_millis(50), || Ok(server.handle_request()?));
        assert_eq!(WaitError::of(&served.unwrap_err()), Some(WaitError::Timeout));
        soon("handle_request", begin);
    });
}

#[test]
fn a_coroutine_that_is_killed_in_serve_forever_is_told_so() {
    let _alone = alone();
    let begun = Arc::new(Event::new());
    let told = Arc::clone(&begun);
    let serving = Builder::new().spawn(move || {
        let mut server = TcpServer::bind("127.0.0.1:0", echo).unwrap();
        told.set();
        io::Error::from(server.serve_forever().unwrap_err())
    });
    let serving = serving.unwrap();
    begun.wait().unwrap();
    runtime::sleep(Duration::from_millis(5)).unwrap();
    serving.kill();
    let err = joined(serving);
    assert_eq!(WaitError::of(&err), Some(WaitError::Killed), "{err}");
}
