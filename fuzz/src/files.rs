//! The fuzz target of static files, for the fuzzer and for a test.

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use greenserve::http::{self, Files};
use greenserve::testing::TestServer;
use greenserve::{Thread, Unix, UnixServer};

use crate::ask::ask;

/// What lies in the folder, and what beside it.
const CONTENT: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const SECRET: &[u8] = b"SECRET";
/// What one connection brings at most: it fits into the socket's buffer.
const LONGEST: usize = 16 * 1024;

fn answer(request: &[u8]) -> Vec<u8> {
    static SERVER: OnceLock<TestServer<Unix, Thread>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        // This is compiled for the fuzzer, and for a test of the library.
        let mut roots = here.ancestors().map(|folder| folder.join("fuzz/files/root"));
        let root = roots.find(|root| root.exists()).expect("a root");
        let files = Files::new(root).expect("a root");
        let http = http::serve(files);
        TestServer::build(UnixServer::builder(http).threads()).expect("a server")
    });
    ask(server, request)
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
    let Some((status, headers, body)) = read(&answers) else {
        return;
    };
    let kind = headers.get("content-type").map(String::as_str).unwrap_or_default();
    match (status, kind.strip_prefix("multipart/byteranges; boundary=")) {
        (206, Some(boundary)) => check_parts(body, boundary),
        (206, None) => check_part(&headers["content-range"], body),
        (200, _) => assert_eq!(body, CONTENT),
        (416, _) => assert_eq!(headers["content-range"], format!("bytes */{}", CONTENT.len())),
        // What is no request, and what is no name.
        (400 | 404 | 308 | 414 | 431 | 417 | 405 | 413 | 501 | 505, _) => {}
        (status, _) => panic!("{status}"),
    }
}

/// The first answer.
fn read(answers: &[u8]) -> Option<(u16, HashMap<String, String>, &[u8])> {
    let end = answers.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answers[..end]).expect("a head");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.get(9..12)?.parse().expect("a status");
    let fields = lines.map(|line| line.split_once(": ").expect("a header"));
    let headers: HashMap<_, _> = fields
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length: usize = headers
        .get("content-length")
        .map_or(0, |length| length.parse().expect("a length"));
    Some((status, headers, &answers[end + 4..end + 4 + length]))
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
