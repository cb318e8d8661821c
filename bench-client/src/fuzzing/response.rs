//! Responses of a server, as `http://` reads them.

use std::sync::OnceLock;

use super::exchange::{hear, job, origin};
use crate::base::taxonomy::Fault;
use crate::plan::http::{Reader, Request, Response};
use crate::run::job::Job;

/// Requests on their way.
const MESSAGES: usize = 3;
/// Longer input is cut at fewer places.
const CUTS: usize = 300;
const LOADS: [&str; 3] = [
    "http://127.0.0.1:1/",
    "http://127.0.0.1:1/ --method HEAD",
    "http://127.0.0.1:1/ --expect echo --size 5 --payload pattern",
];

/// How the bytes are cut does not matter; the head is what httparse reads; a
/// body that counts as an echo is the message that was sent.
pub fn http_response(bytes: &[u8]) {
    static JOBS: OnceLock<Vec<Job>> = OnceLock::new();
    for job in JOBS.get_or_init(|| LOADS.map(job).into()) {
        if let Some(request) = &job.plan.request {
            check_reader(request, bytes);
        }
        check_client(job, bytes);
    }
}

fn read(request: &Request, bytes: &[u8], ended: bool) -> Result<Option<Response>, Fault> {
    request.response(&mut Reader::default(), bytes, ended)
}

fn check_reader(request: &Request, bytes: &[u8]) {
    let whole = read(request, bytes, false).map_err(|fault| fault.class);
    for cut in (0..bytes.len()).step_by(bytes.len().div_ceil(CUTS).max(1)) {
        match read(request, &bytes[..cut], false).map_err(|fault| fault.class) {
            Ok(None) => {}
            early => assert_eq!(early, whole, "the first {cut} bytes"),
        }
    }
    if let Ok(Some(response)) = &whole {
        assert!(response.consumed <= bytes.len());
        let ended = read(request, bytes, true).ok().flatten();
        assert_eq!(ended.as_ref(), Some(response), "the end adds nothing");
        check_head(response, bytes);
        check_body(request, response, bytes);
    }
}

fn check_head(response: &Response, bytes: &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut head = httparse::Response::new(&mut fields);
    let read = head.parse(bytes);
    assert!(matches!(read, Ok(httparse::Status::Complete(length)) if length <= response.consumed));
    assert_eq!(head.code, Some(response.status));
}

/// The same body in one chunk is the same body.
fn check_body(request: &Request, response: &Response, bytes: &[u8]) {
    let body = response.body(bytes);
    let mut again = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let head = again.len();
    if !body.is_empty() {
        again.extend(format!("{:x}\r\n", body.len()).bytes().chain(body.iter().copied()));
        again.extend(b"\r\n");
    }
    again.extend(b"0\r\n\r\n");
    let Ok(Some(found)) = read(request, &again, false) else {
        panic!("a chunk of {} bytes is no body", body.len());
    };
    // Without a body whatever the fields say, as HEAD is answered.
    let bare = found.consumed == head;
    assert!(bare || (found.body(&again) == body && found.consumed == again.len()));
}

fn check_client(job: &Job, bytes: &[u8]) {
    let heard = hear(job, bytes, usize::MAX, MESSAGES);
    for step in [1, 7] {
        assert_eq!(hear(job, bytes, step, MESSAGES), heard, "{step} bytes at a time");
    }
    let echoes = job
        .plan
        .request
        .as_ref()
        .is_some_and(|request| request.summary.contains("echo"));
    for (sequence, answer) in heard.answers.iter().enumerate().filter(|_| echoes) {
        let mut message = Vec::new();
        job.payload.append(origin(sequence as u64), &mut message);
        let answer = (answer.wrong.is_none()).then(|| &bytes[answer.begin..answer.end]);
        assert!(
            answer.is_none_or(|bytes| has_all(bytes, &message)),
            "message {sequence}"
        );
    }
}

/// Whether the bytes of `message` are all there in their order, if in chunks.
fn has_all(bytes: &[u8], message: &[u8]) -> bool {
    let mut bytes = bytes.iter();
    message.iter().all(|byte| bytes.any(|found| found == byte))
}
