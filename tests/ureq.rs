//! Agents of ureq over this crate's sockets.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, Read, Write};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use greenserve::http::{self, Request, Response};
use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::{Tcp, WaitError, runtime, sync};
use ureq::config::Config;
use ureq::{Agent, Error, SendBody, Timeout};

use common::{PATIENCE, joined, wait_until};

fn echo(request: &mut Request, response: &mut Response) -> http::Result {
    io::copy(request.body(), response)?;
    Ok(())
}

fn serving() -> (TestServer<Tcp>, String) {
    let server = TestServer::<Tcp>::start(http::serve(echo)).unwrap();
    let url = format!("http://{}/", server.address());
    (server, url)
}

/// A server that takes requests and answers none.
fn silent() -> (TestServer<Tcp>, String) {
    let server = TestServer::<Tcp>::start(|client: &mut TcpStream| io::copy(client, &mut io::sink()).map(drop));
    let server = server.unwrap();
    let url = format!("http://{}/", server.address());
    (server, url)
}

fn agent() -> Agent {
    greenserve::ureq::agent(Config::default())
}

#[test]
fn coroutines_of_one_agent_share_its_pool() {
    let (server, url) = serving();
    let agent = agent();
    for round in 0..3 {
        let asked: Vec<_> = (0..50)
            .map(|number| {
                let (agent, url) = (agent.clone(), url.clone());
                runtime::spawn(move || {
                    let said = format!("{round} {number}");
                    let mut answer = agent.post(url).send(&said).unwrap();
                    assert_eq!(answer.body_mut().read_to_string().unwrap(), said);
                })
                .unwrap()
            })
            .collect();
        asked.into_iter().for_each(joined);
    }
    // 150 requests; a pool of 3 connections for a host, the default, was used
    // again and again.
    let accepted = server.handle().metrics().accepted;
    assert!(accepted < 150, "{accepted} connections");
}

#[test]
fn a_thread_uses_an_agent_as_well() {
    let (_server, url) = serving();
    let mut answer = agent().post(url).send("hello").unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "hello");
}

#[test]
fn bodies_are_streamed_both_ways() {
    const LONG: u64 = 20 << 20;
    let counts = |request: &mut Request, response: &mut Response| -> http::Result {
        let count = io::copy(request.body(), &mut io::sink())?;
        io::copy(&mut io::repeat(b'x').take(count), response)?;
        Ok(())
    };
    let serving = http::serve(counts).limits(http::Limits::new().body(LONG));
    let server = TestServer::<Tcp>::start(serving).unwrap();
    let url = format!("http://{}/", server.address());
    let asked = runtime::spawn(move || {
        let mut body = io::repeat(b'x').take(LONG);
        let mut answer = agent().post(url).send(SendBody::from_reader(&mut body)).unwrap();
        io::copy(&mut answer.body_mut().as_reader(), &mut io::sink()).unwrap()
    });
    assert_eq!(joined(asked.unwrap()), LONG);
}

#[test]
fn a_slow_server_holds_up_its_coroutine_alone() {
    let (server, url) = silent();
    let asking = runtime::Builder::new().worker(0);
    let asked = asking
        .spawn(move || agent().get(url).call().map(drop).unwrap_err().to_string())
        .unwrap();
    wait_until("the server is asked", || server.handle().in_flight() == 1);
    // On the same worker, while the other one waits.
    let beside = runtime::Builder::new().worker(0);
    joined(beside.spawn(|| ()).unwrap());
    assert!(!asked.is_finished());
    asked.task().kill();
    assert!(joined(asked).contains("killed"));
}

#[test]
fn limits_of_time_end_a_request() {
    let (_server, url) = silent();
    let limit = Duration::from_millis(50);
    let config = Config::builder().timeout_global(Some(limit)).build();
    let agent = greenserve::ureq::agent(config);
    let begin = Instant::now();
    let asked = runtime::spawn(move || agent.get(url).call().map(drop).unwrap_err()).unwrap();
    let err = joined(asked);
    assert!(matches!(err, Error::Timeout(Timeout::Global)), "{err:?}");
    assert!(begin.elapsed() < PATIENCE / 2);
}

#[test]
fn a_surrounding_timeout_ends_a_request_under_its_own_name() {
    let (_server, url) = silent();
    let (sender, told) = mpsc::channel();
    joined(
        runtime::spawn(move || {
            let asked = sync::with_timeout(Duration::from_millis(50), || {
                let err = agent().get(url).call().map(drop).unwrap_err();
                let inner = match &err {
                    Error::Io(err) => WaitError::of(err),
                    _ => None,
                };
                sender.send(inner).unwrap();
                io::Result::<()>::Err(io::Error::other(err))
            });
            assert!(asked.is_err());
        })
        .unwrap(),
    );
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Some(WaitError::Timeout));
}

#[test]
fn a_connection_that_the_server_has_closed_is_not_used_again() {
    let listener = greenserve::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = runtime::spawn(move || {
        for _ in 0..2 {
            let (mut client, _) = listener.accept().unwrap();
            let _ = client.read(&mut [0; 1024]).unwrap();
            client
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .unwrap();
        }
    })
    .unwrap();
    let agent = Arc::new(agent());
    for _ in 0..2 {
        let (agent, url) = (Arc::clone(&agent), url.clone());
        let asked = runtime::spawn(move || {
            let said = agent.get(url).call().unwrap().body_mut().read_to_string().unwrap();
            // The connection is closed once its handler has ended.
            said
        });
        assert_eq!(joined(asked.unwrap()), "ok");
    }
    joined(serving);
}

#[test]
fn nobody_there_is_an_error_of_its_kind() {
    let refused = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let asked = runtime::spawn(move || agent().get(refused).call().map(drop).unwrap_err());
    match joined(asked.unwrap()) {
        Error::Io(err) => assert_eq!(err.kind(), io::ErrorKind::ConnectionRefused),
        other => panic!("{other:?}"),
    }
}
