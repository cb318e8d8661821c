//! HTTP/1.1 as a client speaks it (RFC 9112): one request, written in advance,
//! and where the response to it ends.

use std::fs;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::payload::{Origin, Payload};
use crate::target::Target;
use crate::taxonomy::{ErrorClass, Fault};

/// Header fields of a response at most; more is no response of a test.
const FIELDS: usize = 64;

/// What a request is made of.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct RequestOptions {
    /// The method; POST with a body, else GET.
    #[arg(long)]
    pub(crate) method: Option<String>,
    /// A header field of the request, as 'Name: value'; may be repeated.
    #[arg(long = "header", short = 'H', value_name = "FIELD")]
    pub(crate) headers: Vec<String>,
    /// A file to send as the body.
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
    /// What the response's body must be: a file, or 'echo' to send messages as bodies and expect them back.
    #[arg(long, value_name = "FILE|echo")]
    pub(crate) expect: Option<String>,
}

impl RequestOptions {
    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.method.is_none() && self.headers.is_empty() && self.body.is_none() && self.expect.is_none()
    }
}

/// What the body of a response is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expectation {
    /// Nothing but its length.
    Any,
    Bytes(Vec<u8>),
    /// The body of the request, which is the message of its origin.
    Echo,
}

/// The request all clients send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// In one line, for reports.
    pub(crate) summary: String,
    /// To its last field, without the length of the body and the empty line.
    head: Vec<u8>,
    body: Vec<u8>,
    expectation: Expectation,
    answers_without_body: bool,
}

impl Request {
    /// The request to `target` that `options` describe; `closes` if it is to be
    /// the only one of its connection.
    ///
    /// # Errors
    /// A method or field that HTTP does not allow, a file that cannot be read.
    pub(crate) fn new(target: &Target, options: &RequestOptions, closes: bool) -> Result<Request, Failure> {
        let echo = options.expect.as_deref() == Some("echo");
        let has_body = echo || options.body.is_some();
        let method = options
            .method
            .as_deref()
            .unwrap_or(if has_body { "POST" } else { "GET" });
        check_token(method)?;
        let mut head = format!("{method} {} HTTP/1.1\r\n", target.path());
        if !names(&options.headers, "host") {
            head.push_str(&format!("Host: {}\r\n", target.authority()));
        }
        if closes && !names(&options.headers, "connection") {
            head.push_str("Connection: close\r\n");
        }
        for field in &options.headers {
            check_field(field)?;
            head.push_str(&format!("{}\r\n", field.trim()));
        }
        Ok(Request {
            summary: summary(method, target, options),
            head: head.into_bytes(),
            body: options.body.as_ref().map_or(Ok(Vec::new()), read)?,
            expectation: match options.expect.as_deref() {
                None => Expectation::Any,
                Some("echo") => Expectation::Echo,
                Some(path) => Expectation::Bytes(read(&path.into())?),
            },
            answers_without_body: method == "HEAD",
        })
    }

    /// Appends the request of `origin` to `out`. Returns the length of its body.
    pub(crate) fn append(&self, payload: &Payload, origin: Origin, out: &mut Vec<u8>) -> usize {
        let echo = self.expectation == Expectation::Echo;
        let length = if echo { payload.size(origin) } else { self.body.len() };
        out.extend_from_slice(&self.head);
        if length > 0 {
            out.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        match echo {
            true => payload.append(origin, out),
            false => out.extend_from_slice(&self.body),
        }
        length
    }

    /// The body the response must have, if it must have one.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        match &self.expectation {
            Expectation::Any => Wanted::Any,
            Expectation::Bytes(bytes) => Wanted::Bytes(bytes),
            Expectation::Echo => Wanted::Message,
        }
    }

    /// The response at the begin of `inbox`, once all of it is there; `ended`
    /// when no more can come.
    ///
    /// # Errors
    /// What is no response.
    pub(crate) fn response(&self, inbox: &[u8], ended: bool) -> Result<Option<Response>, Fault> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let length = match head.parse(inbox) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(err) => return Err(bad(format!("the response cannot be read: {err}"))),
        };
        let status = head.code.unwrap_or_default();
        let close = field(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let framing = self.framing(&head, status)?;
        let body = framing.body(&inbox[length..], ended)?;
        Ok(body.map(|(body, consumed)| Response {
            status,
            body,
            consumed: length + consumed,
            head: length,
            closes: close || framing == Framing::UntilClose,
        }))
    }

    /// RFC 9112, section 6.3.
    fn framing(&self, head: &httparse::Response<'_, '_>, status: u16) -> Result<Framing, Fault> {
        if self.answers_without_body || matches!(status, 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        if let Some(coding) = field(head, "transfer-encoding") {
            return match coding.eq_ignore_ascii_case("chunked") {
                true => Ok(Framing::Chunked),
                false => Err(bad(format!("Transfer-Encoding: {coding} is not understood"))),
            };
        }
        match field(head, "content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => Ok(Framing::Length(length)),
            Some(Err(_)) => Err(bad("Content-Length is no number".to_owned())),
            None => Ok(Framing::UntilClose),
        }
    }
}

/// What a response's body is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// Nothing.
    Any,
    /// These bytes.
    Bytes(&'a [u8]),
    /// The message that was sent.
    Message,
}

/// A complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    /// Its status code.
    pub(crate) status: u16,
    /// Its body, where it was not sent in one piece; else it stands behind the head.
    body: Option<Vec<u8>>,
    /// Its length in the inbox.
    pub(crate) consumed: usize,
    head: usize,
    /// Whether the server closes the connection after it.
    pub(crate) closes: bool,
}

impl Response {
    /// Its body, of which `inbox` holds the bytes.
    pub(crate) fn body<'a>(&'a self, inbox: &'a [u8]) -> &'a [u8] {
        match &self.body {
            Some(body) => body,
            None => &inbox[self.head..self.consumed],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// A body, if it is not simply the bytes there, and how many bytes it takes.
type Body = (Option<Vec<u8>>, usize);

impl Framing {
    fn body(self, bytes: &[u8], ended: bool) -> Result<Option<Body>, Fault> {
        match self {
            Framing::Length(length) => Ok((bytes.len() >= length).then_some((None, length))),
            Framing::Chunked => unchunk(bytes),
            Framing::UntilClose => Ok(ended.then_some((None, bytes.len()))),
        }
    }
}

/// RFC 9112, section 7.1; trailers are skipped.
fn unchunk(bytes: &[u8]) -> Result<Option<Body>, Fault> {
    let (mut at, mut body) = (0, Vec::new());
    loop {
        let (line, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(bad("a chunk has no size".to_owned())),
        };
        at += line;
        if size == 0 {
            return Ok(trailers(&bytes[at..]).map(|length| (Some(body), at + length)));
        }
        let end = usize::try_from(size).ok().and_then(|size| at.checked_add(size));
        let end = end.ok_or_else(|| bad(format!("a chunk of {size} bytes")))?;
        match bytes.get(end..end.saturating_add(2)) {
            Some(b"\r\n") => body.extend_from_slice(&bytes[at..end]),
            Some(_) => return Err(bad("a chunk does not end where it says".to_owned())),
            None => return Ok(None),
        }
        at = end + 2;
    }
}

/// The length of what stands between the last chunk and the next response.
fn trailers(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(end + 4)
}

fn field<'a>(head: &'a httparse::Response<'_, '_>, name: &str) -> Option<&'a str> {
    let found = head
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value).ok().map(str::trim)
}

fn bad(detail: String) -> Fault {
    Fault {
        class: ErrorClass::BadResponse,
        detail,
    }
}

fn summary(method: &str, target: &Target, options: &RequestOptions) -> String {
    let mut text = format!("{method} {}", target.path());
    for field in &options.headers {
        text.push_str(&format!(", {field}"));
    }
    for (what, file) in [
        ("body", options.body.as_ref().map(|path| path.display().to_string())),
        ("expect", options.expect.clone()),
    ] {
        if let Some(file) = file {
            text.push_str(&format!(", {what} {file}"));
        }
    }
    text
}

fn names(headers: &[String], name: &str) -> bool {
    let named = |field: &String| {
        field
            .split_once(':')
            .is_some_and(|(found, _)| found.trim().eq_ignore_ascii_case(name))
    };
    headers.iter().any(named)
}

/// RFC 9110, section 5.6.2.
fn check_token(text: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !text.is_empty() && text.bytes().all(allowed) {
        true => Ok(()),
        false => Err(Failure::Usage(format!(
            "{text:?} is no token of HTTP; write letters, as in GET"
        ))),
    }
}

fn check_field(field: &str) -> Result<(), Failure> {
    let broken = || Failure::Usage(format!("--header {field:?} is no header field; write 'Name: value'"));
    let (name, value) = field.split_once(':').ok_or_else(broken)?;
    check_token(name.trim())?;
    match value.bytes().any(|byte| byte == b'\r' || byte == b'\n') || name.trim().eq_ignore_ascii_case("content-length")
    {
        true => Err(broken()),
        false => Ok(()),
    }
}

fn read(path: &PathBuf) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|err| Failure::Usage(format!("cannot read {}: {err}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Content;
    use crate::sizes::Sizes;
    use proptest::prelude::*;

    fn request(options: &RequestOptions) -> Request {
        let target: Target = "http://localhost:8080/a?b".parse().unwrap();
        Request::new(&target, options, false).unwrap()
    }

    fn written(request: &Request) -> String {
        let payload = Payload::new(42, Sizes::fixed(4), &Content::Pattern).unwrap();
        let mut out = Vec::new();
        let origin = Origin {
            connection: 0,
            sequence: 0,
        };
        request.append(&payload, origin, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn response(bytes: &[u8], ended: bool) -> Result<Option<Response>, Fault> {
        request(&RequestOptions::default()).response(bytes, ended)
    }

    #[test]
    fn a_request_is_what_it_should_be() {
        assert_eq!(
            written(&request(&RequestOptions::default())),
            "GET /a?b HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
        );
        let options = RequestOptions {
            headers: vec!["X: y".to_owned(), "host: other".to_owned()],
            expect: Some("echo".to_owned()),
            ..RequestOptions::default()
        };
        let text = written(&request(&options));
        assert!(
            text.starts_with("POST /a?b HTTP/1.1\r\nX: y\r\nhost: other\r\nContent-Length: 4\r\n\r\n"),
            "{text}"
        );
    }

    #[test]
    fn nonsense_is_no_request() {
        let target: Target = "http://localhost".parse().unwrap();
        for (method, header) in [
            ("G T", "a: b"),
            ("", "a: b"),
            ("GET", "a"),
            ("GET", "a b: c"),
            ("GET", "a: b\r\nc: d"),
            ("GET", "Content-Length: 3"),
        ] {
            let options = RequestOptions {
                method: Some(method.to_owned()),
                headers: vec![header.to_owned()],
                ..RequestOptions::default()
            };
            assert!(Request::new(&target, &options, false).is_err(), "{method:?} {header:?}");
        }
    }

    #[test]
    fn a_response_ends_where_its_framing_says() {
        for (bytes, body) in [
            (&b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP"[..], &b"abc"[..]),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\nHTTP",
                b"abc",
            ),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\nHTTP",
                b"abc",
            ),
            (b"HTTP/1.1 204 No Content\r\n\r\nHTTP", b""),
        ] {
            let found = response(bytes, false).unwrap().unwrap();
            assert_eq!(found.body(bytes), body);
            assert_eq!(&bytes[found.consumed..], b"HTTP");
            assert!(!found.closes);
        }
    }

    #[test]
    fn without_a_length_a_response_lasts_until_the_end() {
        let bytes = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(response(bytes, false).unwrap(), None);
        let found = response(bytes, true).unwrap().unwrap();
        assert_eq!((found.body(bytes), found.closes), (&b"abc"[..], true));
    }

    #[test]
    fn what_is_no_response_is_said() {
        for bytes in [
            &b"nonsense\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        ] {
            assert_eq!(response(bytes, false).unwrap_err().class, ErrorClass::BadResponse);
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes: Vec<u8>, ended: bool) {
            let _ = response(&bytes, ended);
            let mut behind = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            behind.extend(bytes);
            let _ = response(&behind, ended);
        }
    }
}
