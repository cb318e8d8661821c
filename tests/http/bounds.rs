//! What a client can have of a server at most, what it is told beyond that, and
//! what is said of it.

use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greenserve::http::{self, Deadlines, Limits, Request, Response};
use greenserve::sync::Event;
use greenserve::testing::TestServer;
use greenserve::{AtLimit, Coroutine, Inline, MinimumRate, Model, Overdue, Tcp, TcpServer, Thread};
use log::LevelFilter;

use super::behaviour::{Client, GET, start, start_in};
use super::client::Answer;
use super::common::{PATIENCE, child, logged, wait_until};
use super::server::describe;

#[test]
fn the_first_of_many_answers_do_not_wait_for_the_last() {
    let go_on = Arc::new(Event::new());
    let theirs = Arc::clone(&go_on);
    let handler = move |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        if request.path() == "/last" {
            theirs.wait()?;
        }
        response.send(vec![b'x'; 1_000])
    };
    let http = http::serve(handler).limits(Limits::new().buffered_replies(4_000));
    let server = start_in(Coroutine::new(), http);
    let mut client = Client::of(&server);
    client.say([&GET.repeat(9), &b"GET /last HTTP/1.1\r\nHost: a\r\n\r\n"[..]].concat());
    for _ in 0..8 {
        assert_eq!(client.hear().body.len(), 1_000);
    }
    go_on.set();
    for _ in 0..2 {
        assert_eq!(client.hear().body.len(), 1_000);
    }
}

/// A client that was refused, and has heard it.
fn refused(server: &TestServer<Tcp>) -> Client {
    let mut client = Client::of(server);
    client.say("nonsense\r\n\r\n");
    assert_eq!(client.hear().status, 400);
    client.hears_end();
    client.stream.set_write_timeout(Some(PATIENCE)).unwrap();
    client
}

fn is_cut(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

#[test]
fn who_sends_on_after_the_last_answer_is_not_listened_to_for_ever() {
    let server = start(describe);
    let mut much = refused(&server);
    let (piece, mut sent) = (vec![b'x'; 64 * 1024], 0);
    let err = loop {
        match much.stream.write(&piece) {
            Ok(count) => sent += count,
            Err(err) => break err,
        }
    };
    assert!(is_cut(&err), "{err}");
    // What both kernels hold is beyond the server's say.
    assert!(sent < 32 << 20, "{sent} bytes were taken");

    let mut slow = refused(&server);
    let begin = Instant::now();
    let err = loop {
        if let Err(err) = slow.stream.write(b"x") {
            break err;
        }
        assert!(begin.elapsed() < PATIENCE, "it is still listened to");
        // How slow the client is.
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(is_cut(&err), "{err}");
    wait_until("nobody is left", || server.handle().connections().is_empty());
}

#[test]
fn a_client_that_takes_an_answer_in_drops_is_let_go() {
    let (ended, missed) = (Arc::new(Event::new()), Arc::new(Mutex::new(None)));
    let (tell, result) = (Arc::clone(&ended), Arc::clone(&missed));
    let handler = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let sent = response.send(vec![0; 64 << 20]);
        let err = sent.as_ref().err().and_then(|err| err.downcast_ref());
        *result.lock().unwrap() = err.and_then(Overdue::of);
        tell.set();
        sent
    };
    // A write that moves is never too slow for `write`.
    let least = MinimumRate::new(1 << 40, Duration::from_millis(200));
    let deadlines = Deadlines::new().write(PATIENCE).send(least);
    let server = start_in(Coroutine::new(), http::serve(handler).deadlines(deadlines));
    let mut client = Client::of(&server);
    client.say(GET);
    let mut stream = client.stream.try_clone().unwrap();
    let reading = std::thread::spawn(move || {
        let mut room = vec![0; 64 * 1024];
        while io::Read::read(&mut stream, &mut room).is_ok_and(|count| count > 0) {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    ended.wait_timeout(PATIENCE).unwrap();
    assert_eq!(*missed.lock().unwrap(), Some(Overdue::SendRate));
    client.stream.shutdown(Shutdown::Both).unwrap();
    reading.join().unwrap();
    wait_until("counted", || server.handle().counts().disconnected == 1);
    assert_eq!(server.handle().counts().failed, 0);
}

/// As docs/HTTP.md has it.
const BUSY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

#[test]
fn who_is_too_much_is_told_so() {
    let limits = greenserve::Limits::new()
        .connections(1)
        .at_connections(AtLimit::reply(BUSY));
    let builder = TcpServer::builder(http::serve(describe)).limits(limits);
    let server = TestServer::<Tcp>::build(builder).unwrap();
    let mut first = Client::of(&server);
    first.say(GET);
    assert_eq!(first.hear().status, 200);
    let mut second = Client::of(&server);
    let answer = Answer::read(&mut second.reader, true).unwrap().unwrap();
    assert_eq!((answer.status, answer.headers["retry-after"].as_str()), (503, "5"));
    assert!(answer.closes());
    second.hears_end();
    first.say(GET);
    assert_eq!(first.hear().status, 200);
    drop(first);
    wait_until("there is room", || server.handle().connections().is_empty());
    let mut third = Client::of(&server);
    third.say(GET);
    assert_eq!(third.hear().status, 200);
}

fn is_answered_in<M: Model>(model: M) {
    let server = start_in(model, http::serve(describe));
    let mut client = Client::of(&server);
    client.say(GET.repeat(2));
    for _ in 0..2 {
        assert_eq!(client.hear().body, "GET / a");
    }
    drop(client);
    let mut next = Client::of(&server);
    next.say(GET);
    assert_eq!(next.hear().body, "GET / a");
}

/// Forking servers cannot run in the background: `tests/examples` has them.
#[test]
fn other_models_answer_too() {
    is_answered_in(Thread::new());
    is_answered_in(Inline::new());
}

#[test]
fn who_goes_away_in_the_middle_is_no_failure() {
    let server = start(|_: &mut Request<'_>, response: &mut Response<'_>| response.send(vec![0; 64 << 20]));
    let mut client = Client::of(&server);
    client.say(GET);
    client.hear_until("\r\n\r\n");
    drop(client);
    wait_until("counted", || server.handle().counts().disconnected == 1);
    assert_eq!(server.handle().counts().failed, 0);
}

#[test]
fn what_is_no_request_is_logged_with_its_client_and_is_no_failure() {
    const TEST: &str = "bounds::what_is_no_request_is_logged_with_its_client_and_is_no_failure";
    if !child::is_child(TEST) {
        // Its log has a level of its own.
        return child::run(TEST, 3 * PATIENCE).passed();
    }
    logged::keep();
    log::set_max_level(LevelFilter::Debug);
    let server = start(describe);
    let mut client = Client::of(&server);
    client.say("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: secret\r\n\r\n");
    assert_eq!(client.hear().status, 400);
    client.hears_end();
    let peer = client.stream.local_addr().unwrap().to_string();
    drop(client);
    wait_until("its end", || server.handle().connections().is_empty());
    let lines = logged::with(&[&peer, "the Content-Length is no number"]);
    assert_eq!(lines.len(), 1, "{:#?}", logged::all());
    assert!(lines[0].starts_with("DEBUG"), "{lines:?}");
    for level in ["INFO", "WARN", "ERROR"] {
        assert!(
            logged::all()
                .iter()
                .all(|line| !line.starts_with(level) || !line.contains(&peer))
        );
    }
    assert!(logged::with(&["secret"]).is_empty(), "{:#?}", logged::all());
    let counts = server.handle().counts();
    assert_eq!((counts.failed, counts.disconnected), (0, 0), "{counts:?}");
}

#[test]
fn what_is_shown_of_a_request_and_an_answer_has_no_secrets() {
    let shown = Arc::new(Mutex::new(String::new()));
    let show = Arc::clone(&shown);
    let handler = move |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        response.header("set-cookie", "session=hunter2")?;
        response.write_all(b"hunter2")?;
        let body = format!("{:?}", request.body());
        io::copy(request.body(), &mut io::sink())?;
        let both = format!("{request:?} {response:?} {body}");
        *show.lock().unwrap() = both;
        Ok(())
    };
    let server = start(handler);
    let mut client = Client::of(&server);
    client.say(
        "POST /a?token=hunter2 HTTP/1.1\r\nHost: a\r\nAuthorization: hunter2\r\nCookie: session=hunter2\r\n\
         Content-Length: 7\r\n\r\nhunter2",
    );
    assert_eq!(client.hear().status, 200);
    let shown = shown.lock().unwrap().clone();
    for part in [
        "POST",
        "\"/a\"",
        "authorization",
        "127.0.0.1:",
        "set-cookie",
        "200",
        "remaining",
    ] {
        assert!(shown.contains(part), "without {part}: {shown}");
    }
    has_no_secret(&shown);
}

fn has_no_secret(shown: &str) {
    // Nor as a list of bytes.
    let bytes = format!("{:?}", b"hunter2");
    for secret in ["hunter2", bytes.trim_matches(['[', ']'])] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn nor_has_what_is_shown_of_a_connection_that_was_taken_over() {
    let shown = Arc::new(Mutex::new(String::new()));
    let show = Arc::clone(&shown);
    let handler = move |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let taken = response.upgrade(request, "echo")?;
        assert!(taken.has_read_ahead());
        *show.lock().unwrap() = format!("{taken:?}");
        Ok(())
    };
    let server = start(handler);
    let mut client = Client::of(&server);
    client.say("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhunter2");
    assert!(client.hear_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
    wait_until("its end", || server.handle().connections().is_empty());
    let shown = shown.lock().unwrap().clone();
    assert!(shown.contains("7 bytes"), "{shown}");
    has_no_secret(&shown);
}

#[test]
fn a_header_that_cannot_be_sent_is_named() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let say = Arc::clone(&said);
    let handler = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let errors = [
            response.header("x-shop", "a\r\nb: c").err(),
            response.trailer("x-shop", "a\r\nb: c").err(),
            response.header("x shop", "a").err(),
        ];
        let errors = errors.into_iter().map(|err| err.unwrap().to_string());
        say.lock().unwrap().extend(errors);
        Ok(())
    };
    let server = start(handler);
    let mut client = Client::of(&server);
    client.say(GET);
    assert_eq!(client.hear().status, 200);
    let said = said.lock().unwrap().clone();
    for text in &said[..2] {
        for part in ["x-shop", "\"a\\r\\nb: c\"", "line end", "leave it away"] {
            assert!(text.contains(part), "without {part}: {text}");
        }
    }
    assert!(
        said[2].contains("\"x shop\"") && said[2].contains("letters, digits"),
        "{said:?}"
    );
}
