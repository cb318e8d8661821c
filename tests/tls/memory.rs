//! What a client that says nothing costs.

#[cfg(feature = "http")]
use std::io::{Read, Write};
use std::time::Duration;

use greenserve::runtime::{self, Config, Engine};
use greenserve::{Handler, with_context};

use crate::authority::Authority;
use crate::common::{child, echoed, proc, wait_until};
use crate::scene::{In, Scene, Tls, echo};

const CLIENTS: usize = 300;

/// Of both ends of a connection, the stack of one's coroutine included. Some
/// 20 KiB are the sessions; what a handshake touches of a stack is more than
/// the rest.
const MOST: usize = if cfg!(debug_assertions) { 44 } else { 32 } * 1024;

#[test]
fn an_idle_client_keeps_no_stack_for_its_handshake() {
    const TEST: &str = "memory::an_idle_client_keeps_no_stack_for_its_handshake";
    check(TEST, with_context(echo), |client| echoed(client, b"hello"));
}

#[cfg(feature = "http")]
#[test]
fn an_idle_client_of_https_keeps_none_either() {
    use greenserve::http::{self, Request, Response};

    const TEST: &str = "memory::an_idle_client_of_https_keeps_none_either";
    let hello = |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result { response.send("hello") };
    check(TEST, http::serve(hello), |client| {
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"hello") {
            let mut some = [0; 256];
            let count = client.read(&mut some).unwrap();
            assert!(count > 0, "the end after {}", heard.escape_ascii());
            heard.extend_from_slice(&some[..count]);
        }
    });
}

/// In a process of its own, connects clients that `talk` and then say no more.
fn check(test: &str, handler: impl Handler<Tls>, talk: impl Fn(&mut Tls)) {
    if !child::is_child(test) {
        return child::run(test, Duration::from_secs(60)).passed();
    }
    runtime::configure(Config::new().engine(Engine::Pinned).workers(1)).unwrap();
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), handler);
    let settings = authority.client();
    let connect = |count: usize| -> Vec<_> {
        let connected = (0..count).map(|_| {
            let mut client = scene.connect(&settings).unwrap();
            talk(&mut client);
            client
        });
        connected.collect()
    };
    let _warm = connect(20);
    let before = proc::resident();
    let _clients = connect(CLIENTS);
    wait_until("all are idle", || {
        scene.handle().connections().iter().filter(|client| client.idle).count() == CLIENTS + 20
    });
    let each = proc::resident().saturating_sub(before) / CLIENTS;
    assert!(each < MOST, "{each} bytes a client");
}
