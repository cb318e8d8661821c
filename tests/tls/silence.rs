//! Clients that send bytes which are nothing yet, to be waited for longer.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use greenserve::net::{Deadlines, Overdue};
use greenserve::{Handler, with_context};

use crate::authority::Authority;
use crate::common::{PATIENCE, echoed};
use crate::scene::{In, Scene, Tls, echo, in_both};

/// How long a client may say nothing.
const LIMIT: Duration = Duration::from_millis(300);
const BETWEEN_BYTES: Duration = Duration::from_millis(20);

/// The head of a record of 16 KiB, which a byte now and then never fills.
const BEGIN: [u8; 5] = [23, 3, 3, 0x40, 0];

/// Has `client` send a record byte by byte until the server has ended it.
fn send_byte_by_byte(client: &Tls) {
    let (mut raw, begin) = (client.connection(), Instant::now());
    raw.write_all(&BEGIN).unwrap();
    raw.set_timeout(Some(BETWEEN_BYTES)).unwrap();
    loop {
        match raw.read(&mut [0; 256]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(err) if err.kind() == ErrorKind::TimedOut => {
                if raw.write_all(b"x").is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
        assert!(begin.elapsed() < PATIENCE, "it is still there");
    }
}

fn check(model: In, handler: impl Handler<Tls>, deadlines: Deadlines, talk: impl Fn(&mut Tls), missed: Overdue) {
    let authority = Authority::new();
    let scene = Scene::with(model, authority.server(), handler, |builder| {
        builder.deadlines(deadlines)
    });
    let mut client = scene.connect(&authority.client()).unwrap();
    talk(&mut client);
    let begin = Instant::now();
    send_byte_by_byte(&client);
    assert!(begin.elapsed() >= LIMIT / 2, "it was ended after {:?}", begin.elapsed());
    assert_eq!(scene.handle().overdue(missed), 1, "{missed:?}");
}

#[test]
fn a_record_that_comes_byte_by_byte_buys_no_time() {
    let idle = || Deadlines::none().idle(LIMIT);
    let hello = |client: &mut Tls| echoed(client, b"hello");
    in_both(|model| {
        check(model, with_context(echo), idle(), hello, Overdue::Idle);
        let reader = |client: &mut Tls| std::io::copy(&mut &*client, &mut &*client).map(drop);
        check(model, reader, idle(), hello, Overdue::Idle);
    });
}

#[test]
fn a_client_is_waited_for_anew_after_each_message() {
    let authority = Authority::new();
    let scene = Scene::with(In::Coroutines, authority.server(), with_context(echo), |builder| {
        builder.deadlines(Deadlines::none().idle(LIMIT))
    });
    let mut client = scene.connect(&authority.client()).unwrap();
    let begin = Instant::now();
    while begin.elapsed() < LIMIT * 2 {
        echoed(&mut client, b"hello");
        std::thread::sleep(LIMIT / 6);
    }
    scene.nothing_failed();
}

#[test]
fn a_handshake_is_no_first_byte() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::with(model, authority.server(), with_context(echo), |builder| {
            builder.deadlines(Deadlines::none().first_byte(LIMIT))
        });
        let mut client = scene.connect(&authority.client()).unwrap();
        let mut heard = Vec::new();
        let ended = client.read_to_end(&mut heard);
        assert!(heard.is_empty() && ended.is_err(), "{ended:?}");
        assert_eq!(scene.handle().overdue(Overdue::FirstByte), 1);
    });
}

#[test]
fn a_part_of_a_record_is_no_first_byte() {
    let first = || Deadlines::none().first_byte(LIMIT).idle(PATIENCE);
    in_both(|model| {
        check(model, with_context(echo), first(), |_| {}, Overdue::FirstByte);
        let reader = |client: &mut Tls| std::io::copy(&mut &*client, &mut &*client).map(drop);
        check(model, reader, first(), |_| {}, Overdue::FirstByte);
    });
}

#[cfg(feature = "http")]
#[test]
fn a_record_that_comes_byte_by_byte_is_no_request() {
    use greenserve::http::{self, Request, Response};

    let hello = |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result { response.send("hello") };
    let ask = |client: &mut Tls| {
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"hello") {
            let mut some = [0; 256];
            let count = client.read(&mut some).unwrap();
            heard.extend_from_slice(&some[..count]);
            assert!(count > 0, "the end after {}", heard.escape_ascii());
        }
    };
    in_both(|model| {
        let handler = http::serve(hello).deadlines(http::Deadlines::new().keep_alive(LIMIT));
        check(model, handler, Deadlines::none(), ask, Overdue::Idle);
        let deadlines = http::Deadlines::new().head(LIMIT).keep_alive(PATIENCE);
        let handler = http::serve(hello).deadlines(deadlines);
        check(model, handler, Deadlines::none(), |_| {}, Overdue::FirstByte);
    });
}
