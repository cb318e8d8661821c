//! Compressed answers, as clients see them.

use std::io::{ErrorKind, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use greenserve::http::{
    self, Compression, Event as News, EventStream, Files, Handler, Refusal, Request, Response, StatusCode, around,
};
use greenserve::sync::Event;
use greenserve::testing::TestServer;
use greenserve::{Coroutine, Inline, Model, Tcp, TcpServer, Thread, Unix};

use super::client::{Answer, Client, ask, folder, start, start_in};
use super::common::{skipped, wait_until};

const GZIP: &str = "Accept-Encoding: gzip";

/// Text that repeats itself, but not quite.
fn text(size: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|number| format!("line {number} of a text that goes on and on\n").into_bytes());
    lines.take(size).collect()
}

/// What cannot become smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// One whole gzip stream and nothing behind it.
fn unpacked(coded: &[u8]) -> Vec<u8> {
    let mut reader = flate2::bufread::GzDecoder::new(coded);
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).unwrap();
    assert!(reader.into_inner().is_empty(), "more comes behind the end of gzip");
    plain
}

fn is_coded(answer: &Answer) -> bool {
    match answer.header("content-encoding") {
        "gzip" => true,
        "-" => false,
        other => panic!("{other}"),
    }
}

/// The body without its coding, of an answer that says the truth about it.
fn plain(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("vary"), "accept-encoding", "{:?}", answer.headers);
    match is_coded(answer) {
        true => unpacked(&answer.body),
        false => answer.body.clone(),
    }
}

fn compressed(handler: impl Handler) -> impl Handler {
    around(Compression::new(), handler)
}

fn number(request: &Request<'_>) -> usize {
    request.query().and_then(|query| query.parse().ok()).unwrap_or_default()
}

/// As many bytes of text as the query says, the way that the path says.
fn texts(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    let body = text(number(request));
    response.header("content-type", "text/plain")?;
    match request.path() {
        "/write" => {
            for piece in body.chunks(777) {
                response.write_all(piece)?;
            }
            Ok(())
        }
        "/sized" => {
            response.header("content-length", body.len().to_string())?;
            Ok(response.write_all(&body)?)
        }
        "/flush" => {
            for piece in body.chunks(5_000) {
                response.write_all(piece)?;
                response.flush()?;
                response.flush()?;
            }
            Ok(())
        }
        _ => response.send(body),
    }
}

fn is_the_same_in(model: impl Model) {
    let server = start_in(model, compressed(texts));
    let mut client = Client::of(&server);
    for size in [1_024, 8_191, 8_193, 65_536, 65_537, 400_000] {
        for path in ["/send", "/write", "/sized", "/flush"] {
            let answer = client.ask(&format!("GET {path}?{size}"), &[GZIP]);
            assert!(is_coded(&answer), "{path} {size}");
            assert!(plain(&answer) == text(size), "{path} {size}");
            assert!(answer.body.len() * 2 < size, "{path} {size}: {}", answer.body.len());
            assert_eq!(answer.header("content-type"), "text/plain");
            let is_sized = answer.header("content-length") != "-";
            assert_eq!(
                is_sized,
                path == "/send" && size <= 65_536 || path != "/flush" && size < 8_192
            );
            // Who does not ask for it gets it as it is.
            let whole = client.ask(&format!("GET {path}?{size}"), &[]);
            assert!(!is_coded(&whole) && plain(&whole) == text(size), "{path} {size}");
        }
    }
}

#[test]
fn what_is_coded_is_the_same_body_in_every_model() {
    is_the_same_in(Coroutine::new());
    is_the_same_in(Thread::new());
    is_the_same_in(Inline::new());
}

#[test]
fn the_client_chooses() {
    let server = start(compressed(texts));
    let mut client = Client::of(&server);
    for (lines, coded) in [
        (&[][..], false),
        (&[""], false),
        (&["gzip"], true),
        (&["GZIP"], true),
        (&["x-gzip"], true),
        (&["deflate, gzip;q=1.0, *;q=0.5"], true),
        (&["br"], false),
        (&["deflate"], false),
        (&["*"], true),
        (&["*;q=0"], false),
        (&["*;q=0, gzip;q=0.1"], true),
        (&["gzip;q=0"], false),
        (&["gzip;q=0, *"], false),
        (&["gzip;q=0.5, identity;q=0.6"], false),
        (&["gzip;q=0.6, identity;q=0.5"], true),
        (&["identity;q=0"], false),
        (&["identity"], false),
        (&["br", "gzip"], true),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| format!("Accept-Encoding: {line}")).collect();
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        for path in ["/send", "/write"] {
            let answer = client.ask(&format!("GET {path}?20000"), &headers);
            assert_eq!(is_coded(&answer), coded, "{lines:?} {path}");
            assert!(plain(&answer) == text(20_000), "{lines:?} {path}");
        }
    }
}

#[test]
fn small_bodies_are_coded_only_for_who_takes_no_others() {
    let server = start(compressed(texts));
    let mut client = Client::of(&server);
    for path in ["/send", "/write", "/sized"] {
        for (size, accepted, coded) in [
            (0, GZIP, false),
            (1_023, GZIP, false),
            (1_024, GZIP, true),
            (0, "Accept-Encoding: gzip, identity;q=0", false),
            (1, "Accept-Encoding: gzip, identity;q=0", true),
            (1_023, "Accept-Encoding: gzip, *;q=0", true),
        ] {
            let answer = client.ask(&format!("GET {path}?{size}"), &[accepted]);
            assert_eq!(is_coded(&answer), coded, "{path} {size} {accepted}");
            assert!(plain(&answer) == text(size), "{path} {size} {accepted}");
        }
    }
    let server = start(around(Compression::new().min_size(100).level(99), texts));
    assert!(!is_coded(&ask(&server, "GET /?99", &[GZIP])));
    assert!(is_coded(&ask(&server, "GET /?100", &[GZIP])));
}

#[test]
fn what_becomes_no_smaller_goes_as_it_is() {
    let server = start(compressed(|_: &mut Request<'_>, response: &mut Response<'_>| {
        response.header("etag", "\"1\"")?;
        response.send(noise(5_000))
    }));
    let mut client = Client::of(&server);
    let answer = client.ask("GET /", &[GZIP]);
    assert_eq!((is_coded(&answer), answer.header("etag")), (false, "\"1\""));
    assert!(plain(&answer) == noise(5_000));
    let coded = client.ask("GET /", &["Accept-Encoding: gzip, identity;q=0"]);
    assert!(is_coded(&coded) && plain(&coded) == noise(5_000));
}

/// Sends text with the header that is asked for: `GET /NAME/VALUE`.
fn with_header(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    let said = request.header("x-say").unwrap_or_default().to_owned();
    if let Some((name, value)) = said.split_once(": ") {
        response.header(name, value)?;
    }
    if let Some(status) = request.header("x-status") {
        response.set_status(status.parse()?);
    }
    response.send(text(3_000))
}

#[test]
fn what_shall_not_be_coded_is_not() {
    let server = start(compressed(with_header));
    let mut client = Client::of(&server);
    for (said, coded, vary) in [
        ("x: y", true, "accept-encoding"),
        ("content-type: application/json", true, "accept-encoding"),
        ("content-type: image/svg+xml", true, "accept-encoding"),
        ("content-type: image/png", false, "-"),
        ("content-type: video/mp4", false, "-"),
        ("content-type: application/zip", false, "-"),
        ("content-type: text/event-stream", false, "-"),
        ("cache-control: public, No-Transform", false, "-"),
        ("cache-control: public", true, "accept-encoding"),
        ("repr-digest: sha-256=:AA==:", false, "-"),
        ("content-digest: sha-256=:AA==:", false, "-"),
        ("content-md5: AA==", false, "-"),
        ("digest: sha-256=AA==", false, "-"),
        ("content-range: bytes 0-2999/9000", false, "accept-encoding"),
        ("vary: Accept-Encoding", true, "Accept-Encoding"),
        ("vary: *", true, "*"),
        ("vary: origin", true, "origin, accept-encoding"),
        ("trailer: x", true, "accept-encoding"),
    ] {
        let answer = client.ask("GET /", &[GZIP, &format!("X-Say: {said}")]);
        assert_eq!((is_coded(&answer), answer.header("vary")), (coded, vary), "{said}");
    }
    let other = client.ask("GET /", &[GZIP, "X-Say: content-encoding: br"]);
    assert_eq!((other.header("content-encoding"), other.header("vary")), ("br", "-"));
    assert!(other.body == text(3_000));
    for (status, coded) in [("200", true), ("404", true), ("500", true), ("206", false)] {
        let answer = client.ask("GET /", &[GZIP, &format!("X-Status: {status}")]);
        assert_eq!((answer.status.to_string().as_str(), is_coded(&answer)), (status, coded));
        assert!(plain(&answer) == text(3_000));
    }
    for (status, vary) in [("204", "-"), ("304", "accept-encoding")] {
        let answer = client.ask("GET /", &[GZIP, &format!("X-Status: {status}")]);
        assert_eq!((answer.header("content-encoding"), answer.header("vary")), ("-", vary));
    }
}

/// Whatever the handler writes, and however.
#[test]
fn an_answer_without_a_body_is_not_coded() {
    let handler = |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        response.set_status(StatusCode::from_u16(number(request) as u16)?);
        match request.path() {
            "/send" => response.send(text(3_000)),
            "/stated" => response.header("content-length", "3000")?.send(text(3_000)),
            "/large" => Ok(response.write_all(&text(100_000))?),
            _ => {
                response.write_all(b"dropped")?;
                response.flush()?;
                Ok(response.write_all(&text(3_000))?)
            }
        }
    };
    let server = start(compressed(handler));
    for status in [204, 205, 304] {
        for (method, path) in [
            ("GET", "/flush"),
            ("GET", "/send"),
            ("GET", "/stated"),
            ("HEAD", "/stated"),
            ("GET", "/large"),
            ("HEAD", "/flush"),
        ] {
            let mut client = server.connect().unwrap();
            let request =
                format!("{method} {path}?{status} HTTP/1.1\r\nHost: a\r\n{GZIP}\r\nConnection: close\r\n\r\n");
            client.write_all(request.as_bytes()).unwrap();
            let mut heard = String::new();
            client.read_to_string(&mut heard).unwrap();
            assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{heard}");
            let (head, body) = heard.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, "", "{method} {path} {status}: {head}");
            for said in ["content-encoding", "transfer-encoding"] {
                assert!(!head.contains(said), "{method} {path} {status}: {head}");
            }
            assert_eq!(head.contains("content-length: 0"), status == 205, "{head}");
        }
    }
    for path in ["/flush", "/send", "/large"] {
        let answer = ask(&server, &format!("GET {path}?101"), &[GZIP]);
        assert_eq!((answer.status, is_coded(&answer)), (500, false), "{path}");
    }
}

#[test]
fn a_predicate_says_what_is_coded() {
    let chosen = Compression::new().when(|headers| headers.contains_key("x-yes"));
    let server = start(around(chosen, with_header));
    assert!(!is_coded(&ask(&server, "GET /", &[GZIP])));
    assert!(is_coded(&ask(&server, "GET /", &[GZIP, "X-Say: x-yes: 1"])));
}

#[test]
fn an_older_client_gets_it_as_it_is() {
    let server = start(compressed(texts));
    for (path, length) in [("/send", true), ("/write", false)] {
        let mut client = server.connect().unwrap();
        let request = format!("GET {path}?20000 HTTP/1.0\r\n{GZIP}\r\n\r\n");
        client.write_all(request.as_bytes()).unwrap();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).unwrap();
        let head = String::from_utf8_lossy(&heard)
            .split("\r\n\r\n")
            .next()
            .unwrap()
            .to_owned();
        assert!(
            head.contains("vary: accept-encoding") && !head.contains("content-encoding"),
            "{head}"
        );
        assert_eq!(head.contains("content-length: 20000"), length, "{head}");
        assert!(heard.ends_with(&text(20_000)));
    }
}

#[test]
fn a_head_says_what_a_get_says() {
    let server = start(compressed(texts));
    let mut client = Client::of(&server);
    for path in ["/send", "/write", "/sized", "/flush"] {
        for size in [0, 500, 5_000, 20_000, 100_000] {
            let mut ask = |method| {
                let mut answer = client.ask(&format!("{method} {path}?{size}"), &[GZIP]);
                answer.headers.remove("date");
                answer
            };
            let (get, head) = (ask("GET"), ask("HEAD"));
            assert_eq!(head.headers, get.headers, "{path} {size}");
        }
    }
    let folder = folder(&[("a.txt", &text(50_000)), ("b.txt", &text(500))]);
    let server = start(compressed(Files::new(folder.path()).unwrap()));
    let mut client = Client::of(&server);
    let head = client.ask("HEAD /a.txt", &[GZIP]);
    assert!(
        is_coded(&head) && head.header("etag").starts_with("W/"),
        "{:?}",
        head.headers
    );
    // That of the coded body nobody knows, and that of the file it is not.
    assert_eq!(head.header("content-length"), "-");
    let small = client.ask("HEAD /b.txt", &[GZIP]);
    assert_eq!((is_coded(&small), small.header("content-length")), (false, "500"));
}

#[test]
fn a_coded_version_has_a_tag_of_its_own() {
    let content = text(50_000);
    let folder = folder(&[
        ("a.txt", &content),
        ("a.png", &content),
        ("b.css", &content),
        ("b.css.gz", b"x"),
    ]);
    let server = start(compressed(Files::new(folder.path()).unwrap().precompressed()));
    let mut client = Client::of(&server);
    let whole = client.ask("GET /a.txt", &[]);
    let strong = whole.header("etag").to_owned();
    assert!(
        strong.starts_with('"') && whole.header("accept-ranges") == "bytes",
        "{strong}"
    );
    let coded = client.ask("GET /a.txt", &[GZIP]);
    assert!(is_coded(&coded) && plain(&coded) == content);
    let weak = coded.header("etag").to_owned();
    assert_eq!(
        (weak.as_str(), coded.header("accept-ranges")),
        (format!("W/{strong}").as_str(), "-")
    );
    assert_eq!(coded.header("last-modified"), whole.header("last-modified"));
    // Each client is told the tag of what it has.
    for (has, accepted, told) in [
        (&strong, GZIP, &strong),
        (&weak, GZIP, &weak),
        (&format!("\"x\", {weak}"), GZIP, &weak),
        (&format!("{weak}, {strong}"), GZIP, &strong),
        (&strong, "X: y", &strong),
    ] {
        let answer = client.ask("GET /a.txt", &[accepted, &format!("If-None-Match: {has}")]);
        assert_eq!(
            (answer.status, answer.header("etag")),
            (304, told.as_str()),
            "{has} {accepted}"
        );
        assert_eq!(answer.header("vary"), "accept-encoding");
    }
    assert_eq!(client.ask("GET /a.txt", &[GZIP, "If-None-Match: \"x\""]).status, 200);
    // A part of the file is none of the coded body.
    let part = client.ask("GET /a.txt", &[GZIP, "Range: bytes=0-9999"]);
    assert_eq!((part.status, is_coded(&part)), (206, false));
    assert!(part.body == content[..10_000]);
    let other = client.ask("GET /a.txt", &[GZIP, "Range: bytes=0-9", &format!("If-Range: {weak}")]);
    assert_eq!((other.status, is_coded(&other)), (200, true));
    // What was compressed before is not compressed again.
    let before = client.ask("GET /b.css", &[GZIP]);
    assert_eq!(
        (before.text().as_str(), before.header("vary")),
        ("x", "accept-encoding")
    );
    assert!(!is_coded(&client.ask("GET /a.png", &[GZIP])));
}

/// The bytes of one chunk.
fn chunk(client: &mut impl Read) -> Vec<u8> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let size = std::str::from_utf8(&line).unwrap().trim();
    let mut chunk = vec![0; usize::from_str_radix(size, 16).unwrap() + 2];
    client.read_exact(&mut chunk).unwrap();
    chunk.truncate(chunk.len() - 2);
    chunk
}

fn begin(client: &mut (impl Read + Write), target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{GZIP}\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn arrives_when_it_is_flushed(model: impl Model) {
    let go_on = Arc::new(Event::new());
    let theirs = Arc::clone(&go_on);
    let server = start_in(
        model,
        compressed(
            move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
                response.flush()?;
                response.write_all(b"first")?;
                response.flush()?;
                theirs.wait()?;
                Ok(response.write_all(b"last")?)
            },
        ),
    );
    let mut client = server.connect().unwrap();
    let head = begin(&mut client, "/");
    assert!(
        head.contains("content-encoding: gzip") && head.contains("chunked"),
        "{head}"
    );
    let mut coded = chunk(&mut client);
    let mut first = [0; 5];
    flate2::read::GzDecoder::new(&coded[..]).read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first");
    go_on.set();
    loop {
        match chunk(&mut client) {
            end if end.is_empty() => break,
            more => coded.extend(more),
        }
    }
    assert_eq!(unpacked(&coded), b"firstlast");
}

#[test]
fn what_is_flushed_arrives_before_the_rest_is_made() {
    arrives_when_it_is_flushed(Coroutine::new());
    arrives_when_it_is_flushed(Thread::new());
}

#[test]
fn events_are_coded_if_they_shall_be_and_each_arrives_at_once() {
    let heard = Arc::new(Event::new());
    let wait = Arc::clone(&heard);
    let events = move |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let mut stream = EventStream::begin(response)?;
        stream.send(&News::new("one"))?;
        wait.wait()?;
        Ok(stream.send(&News::new("two"))?)
    };
    let server = start(around(Compression::new().when(|_| true), events));
    let mut client = server.connect().unwrap();
    assert!(begin(&mut client, "/").contains("content-encoding: gzip"));
    let mut coded = chunk(&mut client);
    let mut one = [0; 11];
    flate2::read::GzDecoder::new(&coded[..]).read_exact(&mut one).unwrap();
    assert_eq!(&one, b"data: one\n\n");
    heard.set();
    coded.extend(chunk(&mut client));
    let mut both = [0; 22];
    flate2::read::GzDecoder::new(&coded[..]).read_exact(&mut both).unwrap();
    assert_eq!(&both, b"data: one\n\ndata: two\n\n");
}

/// Fails in the way that the path says, in the middle of a body.
fn failing(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    match request.path() {
        "/well" => return response.send(text(3_000)),
        "/short" => {
            response.header("content-length", "90000")?;
            response.write_all(&text(80_000))?;
            return Ok(response.flush()?);
        }
        "/much" => {
            response.header("content-length", "70000")?;
            response.write_all(&text(60_000))?;
            response.flush()?;
            // Who does not look is noticed at the end.
            let _ = response.write_all(&text(20_000));
            return Ok(());
        }
        // More than is coded before a part of it leaves.
        _ => response.write_all(&text(600_000))?,
    }
    match request.path() {
        "/fail" => response.flush()?,
        "/panic" => {
            response.flush()?;
            panic!("a secret");
        }
        "/refuse" => {
            response.flush()?;
            return Err(Refusal::new(StatusCode::FORBIDDEN, "not you").into());
        }
        _ => {}
    }
    Err("a secret".into())
}

#[test]
fn a_body_whose_handler_fails_has_no_end() {
    let server = start(compressed(failing));
    for path in ["/fail", "/panic", "/refuse", "/short", "/much", "/unflushed"] {
        let mut client = server.connect().unwrap();
        assert!(begin(&mut client, path).starts_with("HTTP/1.1 200 "), "{path}");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).unwrap();
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{path}: the end of chunks");
        // Neither is it whole for who forgives a missing end of chunks.
        let (mut coded, mut chunks) = (Vec::new(), &rest[..]);
        while !chunks.is_empty() {
            coded.extend(chunk(&mut chunks));
        }
        let mut plain = Vec::new();
        let err = flate2::read::GzDecoder::new(&coded[..])
            .read_to_end(&mut plain)
            .unwrap_err();
        assert_eq!(err.kind(), ErrorKind::UnexpectedEof, "{path}");
        assert!(plain.len() > 10_000 && text(600_000).starts_with(&plain), "{path}");
    }
    // The coders that were left in the middle are used again.
    assert!(plain(&ask(&server, "GET /well", &[GZIP])) == text(3_000));
}

#[test]
fn what_has_not_left_is_taken_back() {
    let server = start(compressed(
        |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
            if request.path() == "/well" {
                return response.send(text(3_000));
            }
            response.header("etag", "\"1\"")?;
            // Coded, but so little that nothing has come out.
            response.write_all(&vec![b'x'; 20_000])?;
            assert!(response.has_begun());
            let text = String::from_utf8(text(number(request)))?;
            Err(Refusal::new(StatusCode::FORBIDDEN, text).into())
        },
    ));
    let mut client = Client::of(&server);
    for size in [100, 1_000, 4_000, 1_000] {
        let refused = client.ask(&format!("GET /?{size}"), &[GZIP]);
        assert_eq!((refused.status, refused.header("etag")), (403, "-"));
        assert_eq!(is_coded(&refused), size > 1_024);
        assert_eq!(plain(&refused), [&text(size)[..], b"\n"].concat());
        assert!(plain(&client.ask("GET /well", &[GZIP])) == text(3_000));
    }
}

#[test]
fn trailers_come_behind_a_coded_body() {
    let server = start(compressed(
        |_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
            response.trailer("x-sum", "7")?;
            response.write_all(b"abc")?;
            Ok(response.flush()?)
        },
    ));
    let mut client = server.connect().unwrap();
    assert!(begin(&mut client, "/").contains("trailer: x-sum"));
    let (mut coded, mut end) = (chunk(&mut client), chunk(&mut client));
    coded.append(&mut end);
    assert_eq!(unpacked(&coded), b"abc");
    let mut rest = [0; 15];
    client.read_exact(&mut rest).unwrap();
    assert_eq!(&rest, b"0\r\nx-sum: 7\r\n\r\n");
}

#[test]
fn requests_that_come_together_are_answered_in_their_order() {
    let server = start(compressed(texts));
    let mut client = Client::of(&server);
    let sizes = [3_000, 100, 90_000, 20_000];
    for size in sizes {
        client.write(&format!("GET /send?{size}"), &[GZIP], b"");
    }
    for size in sizes {
        assert!(plain(&client.hear()) == text(size), "{size}");
    }
}

#[test]
fn as_many_are_coded_at_once_as_may_be() {
    let go_on = Arc::new(Event::new());
    let theirs = Arc::clone(&go_on);
    let handler = move |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        response.write_all(&text(20_000))?;
        response.flush()?;
        match request.path() {
            "/wait" => Ok(theirs.wait()?),
            _ => Ok(()),
        }
    };
    let server: TestServer<Unix> = start(around(Compression::new().at_once(1), handler));
    let mut first = server.connect().unwrap();
    assert!(begin(&mut first, "/wait").contains("content-encoding: gzip"));
    let second = ask(&server, "GET /", &[GZIP]);
    assert!(!is_coded(&second) && plain(&second) == text(20_000));
    go_on.set();
    wait_until("the coder is free", || is_coded(&ask(&server, "GET /", &[GZIP])));
    // One that hangs up gives it back as well.
    drop(first);
    wait_until("the coder is free", || is_coded(&ask(&server, "GET /", &[GZIP])));
}

fn run(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let Ok(ended) = child else {
        skipped(Some(&format!("there is no {program}")));
        return None;
    };
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {arguments:?}: {errors}");
    Some(ended.stdout)
}

fn over_tcp() -> TestServer<Tcp> {
    TestServer::build(TcpServer::builder(http::serve(compressed(texts)))).unwrap()
}

#[test]
fn curl_reads_it() {
    let server = over_tcp();
    for path in [
        "/send?5000",
        "/send?500000",
        "/write?50000",
        "/flush?50000",
        "/sized?50000",
    ] {
        let url = format!("http://{}{path}", server.address());
        let arguments = ["--silent", "--show-error", "--fail", "--max-time", "20", &url];
        let Some(plain) = run("curl", &[&arguments[..], &["--compressed"]].concat()) else {
            return;
        };
        let size: usize = path.split_once('?').unwrap().1.parse().unwrap();
        assert!(plain == text(size), "{path}");
        let coded = run("curl", &[&arguments[..], &["--header", GZIP]].concat()).unwrap();
        assert!(unpacked(&coded) == text(size), "{path}");
    }
}

#[test]
fn python_reads_it() {
    const CLIENT: &str = r#"
import gzip, http.client, sys, zlib
c = http.client.HTTPConnection(sys.argv[1], timeout=20)
for path in sys.argv[2:]:
    c.request("GET", path, headers={"Accept-Encoding": "gzip"})
    a = c.getresponse()
    coded = a.read()
    assert a.getheader("content-encoding") == "gzip", path
    c.request("GET", path)
    plain = c.getresponse().read()
    assert gzip.decompress(coded) == plain and len(plain) > 2 * len(coded), path
    # Byte by byte it is the same.
    reader = zlib.decompressobj(31)
    assert b"".join(reader.decompress(coded[i:i + 1]) for i in range(len(coded))) == plain, path
    assert reader.eof and not reader.unused_data, path
"#;
    let server = over_tcp();
    let paths = [
        "/send?5000",
        "/send?500000",
        "/write?50000",
        "/flush?50000",
        "/sized?50000",
    ];
    run(
        "python3",
        &[&["-c", CLIENT, &server.address().to_string()], &paths[..]].concat(),
    );
}
