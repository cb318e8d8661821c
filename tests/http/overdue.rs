//! Who is late is named and counted, once, by the deadline that was missed.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greenserve::http::{self, Deadlines, Request, Response};
use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::{
    Context, Coroutine, Handler, MinimumRate, Model, Overdue, Tcp, TcpServer, Thread, sync, with_context,
};

use super::behaviour::{Client, start_in};
use super::common::{PATIENCE, missed, wait_until};
use super::server::describe;

const SOON: Duration = Duration::from_millis(100);
const SLOW_BODY: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nabc";

/// No deadline that is met soon.
fn patient() -> Deadlines {
    let least = MinimumRate::new(240, PATIENCE);
    Deadlines::new().head(PATIENCE).keep_alive(PATIENCE).body(least)
}

/// So little may come that it comes too slowly soon.
fn hasty_body() -> MinimumRate {
    MinimumRate::new(1_000_000, SOON)
}

/// Has a client say `said` and nothing more, until it is answered with `status`,
/// if at all, and let go; which deadlines it has missed then.
fn counted<M: Model>(server: &TestServer<Tcp, M>, said: &str, status: Option<u16>) -> Vec<(Overdue, u64)> {
    let mut client = Client::of(server);
    client.say(said);
    if let Some(status) = status {
        assert_eq!(client.hear().status, status, "{said:?}");
    }
    client.hears_end();
    // With the client still there, which may be listened to for some time.
    wait_until("it is let go", || server.handle().in_flight() == 0);
    missed(server.handle())
}

fn misses<M: Model>(model: M, deadlines: Deadlines, said: &str, status: Option<u16>, overdue: Overdue) {
    let server = start_in(model, http::serve(describe).deadlines(deadlines));
    assert_eq!(counted(&server, said, status), [(overdue, 1)], "{said:?}");
}

fn in_both(deadlines: &Deadlines, said: &str, status: Option<u16>, overdue: Overdue) {
    misses(Coroutine::new(), deadlines.clone(), said, status, overdue);
    misses(Thread::new(), deadlines.clone(), said, status, overdue);
}

#[test]
fn a_client_that_says_nothing_is_late_with_its_first_byte() {
    in_both(&patient().head(SOON), "", None, Overdue::FirstByte);
}

#[test]
fn an_empty_line_is_no_first_byte() {
    in_both(&patient().head(SOON), "\r\n", None, Overdue::FirstByte);
}

/// The first one may come with the end of a body, and is forgiven.
#[test]
fn empty_lines_buy_no_time() {
    let server = start_in(
        Coroutine::new(),
        http::serve(describe).deadlines(patient().keep_alive(3 * SOON)),
    );
    let mut client = Client::of(&server);
    client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.hear().status, 200);
    while client.stream.write_all(b"\r\n").is_ok() && server.handle().in_flight() > 0 {
        std::thread::sleep(2 * SOON);
    }
    assert_eq!(missed(server.handle()), [(Overdue::Idle, 1)]);
}

#[test]
fn a_client_is_waited_for_anew_behind_a_request_that_empty_lines_came_before() {
    let server = start_in(
        Coroutine::new(),
        http::serve(describe).deadlines(patient().keep_alive(6 * SOON)),
    );
    let mut client = Client::of(&server);
    for _ in 0..4 {
        client.say("\r\n");
        std::thread::sleep(2 * SOON);
        client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.hear().status, 200);
    }
    assert_eq!(missed(server.handle()), []);
}

#[test]
fn a_head_that_has_begun_has_a_deadline_of_its_own() {
    in_both(
        &patient().head(SOON),
        "GET / HTTP/1.1\r\nHost:",
        Some(408),
        Overdue::RequestHead,
    );
}

/// The time that a client is idle is over before the head's, and again while it
/// is still listened to.
#[test]
fn who_is_idle_within_a_head_is_so_once() {
    in_both(&patient().keep_alive(SOON), "GET / HT", Some(408), Overdue::Idle);
}

/// And while it is still listened to, the time that it may be idle is over too.
#[test]
fn who_was_late_with_a_head_is_not_idle_as_well() {
    let deadlines = patient().head(SOON).keep_alive(3 * SOON);
    in_both(&deadlines, "GET / HT", Some(408), Overdue::RequestHead);
}

#[test]
fn a_body_that_comes_too_slowly_is_below_its_rate() {
    in_both(
        &patient().body(hasty_body()),
        SLOW_BODY,
        Some(408),
        Overdue::ReceiveRate,
    );
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    in_both(&patient().body(hasty_body()), chunked, Some(408), Overdue::ReceiveRate);
}

#[test]
fn a_body_that_nobody_reads_may_come_too_slowly_too() {
    let ignored = "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nabc";
    in_both(&patient().body(hasty_body()), ignored, Some(200), Overdue::ReceiveRate);
}

#[test]
fn who_is_idle_within_a_body_is_counted_as_that_alone() {
    in_both(&patient().keep_alive(SOON), SLOW_BODY, Some(408), Overdue::Idle);
}

/// What the read of a body that comes too slowly fails with, the first time and
/// the next.
fn named(deadlines: Deadlines) -> [Option<Overdue>; 2] {
    let seen = Arc::new(Mutex::new([None; 2]));
    let named = Arc::clone(&seen);
    let handler = move |request: &mut Request<'_>, _: &mut Response<'_>| -> http::Result {
        let [first, next] = [(); 2].map(|()| request.body().text(400).unwrap_err());
        *named.lock().unwrap() = [Overdue::of(&first), Overdue::of(&next)];
        Err(first.into())
    };
    let server = start_in(Coroutine::new(), http::serve(handler).deadlines(deadlines));
    assert_eq!(counted(&server, SLOW_BODY, Some(408)).len(), 1);
    *seen.lock().unwrap()
}

#[test]
fn the_error_of_a_read_names_the_deadline_of_a_body() {
    assert_eq!(named(patient().body(hasty_body())), [Some(Overdue::ReceiveRate); 2]);
    assert_eq!(named(patient().keep_alive(SOON)), [Some(Overdue::Idle); 2]);
}

/// A body that comes too slowly behind an answer that has begun: the handler
/// fails, by its client's fault.
#[test]
fn who_is_late_behind_half_an_answer_is_no_error_of_the_handler() {
    let handler = |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        response.write_all(b"half")?;
        response.flush()?;
        Ok(request.body().text(400).map(drop)?)
    };
    let http = http::serve(handler).deadlines(patient().body(hasty_body()));
    let server = start_in(Coroutine::new(), http);
    let mut client = Client::of(&server);
    client.say(SLOW_BODY);
    client.hear_until("half\r\n");
    wait_until("it is let go", || server.handle().in_flight() == 0);
    let counts = server.handle().counts();
    assert_eq!((counts.disconnected, counts.failed), (1, 0));
}

#[test]
fn the_time_that_a_handler_sets_itself_is_no_fault_of_its_client() {
    let http = http::serve(describe).deadlines(patient());
    let hurried = with_context(move |client: &mut TcpStream, context: &Context| {
        client.set_read_timeout(Some(SOON))?;
        http.handle(client, context)
    });
    let server = TestServer::<Tcp>::build(TcpServer::builder(hurried)).unwrap();
    assert_eq!(counted(&server, "GET / HT", Some(408)), []);
    assert_eq!(counted(&server, SLOW_BODY, Some(408)), []);

    let handler = |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let body = sync::with_timeout(SOON, || request.body().text(400))?;
        response.send(body)
    };
    let server = start_in(Coroutine::new(), http::serve(handler).deadlines(patient()));
    assert_eq!(counted(&server, SLOW_BODY, Some(500)), []);
}
