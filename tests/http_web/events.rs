//! Server-sent events, from the server to the client's line.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use greenserve::http::{self, Event, EventStream, Handler, Request, Response};
use greenserve::net::UnixStream;
use greenserve::sync::{self, Receiver};
use greenserve::testing::TestServer;
use greenserve::{Coroutine, Model, Thread, Unix};

use super::client::start_in;
use super::common::wait_until;

/// Long enough for nothing to happen by itself.
const LONG: Duration = Duration::from_secs(3600);

fn telling(news: Receiver<String>, keep_alive: Duration) -> impl Handler {
    move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let mut stream = EventStream::begin(response)?.keep_alive(keep_alive);
        while let Some(text) = stream.next(|limit| news.recv_timeout(limit))? {
            stream.send(&Event::new(text))?;
        }
        Ok(())
    }
}

/// A client that has read the head.
fn listen<M: Model>(server: &TestServer<Unix, M>) -> BufReader<UnixStream> {
    let mut client = BufReader::new(server.connect().unwrap());
    client
        .get_mut()
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        client.read_line(&mut head).unwrap();
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-store",
        "transfer-encoding: chunked",
    ] {
        assert!(head.contains(line), "{head}");
    }
    client
}

fn hears(client: &mut impl Read, text: &str) {
    let chunk = format!("{:x}\r\n{text}\r\n", text.len());
    let mut heard = vec![0; chunk.len()];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), chunk);
}

fn each_event_arrives_at_once<M: Model>(model: M) {
    let (sender, news) = sync::channel(4);
    let server = start_in(model, telling(news, LONG));
    let mut client = listen(&server);
    for text in ["one", "two\nlines"] {
        sender.send(text.to_owned()).unwrap();
        hears(&mut client, &format!("data: {}\n\n", text.replace('\n', "\ndata: ")));
    }
    // Nobody will say anything more: an end that a client reads as one.
    drop(sender);
    let mut end = [0; 5];
    client.read_exact(&mut end).unwrap();
    assert_eq!(&end, b"0\r\n\r\n");
}

#[test]
fn events_arrive_at_once_in_every_model() {
    each_event_arrives_at_once(Coroutine::new());
    each_event_arrives_at_once(Thread::new());
}

fn ends_with_the_drain<M: Model>(model: M) {
    let (sender, news) = sync::channel(4);
    let server = start_in(model, telling(news, LONG));
    let mut client = listen(&server);
    sender.send("one".to_owned()).unwrap();
    hears(&mut client, "data: one\n\n");
    wait_until("idle", || {
        server.handle().connections().iter().all(|client| client.idle)
    });
    assert!(server.stop().unwrap().is_clean());
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"0\r\n\r\n");
}

#[test]
fn a_stream_ends_with_the_drain() {
    ends_with_the_drain(Coroutine::new());
    ends_with_the_drain(Thread::new());
}

#[test]
fn silence_is_broken_by_comments() {
    let (sender, news) = sync::channel(4);
    let server = start_in(Coroutine::new(), telling(news, Duration::from_millis(20)));
    let mut client = listen(&server);
    hears(&mut client, ": \n\n");
    hears(&mut client, ": \n\n");
    drop(sender);
}

#[test]
fn a_client_that_goes_is_noticed() {
    let (sender, news) = sync::channel(4);
    let server = start_in(Coroutine::new(), telling(news, Duration::from_millis(20)));
    drop(listen(&server));
    wait_until("the handler has ended", || server.handle().connections().is_empty());
    drop(sender);
}

#[test]
fn a_head_is_no_stream() {
    let (_sender, news) = sync::channel(4);
    let server = start_in(Coroutine::new(), telling(news, LONG));
    let mut client = server.connect().unwrap();
    client
        .write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert!(
        heard.contains("text/event-stream") && heard.ends_with("\r\n\r\n"),
        "{heard}"
    );
}

#[test]
fn an_answer_that_has_begun_is_no_stream() {
    let ended = Arc::new(std::sync::Mutex::new(None));
    let end = Arc::clone(&ended);
    let handler = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        response.write_all(b"x")?;
        *end.lock().unwrap() = EventStream::begin(response).err().map(|err| err.to_string());
        Ok(())
    };
    let server = start_in(Coroutine::new(), handler);
    super::client::ask(&server, "GET /", &[]);
    let text = ended.lock().unwrap().clone().unwrap();
    assert!(text.contains("has begun"), "{text}");
}
