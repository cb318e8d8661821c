//! What compression takes: of the time of others nothing to speak of, of memory
//! no more than was said.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may say what it measured"
)]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{child, proc, wait_until};
use greenserve::http::{self, Compression, Request, Response, around};
use greenserve::runtime::{self, Config};
use greenserve::testing::TestServer;
use greenserve::{Tcp, TcpServer, WaitError};

/// Runs `test` in a child with one worker; true there.
fn in_a_child(test: &str) -> bool {
    if child::is_child(test) {
        // The report of a stall reads all names of the program, some 10 MiB: on
        // a busy machine they would be counted as the clients'.
        let config = Config::new().engine(common::engine()).workers(1).stall_after(None);
        runtime::configure(config).unwrap();
        return true;
    }
    child::run(test, Duration::from_secs(60)).passed();
    false
}

fn ask(server: &TestServer<Tcp>) -> TcpStream {
    let mut client = TcpStream::connect(server.address().to_string()).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    client.write_all(request).unwrap();
    client
}

/// Text of some variety: words that come again in ever other orders.
fn text(size: usize) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "a ",
        "server ",
        "answers ",
        "each ",
        "client ",
        "in ",
        "its ",
        "own ",
        "coroutine, ",
        "and\n",
        "never ",
        "waits ",
    ];
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        WORDS[(state >> 16) as usize % WORDS.len()]
    };
    let mut text = Vec::with_capacity(size + 16);
    while text.len() < size {
        text.extend_from_slice(next().as_bytes());
    }
    text
}

#[test]
fn others_have_their_turn_while_a_body_is_coded() {
    const SIZE: usize = 8 << 20;
    if !in_a_child("others_have_their_turn_while_a_body_is_coded") {
        return;
    }
    let had = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&had);
    let handler = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let (turns, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (Arc::clone(&turns), Arc::clone(&is_over));
        let other = runtime::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                count.fetch_add(1, Ordering::Relaxed);
                runtime::yield_now();
            }
        })?;
        // So little comes out that nothing is ever waited for.
        response.send(vec![b'x'; SIZE])?;
        told.store(turns.load(Ordering::Relaxed), Ordering::Relaxed);
        is_over.store(true, Ordering::Relaxed);
        Ok(other.join()?)
    };
    let server = TestServer::build(TcpServer::builder(http::serve(around(Compression::new(), handler)))).unwrap();
    let mut heard = Vec::new();
    ask(&server).read_to_end(&mut heard).unwrap();
    assert!(heard.starts_with(b"HTTP/1.1 200 ") && heard.len() < 100_000);
    let turns = had.load(Ordering::Relaxed);
    assert!(turns >= SIZE / (32 * 1024), "{turns} turns in {SIZE} bytes");
}

#[test]
fn who_is_killed_codes_no_further() {
    if !in_a_child("who_is_killed_codes_no_further") {
        return;
    }
    let flags: [Arc<AtomicBool>; 2] = Default::default();
    let [is_here, is_killed] = flags.clone();
    let (told, result) = std::sync::mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let handler = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        is_here.store(true, Ordering::SeqCst);
        // Which is no wait that a kill would end.
        while !is_killed.load(Ordering::SeqCst) {
            runtime::yield_now();
        }
        // So little comes out that no write tells of it.
        let written = response.write_all(&vec![b'x'; 8 << 20]);
        told.lock().unwrap().send(written.map_err(|err| WaitError::of(&err)))?;
        Ok(())
    };
    let server = TestServer::build(TcpServer::builder(http::serve(around(Compression::new(), handler)))).unwrap();
    let _client = ask(&server);
    wait_until("here", || flags[0].load(Ordering::SeqCst));
    server.handle().kill_all();
    flags[1].store(true, Ordering::SeqCst);
    let written = result.recv_timeout(common::PATIENCE).unwrap();
    assert_eq!(written, Err(Some(WaitError::Killed)));
}

/// How much `clients` take that wait in the middle of a coded body, each.
fn taken_by(clients: usize, compression: Compression) -> usize {
    let handler = |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        response.write_all(&text(200_000))?;
        response.flush()?;
        Ok(runtime::sleep(Duration::from_secs(3_600))?)
    };
    let builder = TcpServer::builder(http::serve(around(compression, handler))).max_connections(clients + 1);
    let server = TestServer::build(builder).unwrap();
    let listen = || {
        let mut client = ask(&server);
        let mut heard = vec![0; 20_000];
        client.read_exact(&mut heard).unwrap();
        (client, heard)
    };
    let _first = listen();
    let before = proc::resident();
    let all: Vec<_> = (0..clients).map(|_| listen()).collect();
    let taken = proc::resident().saturating_sub(before) / all.len();
    drop(all);
    server.handle().kill_all();
    taken
}

#[test]
fn a_body_takes_what_was_said_and_all_together_no_more_than_was_set() {
    if !in_a_child("a_body_takes_what_was_said_and_all_together_no_more_than_was_set") {
        return;
    }
    let each = taken_by(40, Compression::new());
    println!("{each} bytes a body");
    assert!(each < 600 * 1024, "{each}");
    let bounded = taken_by(40, Compression::new().at_once(4));
    println!("{bounded} bytes a body with at most 4 coded");
    assert!(bounded < 200 * 1024, "{bounded}");
}

/// What `docs/HTTP.md` quotes; worth something with `--release` alone.
#[test]
#[ignore = "says how long it takes, and proves nothing"]
fn what_a_mebibyte_costs() {
    const SIZE: usize = 16 << 20;
    let body = Arc::new(text(SIZE));
    for level in 0..10 {
        let body = Arc::clone(&body);
        let send = move |_: &mut Request<'_>, response: &mut Response<'_>| response.send(&*body);
        let server = match level {
            0 => TestServer::build(TcpServer::builder(http::serve(send))).unwrap(),
            _ => TestServer::build(TcpServer::builder(http::serve(around(
                Compression::new().level(level),
                send,
            ))))
            .unwrap(),
        };
        let begin = Instant::now();
        let mut heard = Vec::new();
        ask(&server).read_to_end(&mut heard).unwrap();
        let (took, part) = (begin.elapsed(), 100 * heard.len() / SIZE);
        println!(
            "level {level}: {:?} a MiB, {part} % of it left",
            took / (SIZE >> 20) as u32
        );
    }
}
