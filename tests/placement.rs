//! Where coroutines begin, and that nobody new waits for a worker that is held
//! up while another one is free.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, best_of_three, client, compute, echoed, ip, joined, wait_until};
use greenserve::TcpServer;
use greenserve::net::TcpStream;
use greenserve::runtime::{self, Builder, Config, Engine, spawn};
use greenserve::sync::Event;

fn alone() -> MutexGuard<'static, ()> {
    alone_with(Config::new().engine(Engine::Pinned).workers(2))
}

fn here() -> ThreadId {
    thread::current().id()
}

/// The threads of the two workers.
fn workers() -> [ThreadId; 2] {
    [0, 1].map(|worker| joined(Builder::new().worker(worker).spawn(here).unwrap()))
}

#[test]
fn a_coroutine_s_helpers_begin_beside_it() {
    let _alone = alone();
    for worker in 0..4 {
        let all_here = Builder::new().worker(worker).spawn(|| {
            let helpers: Vec<_> = (0..50).map(|_| spawn(here).unwrap()).collect();
            helpers.into_iter().all(|helper| helper.join().unwrap() == here())
        });
        assert!(joined(all_here.unwrap()));
    }
}

/// Wants `spread` to be even once in five times: a worker that this machine
/// gives no processor for a while looks held up, and rightly gets fewer.
fn evenly(mut spread: impl FnMut() -> [usize; 2]) {
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let counts = spread();
        if counts[0].abs_diff(counts[1]) <= 2 {
            return;
        }
        seen.push(counts);
    }
    panic!("never even: {seen:?}");
}

/// How many of `begin`'s coroutines, which all stay, are on each worker.
fn spread(begin: impl Fn(Arc<Event>) -> runtime::JoinHandle<ThreadId>, count: usize) -> [usize; 2] {
    let end = Arc::new(Event::new());
    let all: Vec<_> = (0..count).map(|_| begin(Arc::clone(&end))).collect();
    end.set();
    let mut counts = HashMap::<ThreadId, usize>::new();
    for each in all {
        *counts.entry(joined(each)).or_default() += 1;
    }
    workers().map(|worker| counts.get(&worker).copied().unwrap_or(0))
}

#[test]
fn a_thread_s_coroutines_begin_where_the_fewest_are() {
    let _alone = alone();
    let begin = |end: Arc<Event>| {
        let staying = spawn(move || {
            end.wait().unwrap();
            here()
        });
        staying.unwrap()
    };
    evenly(|| spread(begin, 100));
}

#[test]
fn a_coroutine_may_spread_its_helpers() {
    let _alone = alone();
    let begin = |end: Arc<Event>| {
        let staying = Builder::new().anywhere().spawn(move || {
            end.wait().unwrap();
            here()
        });
        staying.unwrap()
    };
    evenly(|| joined(spawn(move || spread(begin, 100)).unwrap()));
}

#[test]
fn clients_are_shared_out_evenly() {
    let _alone = alone();
    let whose = |client: &mut TcpStream| -> std::io::Result<()> {
        let index = u8::from(workers()[1] == here());
        client.write_all(&[index])?;
        client.read(&mut [0]).map(drop)
    };
    let server = TcpServer::bind("127.0.0.1:0", whose).unwrap().start().unwrap();
    evenly(|| {
        let mut clients: Vec<_> = (0..60).map(|_| client(ip(&server.address()))).collect();
        let on_one: usize = clients
            .iter_mut()
            .map(|client| {
                let mut index = [9];
                client.read_exact(&mut index).unwrap();
                usize::from(index[0])
            })
            .sum();
        drop(clients);
        wait_until("they are gone", || server.handle().in_flight() == 0);
        [on_one, 60 - on_one]
    });
    assert!(server.stop(PATIENCE).unwrap().is_clean());
}

/// Computes for as long as a client that says `c` stays; echoes for others.
fn handler(stop: Arc<AtomicBool>) -> impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static {
    move |client: &mut TcpStream| {
        let mut byte = [0];
        while client.read(&mut byte)? > 0 {
            client.write_all(&byte)?;
            if byte[0] == b'c' {
                compute(Duration::from_secs(2), &stop);
            }
        }
        Ok(())
    }
}

/// How long the slowest of 100 new clients waits while a handler computes that
/// began `since` ago.
fn slowest_beside_a_busy_handler(since: Duration) -> Duration {
    let stop = Arc::new(AtomicBool::new(false));
    let server = TcpServer::bind("127.0.0.1:0", handler(Arc::clone(&stop)))
        .unwrap()
        .start()
        .unwrap();
    let mut busy = client(ip(&server.address()));
    echoed(&mut busy, b"c");
    thread::sleep(since);
    let begin = Instant::now();
    let mut clients: Vec<_> = (0..100).map(|_| client(ip(&server.address()))).collect();
    clients.iter_mut().for_each(|client| client.write_all(b"x").unwrap());
    for client in &mut clients {
        common::expect(client, b"x");
    }
    let took = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    drop((busy, clients));
    server.stop(PATIENCE).unwrap();
    took
}

#[test]
fn a_handler_that_computes_holds_up_no_new_client() {
    let _alone = alone();
    best_of_three(
        "a hundred answers beside a handler that computes",
        Duration::from_millis(50),
        || slowest_beside_a_busy_handler(Duration::from_millis(30)),
    );
}

#[test]
fn clients_given_to_a_worker_in_the_moment_it_is_held_up_are_moved_on() {
    let _alone = alone();
    // No time has passed by which the worker could be known to be busy.
    best_of_three(
        "a hundred answers beside a handler that has just begun",
        Duration::from_millis(50),
        || slowest_beside_a_busy_handler(Duration::ZERO),
    );
}

/// How long `act` takes beside a coroutine that has computed for a while.
fn while_worker_0_computes(act: impl FnOnce()) -> Duration {
    let (stop, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (theirs, told) = (Arc::clone(&stop), Arc::clone(&begun));
    let computing = Builder::new().worker(0).spawn(move || {
        told.store(true, Ordering::SeqCst);
        compute(PATIENCE, &theirs);
    });
    wait_until("a coroutine computes", || begun.load(Ordering::SeqCst));
    thread::sleep(Duration::from_millis(20));
    let begin = Instant::now();
    act();
    let took = begin.elapsed();
    stop.store(true, Ordering::Relaxed);
    joined(computing.unwrap());
    took
}

#[test]
fn a_server_in_a_busy_coroutine_s_worker_goes_on_accepting() {
    let _alone = alone();
    best_of_three(
        "an answer beside two coroutines, one of them computing",
        Duration::from_millis(50),
        || {
            let server = TcpServer::bind("127.0.0.1:0", common::echo).unwrap().start().unwrap();
            while_worker_0_computes(|| echoed(&mut client(ip(&server.address())), b"hello"))
        },
    );
}

#[test]
fn a_coroutine_that_serves_accepts_while_its_worker_computes() {
    let _alone = alone();
    best_of_three(
        "an answer of a server that a coroutine of a busy worker serves",
        Duration::from_millis(50),
        || {
            let mut server = TcpServer::bind("127.0.0.1:0", common::echo).unwrap();
            let (address, handle) = (ip(&server.address().unwrap()), server.handle());
            let serving = Builder::new().worker(0).spawn(move || server.serve_forever());
            echoed(&mut client(address), b"it serves");
            let took = while_worker_0_computes(|| echoed(&mut client(address), b"hello"));
            handle.shutdown();
            joined(serving.unwrap()).unwrap();
            took
        },
    );
}

#[test]
fn who_yields_goes_behind_the_sockets_that_are_ready() {
    let _alone = alone();
    let (mut near, mut far) = greenserve::net::UnixStream::pair().unwrap();
    let heard = Arc::new(AtomicBool::new(false));
    let (theirs, begun) = (Arc::clone(&heard), Arc::new(AtomicBool::new(false)));
    let told = Arc::clone(&begun);
    let reading = Builder::new().worker(0).spawn(move || {
        told.store(true, Ordering::SeqCst);
        for _ in 0..100 {
            near.read_exact(&mut [0]).unwrap();
            theirs.store(true, Ordering::SeqCst);
        }
    });
    common::suspended(0, &begun);
    let yielding = Builder::new().worker(0).spawn(move || {
        for turn in 0..100 {
            far.write_all(b"x").unwrap();
            runtime::yield_now();
            assert!(
                heard.swap(false, Ordering::SeqCst),
                "turn {turn}: the reader has not run"
            );
        }
    });
    joined(yielding.unwrap());
    joined(reading.unwrap());
}
