//! The fuzz target of static files, for the fuzzer and for a test.

use std::sync::OnceLock;

use greenserve::http::{self, Files};

use crate::answer::Answer;
use crate::ask::{Server, folder};

/// What lies in the folder, and what beside it.
const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const SECRET: &[u8] = b"SECRET";
/// What one connection brings at most: it fits into the socket's buffer.
const LONGEST: usize = 16 * 1024;

fn answer(request: &[u8]) -> Vec<u8> {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let files = Files::new(folder("root")).expect("a folder");
        let http = http::serve(files);
        Server::new(http)
    });
    server.ask(request)
}

/// The first line is a path, the second one a `Range`: whatever they are, what
/// comes back is the file, the parts that are said, or a refusal, and never a
/// byte of what lies outside.
pub fn http_files(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let mut lines = bytes.splitn(2, |byte| *byte == b'\n');
    let (path, range) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let request = [b"GET /", path, b" HTTP/1.1\r\nHost: a\r\nRange: ", range, b"\r\n\r\n"].concat();
    let answers = answer(&request);
    assert!(!answers.windows(SECRET.len()).any(|window| window == SECRET));
    let answer = Answer::read(&answers, "GET");
    let (body, kind) = (&answer.body[..], answer.header("content-type").unwrap_or_default());
    let place = answer.header("content-range");
    match (answer.status, kind.strip_prefix("multipart/byteranges; boundary=")) {
        (206, Some(boundary)) => check_parts(body, boundary),
        (206, None) => check_part(place.expect("a place"), body),
        (200, _) => assert_eq!(body, CONTENT),
        (416, _) => assert_eq!(place, Some(&*format!("bytes */{}", CONTENT.len()))),
        // What is no request, and what is no name.
        (400 | 404 | 308 | 414 | 431 | 417 | 405 | 413 | 501 | 505, _) => {}
        (status, _) => panic!("{status}"),
    }
}

/// A part is what its place says.
fn check_part(place: &str, body: &[u8]) {
    let (range, size) = place
        .strip_prefix("bytes ")
        .and_then(|place| place.split_once('/'))
        .expect("a place");
    assert_eq!(size, CONTENT.len().to_string());
    let (first, last) = range.split_once('-').expect("a range");
    let (first, last): (usize, usize) = (first.parse().expect("a number"), last.parse().expect("a number"));
    assert_eq!(body, &CONTENT[first..=last]);
}

fn check_parts(body: &[u8], boundary: &str) {
    let text = std::str::from_utf8(body).expect("text");
    let (inner, end) = text.rsplit_once(&format!("\r\n--{boundary}--")).expect("an end");
    assert_eq!(end, "\r\n");
    let delimiter = format!("\r\n--{boundary}\r\n");
    let mut parts = inner.split(&delimiter);
    assert_eq!(parts.next(), Some(""));
    let mut count = 0;
    for part in parts {
        let (head, content) = part.split_once("\r\n\r\n").expect("a head");
        let (_, place) = head.split_once("content-range: ").expect("a place");
        check_part(place, content.as_bytes());
        count += 1;
    }
    assert!(count > 1 && body.len() < CONTENT.len() + count * 200);
}
