//! Many clients at once: coroutines serve them as threads do, and more of
//! them.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

mod support;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::{Coroutine, Model, Tcp, TcpServer, Thread, sync};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::harness::{self, Case, Program};
use support::{Seeded, connect_ip, ip, read_exactly, wait_until};

const CASES: &[Case] = &[
    (
        "five_hundred_transcripts_are_the_same_in_both_models",
        five_hundred_transcripts_are_the_same_in_both_models,
    ),
    (
        "five_thousand_clients_are_served_at_once",
        five_thousand_clients_are_served_at_once,
    ),
    (
        "five_hundred_clients_of_a_hundred_coroutines_are_all_served",
        five_hundred_clients_of_a_hundred_coroutines_are_all_served,
    ),
    (
        "five_hundred_clients_of_a_hundred_threads_are_all_served",
        five_hundred_clients_of_a_hundred_threads_are_all_served,
    ),
];

fn main() -> ExitCode {
    let most = raise_descriptor_limit();
    println!("at most {most} descriptors");
    harness::main(CASES, |words| match words {
        ["clients", address, count] => program_clients(address.parse().unwrap(), count.parse().unwrap()),
        other => panic!("no program {other:?}"),
    })
}

/// As many descriptors as this process may have, and how many those are.
fn raise_descriptor_limit() -> usize {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    usize::try_from(most).unwrap()
}

/// Answers each message with its bytes backwards, under a length of four bytes.
fn backwards(client: &mut TcpStream) -> io::Result<()> {
    let mut length = [0; 4];
    loop {
        match client.read_exact(&mut length) {
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            read => read?,
        }
        let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        client.read_exact(&mut message)?;
        message.reverse();
        client.write_all(&[&length[..], &message].concat())?;
    }
}

/// What client `number` says: messages from nothing to some packets.
fn messages(number: u64) -> Vec<Vec<u8>> {
    let mut seeded = Seeded::new(number);
    let sizes = [0, 1, 100, 1500, 20_000];
    sizes
        .into_iter()
        .map(|size| {
            let size = size + seeded.below(size + 1);
            seeded.bytes(size)
        })
        .collect()
}

fn say(mut client: &Client, message: &[u8]) {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    client.write_all(&[&length[..], message].concat()).unwrap();
}

/// One client's conversation, held as all the others have begun theirs.
fn transcript(address: SocketAddr, number: u64, all: &Barrier) -> Vec<u8> {
    let client = connect_ip(address);
    let mut heard = Vec::new();
    for (turn, message) in messages(number).iter().enumerate() {
        say(&client, message);
        heard.extend(read_exactly(&client, 4 + message.len()));
        if turn == 0 {
            all.wait();
        }
    }
    heard
}

fn expected(number: u64) -> Vec<u8> {
    let answers = messages(number).into_iter().map(|message| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let backwards: Vec<_> = message.into_iter().rev().collect();
        [&length[..], &backwards].concat()
    });
    answers.flatten().collect()
}

fn transcripts<M: Model>(clients: usize, model: M) -> Vec<Vec<u8>> {
    let server = TestServer::build(TcpServer::builder(backwards).model(model)).unwrap();
    let address = ip(server.address());
    let all = Arc::new(Barrier::new(clients));
    let threads = in_threads(clients, move |number| transcript(address, number, &all));
    let transcripts = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(server.stop().unwrap().is_clean());
    transcripts
}

/// Runs `f` for each number, each in a small thread of its own.
fn in_threads<T: Send + 'static>(
    count: usize,
    f: impl Fn(u64) -> T + Clone + Send + 'static,
) -> Vec<thread::JoinHandle<T>> {
    (0..u64::try_from(count).unwrap())
        .map(|number| {
            let f = f.clone();
            thread::Builder::new()
                .stack_size(128 * 1024)
                .spawn(move || f(number))
                .unwrap()
        })
        .collect()
}

fn five_hundred_transcripts_are_the_same_in_both_models() {
    const CLIENTS: usize = 500;
    let coroutine = transcripts(CLIENTS, Coroutine::new());
    let thread = transcripts(CLIENTS, Thread::new());
    for (number, (one, other)) in coroutine.iter().zip(&thread).enumerate() {
        assert!(one == other, "client {number} heard something else on threads");
        assert!(
            *one == expected(u64::try_from(number).unwrap()),
            "client {number} was misunderstood"
        );
    }
}

fn five_thousand_clients_are_served_at_once() {
    const CLIENTS: usize = 5000;
    const RESERVE: usize = 200;
    if raise_descriptor_limit() < CLIENTS + RESERVE {
        println!("skipped: not enough descriptors");
        return;
    }
    let server = TestServer::build(TcpServer::builder(backwards)).unwrap();
    assert!(server.handle().max_connections() >= CLIENTS);
    // In a process of their own, which needs as many descriptors again.
    let program = Program::start(&format!("clients {} {CLIENTS}", ip(server.address())));
    assert_eq!(
        program.line(),
        format!("at most {} descriptors", raise_descriptor_limit())
    );
    assert_eq!(program.line(), "all have been answered");
    assert_eq!(server.handle().in_flight(), CLIENTS);
    assert_eq!(server.handle().connections().len(), CLIENTS);
    program.signal(nix::sys::signal::Signal::SIGTERM);
    wait_until("all are gone", || server.handle().in_flight() == 0);
    assert!(server.stop().unwrap().is_clean());
}

/// Connects all, then speaks with all, and stays until it is ended.
fn program_clients(address: SocketAddr, count: u64) {
    const THREADS: u64 = 4;
    let all = Arc::new(Barrier::new(usize::try_from(THREADS).unwrap()));
    let threads = in_threads(usize::try_from(THREADS).unwrap(), move |thread| {
        let clients: Vec<_> = (0..count / THREADS).map(|_| connect_ip(address)).collect();
        all.wait();
        let mut seeded = Seeded::new(thread);
        let messages: Vec<_> = clients.iter().map(|_| seeded.bytes(64)).collect();
        for (client, message) in clients.iter().zip(&messages) {
            say(client, message);
        }
        for (client, mut message) in clients.iter().zip(messages) {
            message.reverse();
            assert_eq!(read_exactly(client, 68)[4..], message);
        }
        clients
    });
    let _clients: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    println!("all have been answered");
    loop {
        thread::park();
    }
}

fn five_hundred_clients_of_a_hundred_coroutines_are_all_served() {
    all_are_served_but_a_hundred_at_a_time(Coroutine::new());
}

fn five_hundred_clients_of_a_hundred_threads_are_all_served() {
    all_are_served_but_a_hundred_at_a_time(Thread::new());
}

fn all_are_served_but_a_hundred_at_a_time<M: Model>(model: M) {
    const CLIENTS: usize = 500;
    const MOST: usize = 100;
    let full = Arc::new(sync::Event::new());
    let (now, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (full_too, now_too, peak_too) = (Arc::clone(&full), Arc::clone(&now), Arc::clone(&peak));
    let handler = move |client: &mut TcpStream| {
        peak_too.fetch_max(now_too.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        full_too.wait()?;
        let served = backwards(client);
        now_too.fetch_sub(1, Ordering::SeqCst);
        served
    };
    let builder = TcpServer::builder(handler).max_connections(MOST).model(model);
    let server: TestServer<Tcp, M> = TestServer::build(builder).unwrap();
    let address = ip(server.address());
    let clients = in_threads(CLIENTS, move |number| {
        let client = connect_ip(address);
        let message = Seeded::new(number).bytes(100);
        say(&client, &message);
        let heard = read_exactly(&client, 104);
        heard[4..].iter().rev().eq(&message)
    });
    wait_until("the server is full", || server.handle().in_flight() == MOST);
    // In flight is also a request whose thread has yet to begin.
    wait_until("all of them run", || now.load(Ordering::SeqCst) == MOST);
    full.set();
    assert!(clients.into_iter().all(|client| client.join().unwrap()));
    assert_eq!(peak.load(Ordering::SeqCst), MOST);
    assert!(server.stop().unwrap().is_clean());
}
