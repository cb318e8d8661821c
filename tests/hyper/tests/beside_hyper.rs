//! What hyper refuses, this crate's HTTP refuses; what both take, they read
//! alike; and what is refused here alone is refused for one of the reasons below.
//!
//! Requests are made from parts, right and wrong ones, and then bytes of them
//! are changed. The seed is printed when a difference is found; `SEED` and
//! `REQUESTS` choose others.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use greenserve::Unix;
use greenserve::http::{self, Request, Response};
use greenserve::testing::TestServer;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What a server made of a stream of bytes.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    /// What each request that was taken was read as.
    taken: Vec<String>,
    /// What was said of what was refused after them, if anything was.
    refused: Option<String>,
}

/// A request in words: they are the body of its answer.
fn words<'a>(method: &str, target: &str, headers: impl Iterator<Item = (&'a str, &'a [u8])>, body: &[u8]) -> String {
    let mut words = format!("{method} {target}");
    let headers: BTreeSet<_> = headers
        .map(|(name, value)| format!("{name}={}", value.escape_ascii()))
        .collect();
    for header in headers {
        write!(words, "|{header}").unwrap();
    }
    write!(words, "|{}", body.escape_ascii()).unwrap();
    words
}

fn tell(request: &mut Request, response: &mut Response) -> http::Result {
    let body = request.body().bytes(1 << 20)?;
    let headers = request.headers();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let words = words(request.method().as_str(), &request.uri().to_string(), headers, &body);
    response.send(words)
}

async fn tell_hyper(request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        let refused = hyper::Response::builder().status(400).body(Full::default());
        return Ok(refused.unwrap());
    };
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    let words = words(head.method.as_str(), &head.uri.to_string(), headers, &body.to_bytes());
    Ok(hyper::Response::new(Full::from(words)))
}

fn ours(server: &TestServer<Unix>, bytes: &[u8]) -> Made {
    let path = server.address().unix_path().unwrap().to_owned();
    let mut client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Who is refused early may be told so before all was sent.
    let _ = client.write_all(bytes);
    let _ = client.shutdown(Shutdown::Write);
    let mut answers = Vec::new();
    let _ = client.read_to_end(&mut answers);
    made(&answers)
}

fn hypers(runtime: &tokio::runtime::Runtime, bytes: &[u8]) -> Made {
    let answers = runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let serving = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(server), service_fn(tell_hyper));
        let is_cut = serving.await.is_err();
        let mut answers = Vec::new();
        let _ = client.read_to_end(&mut answers).await;
        (answers, is_cut)
    });
    let mut made = made(&answers.0);
    // It closes without a word where a body is broken.
    if answers.1 {
        made.refused.get_or_insert_default();
    }
    made
}

/// Reads answers, each with a `Content-Length`.
fn made(mut answers: &[u8]) -> Made {
    let mut made = Made {
        taken: Vec::new(),
        refused: None,
    };
    while let Some(end) = answers.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&answers[..end]).to_ascii_lowercase();
        answers = &answers[end + 4..];
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        if head.starts_with("http/1.1 100") || head.starts_with("http/1.0 100") {
            continue;
        }
        let (body, rest) = answers.split_at(length.min(answers.len()));
        if head[9..].starts_with("200") {
            made.taken.push(String::from_utf8_lossy(body).into_owned());
            answers = rest;
        } else {
            made.refused = Some(String::from_utf8_lossy(body).trim_end().to_owned());
            break;
        }
    }
    made
}

/// Xorshift, as good as any for this.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// What is said of requests that hyper takes and this crate does not, with what
/// the RFCs say of them.
const STRICTER: &[(&str, &str)] = &[
    (
        "a chunk does not begin with its size",
        "RFC 9112, 7.1: a size is hexadecimal digits; hyper also takes spaces behind them",
    ),
    (
        "a line of the head ends without a carriage return",
        "RFC 9112, 2.2: a recipient may take a line feed alone",
    ),
    ("a trailer ends without a carriage return", "RFC 9112, 2.2: the same"),
    (
        "both a Content-Length and a Transfer-Encoding",
        "RFC 9112, 6.1: a server may refuse it",
    ),
    (
        "chunked is not the last Transfer-Encoding",
        "RFC 9112, 6.3: a server must refuse it",
    ),
    (
        "more than one Content-Length",
        "RFC 9112, 6.3: several of the same value may be taken for one",
    ),
    ("more than one Host", "RFC 9112, 3.2: a server must refuse it"),
    (
        "no Transfer-Encoding but chunked is known",
        "RFC 9112, 6.1: 501 is for what is not understood",
    ),
    (
        "only 100-continue can be expected",
        "RFC 9110, 10.1.1: 417 is for what cannot be met",
    ),
    (
        "the Host cannot be one",
        "RFC 9112, 3.2: a server must refuse it; hyper leaves Host to the application",
    ),
    (
        "the extension of a chunk has a control character",
        "RFC 9112, 7.1.1: an extension is tokens and quoted strings",
    ),
    (
        "the target has a byte that must be escaped",
        "RFC 9112, 3.2: an invalid request line should be answered with 400",
    ),
    (
        "the target has a fragment",
        "RFC 9112, 3.2.1: a target is a path and a query",
    ),
    (
        "the target is no path and no http URI",
        "RFC 9112, 3.2: no other form is a target of these methods",
    ),
    ("there is no Host", "RFC 9112, 3.2: a server must refuse it"),
];

const METHODS: &[&str] = &["GET", "POST", "PUT", "OPTIONS", "M-X", "get", "G ET", "", "DELETE"];
const TARGETS: &[&str] = &[
    "/",
    "/a?b=c",
    "http://h/x",
    "*",
    "/%41",
    "/a b",
    "",
    "//",
    "/\u{e9}",
    "/a#b",
];
const VERSIONS: &[&str] = &[
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "HTTP/1.11",
    "http/1.1",
    "",
];
const FIELDS: &[&str] = &[
    "Host: h",
    "A: b",
    "A:b",
    "A: ",
    "A : b",
    " A: b",
    "A: b\r\n c",
    "A: b\tc",
    "A: \u{e9}",
    "A(: b",
    ": b",
    "A",
    "Connection: close",
    "Connection: keep-alive",
    "A: b\0c",
    "A: b\rc",
    "Cookie: a=b",
    "Expect: 100-continue",
];
const FRAMINGS: &[&str] = &[
    "Content-Length: 5",
    "Content-Length: 0",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length: 5 ",
    "Content-Length: 05",
    "Content-Length: -1",
    "Content-Length: 0x5",
    "Content-Length: 99999999999999999999",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 5\r\nContent-Length: 6",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding : chunked",
    "X: y",
];
const BODIES: &[&str] = &[
    "hello",
    "",
    "5\r\nhello\r\n0\r\n\r\n",
    "5;a=b\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "5\nhello\n0\n\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhello\r\n0\r\nT: u\r\n\r\n",
    "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "0\r\n\r\n",
    "05\r\nhello\r\n00\r\n\r\n",
    "5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n",
    "A\r\n0123456789\r\n0\r\n\r\n",
];

/// One or two requests, mostly right.
fn requests(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=chance.below(2) {
        let odd = chance.below(4) == 0;
        let mut pick = |choices: &[&'static str], right: usize| match odd {
            true => chance.of(choices),
            false => choices[chance.below(right)],
        };
        let line = format!("{} {} {}\r\n", pick(METHODS, 5), pick(TARGETS, 3), pick(VERSIONS, 3));
        let mut text = line + "Host: h\r\n";
        for _ in 0..chance.below(3) {
            text += chance.of(if odd { FIELDS } else { &FIELDS[1..4] });
            text += "\r\n";
        }
        text += chance.of(if odd {
            FRAMINGS
        } else {
            &["Content-Length: 5", "Transfer-Encoding: chunked", "X: y"]
        });
        text += "\r\n\r\n";
        text += chance.of(BODIES);
        bytes.extend_from_slice(text.as_bytes());
    }
    for _ in 0..chance.below(3).saturating_sub(1) {
        let at = chance.below(bytes.len());
        bytes[at] = chance.below(256) as u8;
    }
    bytes
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap())
}

#[test]
fn what_hyper_refuses_is_refused_and_what_both_take_is_read_alike() {
    let server = TestServer::<Unix>::start(http::serve(tell)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let seed = number("SEED", 0x9e37_79b9_7f4a_7c15);
    let mut chance = Chance(seed);
    let (mut both, mut stricter) = (0, BTreeMap::new());
    for at in 0..number("REQUESTS", 5_000) {
        let bytes = requests(&mut chance);
        let (ours, hypers) = (ours(&server, &bytes), hypers(&runtime, &bytes));
        let common = ours.taken.len().min(hypers.taken.len());
        let shown = || {
            format!(
                "request {at} of seed {seed}: {}\n ours {ours:?}\nhyper {hypers:?}",
                bytes.escape_ascii()
            )
        };
        assert_eq!(
            ours.taken[..common],
            hypers.taken[..common],
            "read otherwise: {}",
            shown()
        );
        assert!(
            ours.taken.len() <= hypers.taken.len(),
            "hyper does not take it: {}",
            shown()
        );
        both += common;
        if hypers.taken.len() > common {
            let said = ours.refused.clone().unwrap_or_default();
            let is_meant = STRICTER.iter().any(|(known, _)| *known == said);
            assert!(is_meant, "refused for what no RFC was named: {}", shown());
            *stricter.entry(said).or_insert(0) += 1;
        }
    }
    println!("{both} requests were taken by both; refused here alone:");
    for (said, count) in &stricter {
        println!("{count:6} {said}");
    }
    assert!(both > 1_000, "the requests are nearly all wrong, and show nothing");
}
