//! The fuzz target of the router, for the fuzzer and for a test.

use std::sync::OnceLock;

use greenserve::http::{self, Request, Response, Router};

use crate::ask::Server;

/// What one connection brings at most: it fits into the socket's buffer.
const LONGEST: usize = 8 * 1024;

/// Answers with a route's name and what it has left open.
fn told(name: &'static str, open: &'static [&'static str]) -> impl http::Handler {
    move |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let found = open.iter().map(|part| request.param(part).unwrap_or("none"));
        let parts: Vec<_> = [name].into_iter().chain(found).collect();
        assert_eq!(request.params().iter().count(), open.len());
        response.send(parts.join("\n"))
    }
}

fn answer(request: &[u8]) -> Vec<u8> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let router = Router::builder()
            .get("/", told("root", &[]))
            .get("/users/me", told("me", &[]))
            .get("/users/{id}", told("user", &["id"]))
            .get("/a/{x}/b/{y}", told("pair", &["x", "y"]))
            .get("/files/{*rest}", told("file", &["rest"]))
            .build()
            .expect("a router");
        Server::new(http::serve(router))
    });
    server.ask(request)
}

/// A path leads where a second reader, written for nothing else, says it does,
/// with the same parts; `POST`, which nothing answers, is told what would be.
pub fn http_routes(path: &[u8]) {
    let path = &path[..path.len().min(LONGEST)];
    for method in ["GET", "POST"] {
        let request = [method.as_bytes(), b" /", path, b" HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        check(method, path, &answer(&request));
    }
}

fn check(method: &str, path: &[u8], answers: &[u8]) {
    let mut room = [httparse::EMPTY_HEADER; 16];
    let mut parsed = httparse::Response::new(&mut room);
    let Ok(httparse::Status::Complete(end)) = parsed.parse(answers) else {
        panic!("no answer: {}", answers.escape_ascii());
    };
    let (status, body) = (parsed.code.expect("a status"), &answers[end..]);
    if !path.iter().all(u8::is_ascii_graphic) || path.iter().any(|byte| b"<>^`\\\"#".contains(byte)) {
        // Some of these may stand in a query.
        assert!([400, 404, 405, 200].contains(&status), "{status}");
        return;
    }
    let allows = parsed.headers.iter().any(|header| header.name == "allow");
    match (expected(path), method) {
        (None, _) => assert_eq!(status, 404),
        (Some(None), _) => assert_eq!(status, 400),
        (Some(Some(text)), "GET") => assert_eq!((status, body), (200, text.as_bytes())),
        (Some(Some(_)), _) => assert!(status == 405 && allows, "{status}"),
    }
}

/// What a path is answered with: `None` if no route knows it, and within it
/// `None` if an open part is no text.
fn expected(path: &[u8]) -> Option<Option<String>> {
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let parts: Vec<_> = path.split(|byte| *byte == b'/').collect();
    let (name, open) = match parts[..] {
        [b""] => ("root", vec![]),
        [b"users", b"me"] => ("me", vec![]),
        [b"users", id] if !id.is_empty() => ("user", vec![id]),
        [b"a", x, b"b", y] if !x.is_empty() && !y.is_empty() => ("pair", vec![x, y]),
        [b"files", _, ..] if path.len() > b"files/".len() => ("file", vec![&path[b"files/".len()..]]),
        _ => return None,
    };
    let decoded: Option<Vec<_>> = open.into_iter().map(decoded).collect();
    Some(decoded.map(|open| [vec![name.to_owned()], open].concat().join("\n")))
}

fn decoded(part: &[u8]) -> Option<String> {
    let (mut bytes, mut at) = (Vec::new(), 0);
    while at < part.len() {
        let digits = part.get(at + 1..at + 3).filter(|_| part[at] == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let value = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(value.unwrap_or(part[at]));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(bytes).ok()
}
