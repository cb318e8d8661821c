//! The fuzz targets of the HTTP server, for the fuzzer and for a test.

use std::sync::OnceLock;

use greenserve::http::{self, Limits, Request, Response};

use crate::answer::Answer;
use crate::pieces::InPieces;

/// What one connection brings at most: it fits into the socket's buffer.
const LONGEST: usize = 16 * 1024;
const BODY: u64 = 1_000;
const EXTENSIONS: usize = 100;

/// Answers `METHOD TARGET`, a line end and the body.
fn tell(request: &mut Request, response: &mut Response) -> http::Result {
    let body = request.body().bytes(BODY)?;
    let line = format!("{} {}\n", request.method(), request.target());
    response.send([line.as_bytes(), &body].concat())
}

/// What is answered, whole and in pieces: of the same status, whatever is found
/// first of several faults. None to what is no request yet.
fn answers(bytes: &[u8], method: &str) -> Vec<Answer> {
    static SERVER: OnceLock<InPieces> = OnceLock::new();
    let limits = || Limits::new().chunk_extensions(EXTENSIONS);
    let server = SERVER.get_or_init(|| InPieces::new(http::serve(tell).limits(limits())));
    let answers = server.ask(bytes);
    let said = answers.iter().filter(|answer| !answer.is_empty());
    let read: Vec<_> = said.map(|answer| Answer::read(answer, method)).collect();
    let is_as_first = |answer: &Answer| answer.status == read[0].status;
    assert!(
        read.is_empty() || read.len() == answers.len() && read.iter().all(is_as_first),
        "{read:?}"
    );
    read
}

/// Whatever is sent is answered by the book, and a request that is understood
/// is one that no other reader could understand differently: what httparse
/// reads, with line ends that are whole, one host and one framing.
pub fn http_head(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    // Whether there is a body depends on a method that may not be understood.
    for answer in answers(bytes, "HEAD") {
        check_head(bytes, answer.status, &answer.rest);
    }
}

fn check_head(bytes: &[u8], status: u16, body: &[u8]) {
    let known = [200, 400, 413, 414, 417, 431, 501, 505];
    assert!(known.contains(&status), "{status}");
    if status != 200 {
        return;
    }
    let mut room = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Request::new(&mut room);
    let Ok(httparse::Status::Complete(end)) = parsed.parse(bytes) else {
        panic!("understood, but not by httparse");
    };
    let (method, path) = (parsed.method.expect("a method"), parsed.path.expect("a path"));
    assert!(method == "HEAD" || body.starts_with(format!("{method} {path}\n").as_bytes()));
    for (at, byte) in bytes[..end].iter().enumerate() {
        match byte {
            b'\n' => assert_eq!(bytes[at - 1], b'\r'),
            b'\r' => assert_eq!(bytes[at + 1], b'\n'),
            byte => assert!(*byte == b'\t' || !byte.is_ascii_control()),
        }
    }
    let count = |name: &str| {
        let headers = parsed.headers.iter();
        headers.filter(|header| header.name.eq_ignore_ascii_case(name)).count()
    };
    assert!(count("host") == 1 || count("host") == 0 && parsed.version == Some(0));
    assert!(count("content-length") + count("transfer-encoding").min(1) <= 1);
}

/// A body in chunks is what a second reader, written for nothing else, says it
/// is; what that one refuses is refused.
pub fn http_body(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let decoded = decoded(bytes);
    let answers = answers(&[head, bytes].concat(), "POST");
    assert!(!answers.is_empty());
    for answer in answers {
        check_body(decoded.as_deref(), answer.status, &answer.body);
    }
}

fn check_body(decoded: Option<&[u8]>, status: u16, body: &[u8]) {
    match (decoded, status) {
        (Some(expected), 200) => assert_eq!(body.strip_prefix(b"POST /\n"), Some(expected)),
        (Some(expected), 413) => assert!(expected.len() as u64 > BODY),
        (None, 400 | 413 | 431) => {}
        (expected, status) => panic!("{status} for {expected:?}"),
    }
}

/// The body, if the bytes begin with one.
fn decoded(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut body, mut extensions) = (Vec::new(), 0);
    loop {
        let (line, rest) = split_line(bytes)?;
        let digits = line.iter().position(|byte| *byte == b';').unwrap_or(line.len());
        extensions += line.len() - digits;
        let clean = line.iter().all(|byte| *byte == b'\t' || (b' '..=b'~').contains(byte));
        let text = std::str::from_utf8(&line[..digits]).ok()?;
        let is_number = !text.is_empty() && text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !clean || !is_number || extensions > EXTENSIONS {
            return None;
        }
        let size = usize::try_from(u64::from_str_radix(text, 16).ok()?).ok()?;
        bytes = rest;
        if size == 0 {
            return trailers_are_good(bytes).then_some(body);
        }
        body.extend_from_slice(bytes.get(..size)?);
        bytes = bytes[size..].strip_prefix(b"\r\n")?;
    }
}

/// What stands before the first line feed, which must be a whole line end.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes[..end].strip_suffix(b"\r")?;
    (!line.contains(&b'\r')).then_some((line, &bytes[end + 1..]))
}

fn trailers_are_good(mut bytes: &[u8]) -> bool {
    let (mut count, mut length) = (0, 0);
    while let Some((line, rest)) = split_line(bytes) {
        if line.is_empty() {
            return count <= 100 && length <= 8 * 1024;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return false;
        };
        let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let value = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
        if colon == 0 || !line[..colon].iter().all(token) || !line[colon + 1..].iter().all(value) {
            return false;
        }
        (count, length, bytes) = (count + 1, length + line.len() + 2, rest);
    }
    false
}
