//! Limits and deadlines that change while clients are served.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use greenserve::http::{self, Control, Deadlines, Http, Limits, Request, Response};
use greenserve::sync::Event;
use greenserve::testing::TestServer;
use greenserve::{Coroutine, Error, MinimumRate, Model, Overdue, Tcp, Thread};

use super::behaviour::{Client, GET, start_in};
use super::common::PATIENCE;
use super::server::describe;

const SHORT: Duration = Duration::from_millis(100);
/// Of a head, and of a body.
const PARTS: [&str; 2] = ["GET /", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc"];
const TWO_HEADERS: &str = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";

fn controlled<M: Model>(model: M, http: Http<impl http::Handler>) -> (TestServer<Tcp, M>, Control) {
    let control = http.control();
    (start_in(model, http), control)
}

fn is_served(client: &mut Client, request: impl AsRef<[u8]>) {
    client.say(request);
    assert_eq!(client.hear().status, 200);
}

fn is_refused(client: &mut Client, request: impl AsRef<[u8]>, status: u16) {
    client.say(request);
    assert_eq!(client.hear().status, status);
    client.hears_end();
}

fn new_limits_hold_in<M: Model>(model: M) {
    let (server, control) = controlled(model, http::serve(describe));
    let mut there = Client::of(&server);
    is_served(&mut there, TWO_HEADERS);
    control.set_limits(control.limits().headers(1));
    assert_eq!(control.limits(), Limits::new().headers(1));
    is_refused(&mut there, TWO_HEADERS, 431);
    is_refused(&mut Client::of(&server), TWO_HEADERS, 431);
    control.set_limits(Limits::new());
    is_served(&mut Client::of(&server), TWO_HEADERS);
}

#[test]
fn new_limits_hold_for_connections_that_are_there_and_for_new_ones() {
    new_limits_hold_in(Coroutine::new());
    new_limits_hold_in(Thread::new());
}

#[test]
fn a_server_begins_with_what_it_was_given_last() {
    let http = http::serve(describe);
    let control = http.control();
    let http = http.limits(Limits::new().headers(1));
    let http = http.deadlines(Deadlines::new().write(PATIENCE));
    assert_eq!(control.limits(), Limits::new().headers(1));
    assert_eq!(control.deadlines(), Deadlines::new().write(PATIENCE));
    let server = start_in(Coroutine::new(), http);
    is_refused(&mut Client::of(&server), TWO_HEADERS, 431);
}

#[test]
fn a_request_that_has_begun_keeps_the_limits_it_began_with() {
    let (begun, go_on) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go_on));
    let count = move |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        tell.set();
        wait.wait()?;
        let count = io::copy(request.body(), &mut io::sink())?;
        response.send(count.to_string())
    };
    let (server, control) = controlled(Coroutine::new(), http::serve(count));
    let mut client = Client::of(&server);
    // The second one has come before the change, and begins after it.
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    client.say(post.repeat(2));
    assert!(begun.wait_timeout(PATIENCE).unwrap());
    control.set_limits(Limits::new().body(2));
    go_on.set();
    assert_eq!(client.hear().body, "3");
    assert_eq!(client.hear().status, 413);
    client.hears_end();
}

fn patient() -> Http<impl http::Handler> {
    http::serve(describe).deadlines(Deadlines::new().keep_alive(None).head(None).body(None))
}

fn new_deadlines_hold_in<M: Model>(model: M) {
    let (server, control) = controlled(model, patient());
    let [mut idle, mut there] = [(); 2].map(|()| Client::of(&server));
    is_served(&mut idle, GET);
    is_served(&mut there, GET);
    let deadlines = control.deadlines().keep_alive(SHORT);
    control.set_deadlines(deadlines.clone()).unwrap();
    assert_eq!(control.deadlines(), deadlines);
    let mut new = Client::of(&server);
    for client in [&mut there, &mut new] {
        is_served(client, GET);
        client.hears_end();
    }
    // It has waited for longer than that, since it does by the one from before.
    is_served(&mut idle, GET);
    idle.hears_end();
    assert_eq!(server.handle().overdue(Overdue::Idle), 3);
}

#[test]
fn a_new_keep_alive_holds_from_the_next_request_of_each_connection() {
    new_deadlines_hold_in(Coroutine::new());
    new_deadlines_hold_in(Thread::new());
}

#[test]
fn new_deadlines_of_heads_and_bodies_hold_for_connections_that_are_there_and_for_new_ones() {
    let (server, control) = controlled(Coroutine::new(), patient());
    let mut there = [(); 2].map(|()| Client::of(&server));
    there.iter_mut().for_each(|client| is_served(client, GET));
    // Long enough for a client to begin, on a busy machine too.
    let limit = 5 * SHORT;
    let least = MinimumRate::new(1 << 40, limit);
    control.set_deadlines(Deadlines::new().head(limit).body(least)).unwrap();
    for (client, part) in there.iter_mut().zip(PARTS) {
        is_refused(client, part, 408);
        is_refused(&mut Client::of(&server), part, 408);
    }
    // And one that says nothing.
    Client::of(&server).hears_end();
}

#[test]
fn new_deadlines_alone_take_the_place_of_those_that_a_handler_gave() {
    let tell = |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let transport = request.transport();
        if request.path() == "/relax" {
            transport.set_deadlines(greenserve::Deadlines::none());
        }
        let is_relaxed = transport.deadlines() == greenserve::Deadlines::none();
        response.send(is_relaxed.to_string())
    };
    let (server, control) = controlled(Coroutine::new(), http::serve(tell));
    let mut client = Client::of(&server);
    client.say("GET /relax HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.hear().body, "true");
    control.set_limits(Limits::new().headers(5));
    client.say(GET);
    assert_eq!(client.hear().body, "true");
    control.set_deadlines(Deadlines::new().keep_alive(SHORT)).unwrap();
    client.say(GET);
    assert_eq!(client.hear().body, "false");
    client.hears_end();
}

#[test]
fn a_deadline_that_would_end_everybody_is_refused_and_nothing_changes() {
    let (server, control) = controlled(Coroutine::new(), http::serve(describe));
    let err = control
        .set_deadlines(Deadlines::new().head(Duration::ZERO))
        .unwrap_err();
    assert!(matches!(err, Error::InvalidOption { .. }), "{err}");
    assert_eq!(control.deadlines(), Deadlines::new());
    is_served(&mut Client::of(&server), GET);
}
