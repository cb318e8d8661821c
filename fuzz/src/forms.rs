//! The fuzz target of forms in several parts, for the fuzzer and for a test.

use std::io::{Read, Write};
use std::sync::OnceLock;

use greenserve::http::{self, PartLimits, Parts, Request, Response};

use crate::answer::Answer;
use crate::pieces::InPieces;

/// What one connection brings at most: it fits into the socket's buffer, also
/// in chunks.
const LONGEST: usize = 4 * 1024;
const PARTS: usize = 20;
const BYTES: u64 = 1_000;

/// Answers with each part's name, file name and content.
fn tell(request: &mut Request, response: &mut Response) -> http::Result {
    let limits = PartLimits::new().parts(PARTS).part_bytes(BYTES);
    let mut parts = Parts::with_limits(request, limits)?;
    let mut said = Vec::new();
    while let Some(mut part) = parts.next()? {
        write!(said, "{:?} {:?} ", part.name(), part.file_name())?;
        let begin = said.len();
        part.read_to_end(&mut said)?;
        assert!(said.len() - begin <= BYTES as usize);
        said.push(b'\n');
    }
    response.send(said)
}

/// The status and the body of what comes back for a form, whole and in pieces.
fn answer(framing: &str, body: &[u8]) -> (u16, Vec<u8>) {
    static SERVER: OnceLock<InPieces> = OnceLock::new();
    let server = SERVER.get_or_init(|| InPieces::new(http::serve(tell)));
    let head = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n{framing}\r\n\r\n"
    );
    let answers = server.ask(&[head.as_bytes(), body].concat()).into_iter();
    let mut answers = answers.map(|answer| Answer::read(&answer, "POST"));
    let whole = answers.next().map(|answer| (answer.status, answer.body)).expect("one");
    assert!(answers.all(|answer| (answer.status, &answer.body) == (whole.0, &whole.1)));
    whole
}

/// Whatever the form is, it is read or refused, within its limits, and the same
/// however it is cut.
pub fn http_multipart(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let whole = answer(&format!("Content-Length: {}", bytes.len()), bytes);
    let mut chunks = Vec::new();
    for chunk in bytes.chunks(3) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    let cut = answer("Transfer-Encoding: chunked", &chunks);
    assert!(matches!(whole.0, 200 | 400 | 413 | 431), "{whole:?}");
    assert_eq!(whole.0, cut.0);
    assert!(whole.0 != 200 || whole == cut, "{whole:?} {cut:?}");
}
