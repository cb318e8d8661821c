//! A connection of whatever kind, as protocols see it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use common::wait_until;
use greenserve::net::TcpStream;
use greenserve::sync::Event;
use greenserve::testing::TestServer;
use greenserve::{Context, Coroutine, Failure, Model, Tcp, TcpServer, Thread, Transport, with_context};

/// Echoes what a `Transport` gives, without a buffer while it waits.
fn echo(client: &mut TcpStream, context: &Context) -> Result<(), Failure> {
    let mut client: &dyn Transport = client;
    while client.wait_for_request(context)? {
        let mut buffer = [0; 64];
        match client.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => client.write_all(&buffer[..count])?,
            Err(err) if err.kind() == ErrorKind::WouldBlock => {}
            Err(err) => return Err(err.into()),
        }
    }
    Ok(client.write_all(b"goodbye")?)
}

fn echoes_and_ends_at_a_drain<M: Model>(model: M) {
    let builder = TcpServer::builder(with_context(echo)).model(model);
    let server = TestServer::<Tcp, M>::build(builder).unwrap();
    let mut client = server.connect().unwrap();
    for _ in 0..10 {
        client.write_all(b"hello").unwrap();
        let mut heard = [0; 5];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"hello");
    }
    wait_until("idle", || {
        server.handle().connections().iter().any(|client| client.idle)
    });
    assert!(server.stop().unwrap().is_clean());
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "goodbye");
}

#[test]
fn a_wait_between_requests_ends_at_a_drain() {
    echoes_and_ends_at_a_drain(Coroutine::new());
    echoes_and_ends_at_a_drain(Thread::new());
}

#[test]
fn an_attempt_waits_for_nothing() {
    let (tried, try_it) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (theirs, may_try) = (Arc::clone(&tried), Arc::clone(&try_it));
    let server = TestServer::<Tcp>::start(move |client: &mut TcpStream| -> Result<(), Failure> {
        may_try.wait()?;
        let client: &dyn Transport = client;
        let err = client.try_read(&mut [0; 8]).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::WouldBlock);
        assert_eq!(client.local()?.to_string(), client.local()?.to_string());
        assert!(!client.has_read_ahead() && !client.is_encrypted());
        theirs.set();
        Ok(())
    })
    .unwrap();
    let _silent = server.connect().unwrap();
    try_it.set();
    tried.wait().unwrap();
}
