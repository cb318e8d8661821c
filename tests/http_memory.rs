//! What HTTP takes of memory: nothing for a request once it runs, little for a
//! client that is idle.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may say what it measured"
)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{child, proc, wait_until};
use greenserve::http::{self, Handler, HeaderValue, Request, Response, Router, header};
use greenserve::runtime::{self, Config, Engine};
use greenserve::testing::TestServer;
use greenserve::{Tcp, TcpServer};

/// The system's allocator, with a count of what is asked of it.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn hello(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    assert_eq!(request.header("user-agent"), Some("a test"));
    let mut body = [0; 16];
    while request.body().read(&mut body)? > 0 {}
    let plain = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response.send("Hello, world!")
}

fn user(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    assert_eq!((request.param("id"), request.param("rest")), (Some("7"), Some("a/b")));
    hello(request, response)
}

const GET: &[u8] =
    b"GET /a?b=c HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: a test\r\nAccept: */*\r\nX-One: 1\r\n\r\n";
const USER: &[u8] = b"GET /users/7/a/b HTTP/1.1\r\nHost: a\r\nUser-Agent: a test\r\n\r\n";
const SIZED: &[u8] =
    b"POST /a HTTP/1.1\r\nHost: a\r\nUser-Agent: a test\r\nContent-Length: 20\r\n\r\n01234567890123456789";
const CHUNKED: &[u8] =
    b"POST /a HTTP/1.1\r\nHost: a\r\nUser-Agent: a test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n";

/// Asks `times`, each time for as many answers as there are requests.
fn ask(client: &mut TcpStream, requests: &[u8], answers: usize, times: usize) {
    let mut heard = [0; 8192];
    for _ in 0..times {
        client.write_all(requests).unwrap();
        let (mut come, mut count) = (0, 0);
        while count < answers {
            come += client.read(&mut heard[come..]).unwrap();
            count = heard[..come]
                .windows(13)
                .filter(|part| part == b"Hello, world!")
                .count();
        }
    }
}

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

#[test]
fn a_request_allocates_nothing_once_its_connection_runs() {
    if !in_a_child("a_request_allocates_nothing_once_its_connection_runs") {
        return;
    }
    // A router and what stands around a handler are none of its own.
    let pass = |request: &mut Request<'_>, response: &mut Response<'_>, next: &dyn Handler| {
        let ended = next.handle(request, response);
        assert_eq!(response.written(), 13);
        ended
    };
    let routes = Router::builder().get("/a", hello).post("/a", hello);
    let router = routes.get("/users/{id}/{*rest}", user).build().unwrap();
    let server = TestServer::<Tcp>::start(http::serve(http::around(pass, router))).unwrap();
    let mut client = TcpStream::connect(server.address().to_string()).unwrap();
    client.set_nodelay(true).unwrap();
    let pipelined = GET.repeat(16);
    for (what, requests, answers) in [
        ("one", GET, 1),
        ("with parts of its path", USER, 1),
        ("with a body", SIZED, 1),
        ("with chunks", CHUNKED, 1),
        ("sixteen at once", &pipelined, 16),
    ] {
        ask(&mut client, requests, answers, 100);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        ask(&mut client, requests, answers, 1_000);
        let made = ALLOCATIONS.load(Ordering::Relaxed) - before;
        assert_eq!(made, 0, "{what}: {made} allocations in 1000 rounds");
    }
}

#[test]
fn an_idle_client_takes_little() {
    const CLIENTS: usize = 400;
    if !in_a_child("an_idle_client_takes_little") {
        return;
    }
    let server = TestServer::build(TcpServer::builder(http::serve(hello)).max_connections(CLIENTS + 50)).unwrap();
    let mut clients = Vec::with_capacity(CLIENTS + 50);
    let mut open = |count: usize| {
        for _ in 0..count {
            let mut client = TcpStream::connect(server.address().to_string()).unwrap();
            ask(&mut client, GET, 1, 2);
            clients.push(client);
        }
        let idle = || {
            server
                .handle()
                .connections()
                .iter()
                .filter(|client| client.idle)
                .count()
        };
        wait_until("idle", || idle() == clients.len());
    };
    open(50);
    let before = proc::resident() + proc::page_tables();
    open(CLIENTS);
    let each = (proc::resident() + proc::page_tables()).saturating_sub(before) / CLIENTS;
    println!("{each} bytes an idle client");
    // Not optimised, frames are several times as large.
    let most = match (cfg!(debug_assertions), common::engine()) {
        (false, Engine::Pinned) => 6_656,
        _ => 32 * 1024,
    };
    assert!(each <= most, "{each} bytes each");
}
