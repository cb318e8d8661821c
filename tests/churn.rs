//! What comes and goes in thousands leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::collections::HashSet;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::Duration;

use common::{alone_with, client, connection, echo, echoed, expect_end, ip, joined, proc, suspended, wait_until};
use greenserve::runtime::{self, Builder, TaskState};
use greenserve::sync::Event;
use greenserve::{Deadlines, Limits, TcpServer};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2).stack_size(64 << 10))
}

/// By how much the resident memory may grow in what should leave nothing.
const GROWTH: usize = 8 << 20;

/// Has `count` coroutines come and go, some of them waiting for each thing a
/// coroutine can wait for.
fn coroutines_come_and_go(count: usize) {
    const AT_ONCE: usize = 500;
    for first in (0..count).step_by(AT_ONCE) {
        let each = |index: usize| {
            runtime::spawn(move || match index % 5 {
                0 => runtime::sleep(Duration::from_micros(500)).unwrap(),
                1 => runtime::yield_now(),
                2 => drop(Event::new().wait_timeout(Duration::from_micros(100))),
                3 if index % 100 == 3 => runtime::offload(|| ()).unwrap(),
                _ => {}
            })
        };
        let running: Vec<_> = (first..count.min(first + AT_ONCE)).map(each).collect();
        running.into_iter().for_each(|coroutine| joined(coroutine.unwrap()));
    }
    wait_until("all have left", || runtime::live_count() == 0);
}

#[test]
fn twenty_thousand_coroutines_leave_nothing_behind() {
    let _alone = alone();
    coroutines_come_and_go(3000);
    let (memory, descriptors, maps) = (proc::resident(), proc::descriptors(), proc::maps());
    coroutines_come_and_go(20_000);
    assert!(runtime::tasks().is_empty(), "{:?}", runtime::tasks());
    let grown = proc::resident().saturating_sub(memory);
    assert!(grown < GROWTH, "{grown} bytes more than before");
    assert_eq!(proc::descriptors(), descriptors);
    assert!(proc::maps() < maps + 200, "{maps} maps became {}", proc::maps());
}

/// Has `count` clients come and go, four at a time.
fn clients_come_and_go(address: SocketAddr, count: usize) {
    const AT_ONCE: usize = 4;
    let each = |_| {
        thread::spawn(move || {
            for _ in 0..count / AT_ONCE {
                let mut client = client(address);
                echoed(&mut client, b"x");
                // With a reset, so that no port stays taken for a minute.
                socket2::SockRef::from(&client)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
            }
        })
    };
    let clients: Vec<_> = (0..AT_ONCE).map(each).collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

/// How many clients come and go: 5,000, or as many as are asked for.
fn clients() -> usize {
    std::env::var("CONNECTIONS").map_or(5000, |text| text.parse().unwrap())
}

#[test]
fn thousands_of_connections_leave_nothing_behind() {
    let _alone = alone();
    let builder = TcpServer::builder(echo)
        .limits(Limits::new().per_peer(100))
        .deadlines(Deadlines::public());
    let server = builder.bind("127.0.0.1:0").unwrap().start().unwrap();
    let settled = || server.handle().in_flight() == 0 && runtime::live_count() == 1;
    clients_come_and_go(ip(&server.address()), 1000);
    wait_until("the first have gone", settled);
    let (memory, descriptors, timers) = (proc::resident(), proc::descriptors(), runtime::metrics().timers);
    clients_come_and_go(ip(&server.address()), clients());
    wait_until("all have gone", settled);
    wait_until("their timers too", || runtime::metrics().timers <= timers);
    assert_eq!(server.handle().metrics().peers.requests, 0);
    assert_eq!(runtime::tasks().len(), 1, "{:?}", runtime::tasks());
    let grown = proc::resident().saturating_sub(memory);
    assert!(grown < GROWTH, "{grown} bytes more than before");
    assert_eq!(proc::descriptors(), descriptors);
}

#[test]
fn sockets_that_were_waited_for_close_their_descriptors() {
    let _alone = alone();
    runtime::start().unwrap();
    let descriptors = proc::descriptors();
    for _ in 0..200 {
        let (mut near, far) = connection();
        let begun = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&begun);
        let reading = Builder::new().worker(0).spawn(move || {
            let _clone = near.try_clone().unwrap();
            theirs.store(true, Ordering::SeqCst);
            near.read(&mut [0]).map(drop)
        });
        let reading = reading.unwrap();
        suspended(0, &begun);
        reading.kill();
        joined(reading).unwrap_err();
        drop(far);
    }
    assert_eq!(proc::descriptors(), descriptors);
}

fn named(name: &str) -> Vec<TaskState> {
    let named = |task: &TaskState| task.name.to_string().contains(name);
    runtime::tasks().into_iter().filter(named).collect()
}

#[test]
fn a_named_coroutine_is_listed_while_it_lives() {
    let _alone = alone();
    let accountant = Builder::new().name("accountant".to_owned());
    let accountant = accountant
        .spawn(|| runtime::sleep(Duration::from_secs(3600)).is_err())
        .unwrap();
    wait_until("it is listed", || named("accountant").len() == 1);
    let listed = &named("accountant")[0];
    assert_eq!((listed.id, listed.killed), (accountant.task().id(), false));
    accountant.kill();
    assert!(joined(accountant));
    wait_until("it is listed no more", || named("accountant").is_empty());
}

#[test]
fn a_server_s_coroutines_are_listed_with_their_peers() {
    let _alone = alone();
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let mut clients: Vec<_> = (0..10).map(|_| client(ip(&server.address()))).collect();
    let mut ids = HashSet::new();
    for client in &mut clients {
        echoed(client, b"x");
        let peer = client.local_addr().unwrap();
        let listed = named(&format!("coroutine {peer} ("));
        assert_eq!(listed.len(), 1, "{:?}", runtime::tasks());
        assert!(listed[0].name.to_string().contains("echo"), "{:?}", listed[0]);
        assert!(ids.insert(listed[0].id));
    }
    assert_eq!(named(&server.address().to_string()).len(), 1, "the accept loop itself");
    for client in &mut clients {
        client.shutdown(std::net::Shutdown::Write).unwrap();
        expect_end(client);
    }
    wait_until("the handlers have left", || named("coroutine 127.0.0.1").is_empty());
}
