//! HTTP/1.1 as a client speaks it (RFC 9112): one request, written in advance,
//! and where the response to it ends.

mod chunks;
mod fields;
mod response;

use std::path::{Path, PathBuf};

use crate::base::bounded;
use crate::base::failure::Failure;
use crate::plan::origin::Origin;
use crate::plan::payload::Payload;
use crate::plan::sizes::LARGEST;
use crate::plan::target::Target;

pub(crate) use fields::{content_length, lists, values};
pub(crate) use response::{Reader, Response};

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
        if echo && (options.body.is_some() || ["GET", "HEAD"].contains(&method)) {
            return Err(Failure::Usage(
                "--expect echo sends messages as bodies, for which --body and a method without one leave no place; \
                 leave --body and --method out"
                    .to_owned(),
            ));
        }
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
            body: options
                .body
                .as_ref()
                .map_or(Ok(Vec::new()), |path| read("--body", path))?,
            expectation: match options.expect.as_deref() {
                None => Expectation::Any,
                Some("echo") => Expectation::Echo,
                Some(path) => Expectation::Bytes(read("--expect", path.as_ref())?),
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

    /// What its body is: `none`, `file` or `message`.
    pub(crate) fn sends(&self) -> &'static str {
        match &self.expectation {
            Expectation::Echo => "message",
            _ if self.body.is_empty() => "none",
            _ => "file",
        }
    }

    /// What the body of the response is compared with, likewise.
    pub(crate) fn expects(&self) -> &'static str {
        match &self.expectation {
            Expectation::Any => "none",
            Expectation::Bytes(_) => "file",
            Expectation::Echo => "message",
        }
    }

    /// All that is sent and expected, to be told from another request.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let expected: &[u8] = match &self.expectation {
            Expectation::Any => b"",
            Expectation::Bytes(bytes) => bytes,
            Expectation::Echo => b"echo",
        };
        [&self.head, &self.body, expected].join(&0)
    }

    /// The body the response must have, if it must have one.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        match &self.expectation {
            Expectation::Any => Wanted::Any,
            Expectation::Bytes(bytes) => Wanted::Bytes(bytes),
            Expectation::Echo => Wanted::Message,
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
    // RFC 9110, section 5.5. How long the body is, is for the client to say.
    let broken_value = value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
    let framing = ["content-length", "transfer-encoding"];
    match framing.iter().any(|framing| name.trim().eq_ignore_ascii_case(framing)) {
        true => Err(Failure::Usage(format!(
            "--header {field:?} would frame the request, which is done here by its body; leave it out"
        ))),
        false if broken_value => Err(broken()),
        false => Ok(()),
    }
}

/// The body in `path`, which `option` names. No message is larger either.
fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let body = bounded::read(path, LARGEST as u64);
    body.map_err(|err| Failure::Usage(format!("{option}: cannot read {}: {err}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::taxonomy::{ErrorClass, Fault};
    use crate::plan::payload::Content;
    use crate::plan::sizes::Sizes;
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
        request(&RequestOptions::default()).response(&mut Reader::default(), bytes, ended)
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
    fn an_echo_has_no_other_body_and_framing_is_not_for_the_user() {
        let target: Target = "http://localhost".parse().unwrap();
        let echo = RequestOptions {
            expect: Some("echo".to_owned()),
            ..RequestOptions::default()
        };
        let (body, get, length) = (
            RequestOptions {
                body: Some("/dev/null".into()),
                ..echo.clone()
            },
            RequestOptions {
                method: Some("GET".to_owned()),
                ..echo
            },
            RequestOptions {
                headers: vec!["Content-Length: 5".to_owned()],
                ..RequestOptions::default()
            },
        );
        for (options, reason) in [
            (body, "leave --body"),
            (get, "leave --body"),
            (length, "frame the request"),
        ] {
            let message = Request::new(&target, &options, false).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
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
            ("GET", "a: b\0"),
            ("GET", "Content-Length: 3"),
            ("GET", "Transfer-Encoding: chunked"),
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
    fn a_connection_ends_when_either_side_of_http_says_so() {
        for (head, closes) in [
            ("HTTP/1.1 200 OK", false),
            ("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close", true),
            ("HTTP/1.0 200 OK", true),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", false),
        ] {
            let bytes = format!("{head}\r\nContent-Length: 0\r\n\r\n");
            let found = response(bytes.as_bytes(), false).unwrap().unwrap();
            assert_eq!(found.closes, closes, "{head}");
        }
    }

    #[test]
    fn what_is_no_response_is_said() {
        for bytes in [
            &b"nonsense\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \xff\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(70_000)).as_bytes(),
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {}",
                "x".repeat(70_000)
            )
            .as_bytes(),
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
