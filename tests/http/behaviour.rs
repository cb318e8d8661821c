//! What a table of bytes cannot show: waits, orders, drains.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use greenserve::http::{self, Deadlines, Limits, Request, Response, StatusCode};
use greenserve::sync::{self, Event};
use greenserve::testing::TestServer;
use greenserve::{Context, Coroutine, Failure, Handler, MinimumRate, Model, Tcp, TcpServer, Thread, with_context};

use super::client::Answer;
use super::common::{PATIENCE, logged, proc, wait_until};
use super::server::describe;

pub(crate) const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A client of a server.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn of<M: Model>(server: &TestServer<Tcp, M>) -> Client {
        let stream = TcpStream::connect(server.address().to_string()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Client { stream, reader }
    }

    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    pub(crate) fn hear(&mut self) -> Answer {
        Answer::read(&mut self.reader, true).unwrap().unwrap()
    }

    /// What comes, up to `end`.
    pub(crate) fn hear_until(&mut self, end: &str) -> String {
        let mut heard = Vec::new();
        while !heard.ends_with(end.as_bytes()) {
            let mut byte = [0];
            self.reader.read_exact(&mut byte).unwrap();
            heard.push(byte[0]);
        }
        String::from_utf8(heard).unwrap()
    }

    pub(crate) fn hears_end(&mut self) {
        assert_eq!(self.reader.read(&mut [0; 16]).unwrap(), 0);
    }
}

pub(crate) fn start(handler: impl http::Handler) -> TestServer<Tcp> {
    TestServer::start(http::serve(handler)).unwrap()
}

pub(crate) fn start_in<M: Model>(model: M, http: http::Http<impl http::Handler>) -> TestServer<Tcp, M> {
    TestServer::build(TcpServer::builder(http).model(model)).unwrap()
}

#[test]
fn a_client_is_asked_for_its_body_when_the_handler_reads() {
    let server = start(describe);
    let mut client = Client::of(&server);
    client.say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_eq!(client.hear().status, 100);
    client.say("abc");
    assert_eq!(client.hear().body, "POST / a abc");
    client.say(GET);
    assert_eq!(client.hear().body, "GET / a");
}

#[test]
fn the_answer_to_a_request_whose_handler_fails_or_panics_is_not_lost_behind_its_body() {
    let server = start(describe);
    for path in ["/fail", "/panic"].repeat(10) {
        let mut client = Client::of(&server);
        client.say(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
        ));
        client.say([b'x'; 200_000]);
        assert_eq!(client.hear().status, 500, "{path}");
        // And not a reset, which could come first.
        client.stream.shutdown(Shutdown::Write).unwrap();
        client.hears_end();
    }
}

#[test]
fn a_client_is_not_asked_once_the_answer_has_begun() {
    let server = start(|request: &mut Request, response: &mut Response| -> http::Result {
        response.write_all(b"early")?;
        response.flush()?;
        let body = request.body().text(10)?;
        Ok(write!(response, " {body}")?)
    });
    let mut client = Client::of(&server);
    client.say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert!(client.hear_until("early\r\n").starts_with("HTTP/1.1 200"));
    client.say("abc");
    assert_eq!(client.hear_until("0\r\n\r\n"), "4\r\n abc\r\n0\r\n\r\n");
}

#[test]
fn what_is_flushed_arrives_before_the_rest_is_made() {
    let go_on = Arc::new(Event::new());
    let theirs = Arc::clone(&go_on);
    let server = start(move |_: &mut Request, response: &mut Response| -> http::Result {
        response.write_all(b"first")?;
        response.flush()?;
        theirs.wait()?;
        Ok(response.write_all(b"last")?)
    });
    let mut client = Client::of(&server);
    client.say(GET);
    client.hear_until("5\r\nfirst\r\n");
    go_on.set();
    assert_eq!(client.hear_until("0\r\n\r\n"), "4\r\nlast\r\n0\r\n\r\n");
}

#[test]
fn both_bodies_go_at_once() {
    let server = start(|request: &mut Request, response: &mut Response| -> http::Result {
        let mut piece = [0; 5];
        while request.body().read_exact(&mut piece).is_ok() {
            response.write_all(&piece)?;
            response.flush()?;
        }
        Ok(())
    });
    let mut client = Client::of(&server);
    client.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for round in 0..3 {
        client.say("5\r\nhello\r\n");
        let heard = client.hear_until("5\r\nhello\r\n");
        assert_eq!(round == 0, heard.starts_with("HTTP/1.1 200"));
    }
    client.say("0\r\n\r\n");
    assert_eq!(client.hear_until("0\r\n\r\n"), "0\r\n\r\n");
}

#[test]
fn a_large_body_goes_through_both_ways() {
    let server = start(|request: &mut Request, response: &mut Response| -> http::Result {
        request.body().set_limit(u64::MAX);
        let mut piece = vec![0; 50_000];
        loop {
            match request.body().read(&mut piece)? {
                0 => return Ok(()),
                count => response.write_all(&piece[..count])?,
            }
        }
    });
    let body: Vec<u8> = (0..40_000_000_u32).map(|at| b'a' + (at % 23) as u8).collect();
    for framing in [
        "Content-Length: 40000000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2625a00\r\n",
    ] {
        let mut client = Client::of(&server);
        client.say(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}"));
        let mut sender = client.stream.try_clone().unwrap();
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| {
                sender.write_all(&body).unwrap();
                if framing.starts_with('T') {
                    sender.write_all(b"\r\n0\r\n\r\n").unwrap();
                }
            });
            client.hear()
        });
        assert!(answer.body.as_bytes() == body, "{framing}");
    }
}

#[test]
fn answers_to_requests_that_came_together_go_together() {
    let server = start(describe);
    let mut client = Client::of(&server);
    client.say(GET.repeat(16));
    let mut heard = vec![0; 64 * 1024];
    // One send of the server is one read here, but for bad luck of the kernel.
    let count = client.stream.read(&mut heard).unwrap();
    let heads = String::from_utf8_lossy(&heard[..count]).matches("HTTP/1.1 200").count();
    assert_eq!(heads, 16);
}

#[test]
fn answers_wait_for_no_request_that_is_half_there() {
    let server = start(describe);
    let mut client = Client::of(&server);
    client.say([GET, b"GET / HT"].concat());
    assert_eq!(client.hear().body, "GET / a");
    client.say("TP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
    client.say("abc");
    assert_eq!(client.hear().body, "GET / a abc");
}

/// Nothing may follow an answer that was not sent whole, or the client would take
/// what comes next for the rest of it.
fn an_answer_follows_no_part<M: Model>(model: M, give: fn(&mut Response, &[u8]) -> Result<(), Failure>) {
    const MUCH: usize = 64 << 20;
    // Made before: on a busy machine it takes longer than the send may.
    let body = vec![b'x'; MUCH];
    let (told, gave_up) = mpsc::channel();
    let handler = move |_: &mut Request, response: &mut Response| -> http::Result {
        response.header("content-length", MUCH.to_string())?;
        let given = sync::with_timeout(Duration::from_millis(200), || Ok(give(response, &body)));
        assert!(!matches!(given, Ok(Ok(()))), "the client has not read it");
        told.send(())?;
        Ok(())
    };
    let builder = TcpServer::builder(http::serve(handler)).model(model);
    let server = TestServer::build(builder).unwrap();
    let mut client = Client::of(&server);
    client.say([GET, GET].concat());
    gave_up.recv_timeout(PATIENCE).unwrap();
    let mut heard = Vec::new();
    let ended = client.reader.read_to_end(&mut heard);
    let answers = heard.windows(8).filter(|text| text == b"HTTP/1.1").count();
    assert!(answers == 1 && heard.len() < MUCH, "{answers} answers, {ended:?}");
    assert!(gave_up.try_recv().is_err(), "the second request was served");
}

#[test]
fn an_answer_whose_send_failed_ends_the_connection_whatever_its_handler_says() {
    let whole = |response: &mut Response, body: &[u8]| response.send(body);
    an_answer_follows_no_part(Coroutine::new(), whole);
    an_answer_follows_no_part(Thread::new(), whole);
    let pieces = |response: &mut Response, body: &[u8]| -> Result<(), Failure> {
        let mut pieces = body.chunks(1 << 20);
        pieces.try_for_each(|piece| response.write_all(piece))?;
        Ok(())
    };
    an_answer_follows_no_part(Coroutine::new(), pieces);
    an_answer_follows_no_part(Thread::new(), pieces);
}

#[test]
fn pipelined_answers_are_bounded() {
    let http = http::serve(|_: &mut Request, response: &mut Response| response.send(vec![b'x'; 1_000]));
    let server = start_in(Coroutine::new(), http.limits(Limits::new().buffered_replies(4_000)));
    let mut client = Client::of(&server);
    client.say(GET.repeat(200));
    for _ in 0..200 {
        assert_eq!(client.hear().body.len(), 1_000);
    }
}

fn ends_between_requests<M: Model>(model: M) {
    let server = start_in(model, http::serve(describe));
    let mut idle = Client::of(&server);
    idle.say(GET);
    idle.hear();
    wait_until("idle", || {
        server.handle().connections().iter().all(|client| client.idle)
    });
    let begin = Instant::now();
    assert!(server.stop().unwrap().is_clean());
    assert!(begin.elapsed() < Duration::from_secs(2));
    idle.hears_end();
}

#[test]
fn a_drain_ends_idle_connections_at_once() {
    ends_between_requests(Coroutine::new());
    ends_between_requests(Thread::new());
}

#[test]
fn a_request_that_was_read_is_answered_in_a_drain_and_told_the_end() {
    let (asked, go_on) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (told, wait) = (Arc::clone(&asked), Arc::clone(&go_on));
    let server = start(move |_: &mut Request, response: &mut Response| -> http::Result {
        told.set();
        wait.wait()?;
        response.send("done")
    });
    let mut client = Client::of(&server);
    client.say(GET);
    asked.wait().unwrap();
    server.handle().shutdown();
    go_on.set();
    let answer = client.hear();
    assert!(answer.closes() && answer.body == "done", "{answer:?}");
    client.hears_end();
}

fn late(deadlines: Deadlines, said: &str) -> Client {
    // The server outlives its test: the client looks at one connection.
    let server = Box::leak(Box::new(start_in(
        Coroutine::new(),
        http::serve(describe).deadlines(deadlines),
    )));
    let mut client = Client::of(server);
    client.say(said);
    client
}

const SOON: Duration = Duration::from_millis(100);

#[test]
fn a_head_that_comes_too_slowly_is_told_so() {
    let mut client = late(Deadlines::new().head(SOON), "GET / HTTP/1.1\r\nHost:");
    assert_eq!(client.hear().status, 408);
    client.hears_end();
}

/// Sends byte after byte until the answer comes, which is 408.
fn in_drops_until_refused(mut client: Client) {
    let begin = Instant::now();
    client.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut heard = [0; 16];
    loop {
        let _ = client.stream.write_all(b"E");
        match client.stream.read(&mut heard) {
            Ok(count) => break assert!(heard[..count].starts_with(b"HTTP/1.1 408")),
            Err(err) => assert_eq!(err.kind(), ErrorKind::WouldBlock, "{err}"),
        }
        assert!(begin.elapsed() < 20 * SOON, "each drop brought more time");
    }
}

#[test]
fn a_head_in_drops_gets_no_more_time() {
    in_drops_until_refused(late(Deadlines::new().head(SOON), "G"));
}

#[test]
fn a_body_in_drops_gets_no_more_time() {
    let deadlines = Deadlines::new().body(MinimumRate::new(1_000_000, SOON));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400\r\n\r\n";
    in_drops_until_refused(late(deadlines, request));
}

#[test]
fn who_was_fast_before_may_pause_within_a_body() {
    let deadlines = Deadlines::new().body(MinimumRate::new(50, SOON));
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 301\r\n\r\n";
    let mut client = late(deadlines, request);
    client.say("x".repeat(300));
    std::thread::sleep(4 * SOON);
    client.say("y");
    assert_eq!(client.hear().status, 200);
}

#[test]
fn the_time_of_a_head_ends_with_the_head() {
    let http = http::serve(describe).deadlines(Deadlines::new().head(4 * SOON));
    let server = start_in(Coroutine::new(), http);
    let is_idle = || server.handle().connections().iter().any(|client| client.idle);
    let mut client = Client::of(&server);
    client.say(GET);
    assert_eq!(client.hear().status, 200);
    wait_until("idle", is_idle);
    client.say("GET / HT");
    wait_until("the half of a head is read", || !is_idle());
    client.say("TP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.hear().status, 200);
    std::thread::sleep(5 * SOON);
    client.say(GET);
    assert_eq!(client.hear().status, 200);
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let mut silent = late(Deadlines::new().head(SOON), "");
    silent.hears_end();
    let mut idle = late(Deadlines::new().keep_alive(SOON), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(idle.hear().status, 200);
    idle.hears_end();
}

#[test]
fn a_body_that_comes_too_slowly_is_told_so() {
    let deadlines = Deadlines::new().body(MinimumRate::new(1_000_000, SOON));
    let mut client = late(
        deadlines,
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\nabc",
    );
    assert_eq!(client.hear().status, 408);
    client.hears_end();
}

#[test]
fn the_time_of_a_handler_is_not_the_clients() {
    let (asked, read) = (Arc::new(Event::new()), Arc::new(Event::new()));
    let (may_read, has_read) = (Arc::clone(&asked), Arc::clone(&read));
    let handler = move |request: &mut Request, response: &mut Response| -> http::Result {
        let mut byte = [0];
        request.body().read_exact(&mut byte)?;
        has_read.set();
        greenserve::runtime::sleep(4 * SOON)?;
        may_read.wait()?;
        request.body().read_exact(&mut byte)?;
        response.send(byte)
    };
    let deadlines = Deadlines::new().body(MinimumRate::new(1_000_000, SOON));
    let server = start_in(Coroutine::new(), http::serve(handler).deadlines(deadlines));
    let mut client = Client::of(&server);
    client.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    client.say("a");
    read.wait().unwrap();
    client.say("b");
    asked.set();
    assert_eq!(client.hear().body, "b");
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    let (ended, end) = (Arc::new(Event::new()), Arc::new(std::sync::Mutex::new(None)));
    let (tell, result) = (Arc::clone(&ended), Arc::clone(&end));
    let handler = move |_: &mut Request, response: &mut Response| -> http::Result {
        let sent = response.send(vec![0; 64 << 20]);
        *result.lock().unwrap() = sent.as_ref().err().map(ToString::to_string);
        tell.set();
        sent
    };
    let server = start_in(
        Coroutine::new(),
        http::serve(handler).deadlines(Deadlines::new().write(SOON)),
    );
    let mut client = Client::of(&server);
    client.say(GET);
    ended.wait().unwrap();
    assert!(
        end.lock()
            .unwrap()
            .as_ref()
            .is_some_and(|text| text.contains("took nothing"))
    );
    // It is listened to no longer; and an end in order would wait in the kernel
    // for it to take the rest.
    wait_until("it is let go", || server.handle().in_flight() == 0);
    let end = client.reader.read_to_end(&mut Vec::new()).map_err(|err| err.kind());
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

fn is_reset_where_it_is_cut<M: Model>(model: M) {
    let server = start_in(model, http::serve(describe));
    for (request, is_reset) in [
        ("GET /write/failed HTTP/1.0\r\n\r\n", true),
        // These say where they end.
        ("GET /write/short HTTP/1.0\r\n\r\n", false),
        ("GET /write/failed HTTP/1.1\r\nHost: a\r\n\r\n", false),
        // And this one is whole.
        ("GET /write/flushed HTTP/1.0\r\n\r\n", false),
    ] {
        let mut client = Client::of(&server);
        client.say(request);
        let mut heard = Vec::new();
        let end = client.reader.read_to_end(&mut heard).map_err(|err| err.kind());
        assert!(String::from_utf8_lossy(&heard).contains("abc"), "{request}: {heard:?}");
        let wanted = match is_reset {
            true => Err(ErrorKind::ConnectionReset),
            false => Ok(heard.len()),
        };
        assert_eq!(end, wanted, "{request}");
    }
}

#[test]
fn what_ends_with_the_connection_and_is_cut_ends_with_a_reset() {
    is_reset_where_it_is_cut(Coroutine::new());
    is_reset_where_it_is_cut(Thread::new());
}

#[test]
fn a_connection_may_be_taken_over() {
    let server = start(|request: &mut Request, response: &mut Response| -> http::Result {
        let client = response.upgrade(request, "echo")?;
        io::copy(&mut &client, &mut &client)?;
        Ok(())
    });
    for (request, status) in [
        (
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n",
            101,
        ),
        ("CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ] {
        let mut client = Client::of(&server);
        client.say([request, "ahead "].concat());
        let answer = Answer::read(&mut client.reader, false).unwrap().unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers.contains_key("upgrade"), status == 101);
        assert!(!answer.headers.contains_key("content-length"));
        client.say("and behind");
        client.stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        client.reader.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "ahead and behind");
    }
}

#[test]
fn a_connection_is_taken_over_only_if_its_client_asks_for_it() {
    let server = start(|request: &mut Request, response: &mut Response| -> http::Result {
        response.upgrade(request, "echo").map(drop)
    });
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: other, echoes\r\nConnection: upgrade\r\n\r\n",
            400,
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\n\r\n", 400),
        (
            "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n",
            400,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: other, ECHO\r\nConnection: close, Upgrade\r\n\r\n",
            101,
        ),
    ] {
        let mut client = Client::of(&server);
        client.say(request);
        let answer = Answer::read(&mut client.reader, status != 101).unwrap().unwrap();
        assert_eq!(answer.status, status, "{request}");
    }
}

#[test]
fn a_connect_that_is_refused_opens_no_tunnel() {
    let server = start(|request: &mut Request, response: &mut Response| -> http::Result {
        response.set_status(StatusCode::FORBIDDEN);
        let opened = response.upgrade(request, "none").map(drop);
        assert!(opened.unwrap_err().to_string().contains("403"));
        response.send("not to there")
    });
    let mut client = Client::of(&server);
    client.say("CONNECT b:80 HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = client.hear();
    assert_eq!((answer.status, answer.body.as_str()), (403, "not to there"));
}

#[test]
fn a_failure_is_logged_and_counted_and_the_client_hears_nothing_of_it() {
    logged::keep();
    let server = start(|_: &mut Request, _: &mut Response| Err::<(), Failure>("the cellar is flooded".into()));
    let mut client = Client::of(&server);
    client.say(GET);
    let answer = client.hear();
    assert_eq!(answer.status, 500);
    assert!(!answer.body.contains("cellar"));
    client.hears_end();
    wait_until("logged", || !logged::with(&["the cellar is flooded"]).is_empty());
    wait_until("counted", || server.handle().counts().failed == 1);
}

#[test]
fn a_request_that_comes_with_its_connection_is_not_waited_for() {
    let http = http::serve(describe);
    let (tell, told) = mpsc::channel();
    let serve = move |client: &mut greenserve::net::TcpStream, context: &Context| -> Result<(), Failure> {
        http.handle(client, context)?;
        tell.send(proc::is_polled(client.as_raw_fd()))?;
        Ok(())
    };
    let mut server = TcpServer::bind("127.0.0.1:0", with_context(serve)).unwrap();
    let mut client = TcpStream::connect(server.address().unwrap().to_string()).unwrap();
    let request = b"GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    client.write_all(request).unwrap();
    server.handle_request().unwrap();
    let answer = Answer::read(&mut BufReader::new(client), true).unwrap().unwrap();
    assert_eq!(answer.status, 200);
    assert!(!told.recv_timeout(PATIENCE).unwrap(), "it was registered");
}
