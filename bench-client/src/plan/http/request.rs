//! What is asked of a server, and what it is to answer.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::base::bounded;
use crate::base::failure::Failure;
use crate::plan::origin::Origin;
use crate::plan::payload::Payload;
use crate::plan::sizes::LARGEST;
use crate::plan::target::Target;

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
    /// A file that bodies must be; 'echo': messages are sent and expected back.
    #[arg(long, value_name = "FILE|echo")]
    pub(crate) expect: Option<String>,
}

impl RequestOptions {
    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.has_fields_only()
    }

    /// Whether nothing was asked for but header fields.
    pub(crate) fn has_fields_only(&self) -> bool {
        self.method.is_none() && self.body.is_none() && self.expect.is_none()
    }
}

/// What the body of a response is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
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
    /// Where in the head the `Host` stands that comes from the target.
    host: Range<usize>,
    body: Vec<u8>,
    expectation: Expectation,
    pub(super) answers_without_body: bool,
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
        let line = head.len();
        if !names(&options.headers, "host") {
            head.push_str(&format!("Host: {}\r\n", target.authority()));
        }
        let host = line..head.len();
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
            host,
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

    /// A GET of `path` at `host`, both good, whose answer must be `body`; `closes`
    /// if it is to be the only one of its connection.
    pub(crate) fn get(host: &str, path: &str, body: &[u8], closes: bool) -> Request {
        let (field, close) = match closes {
            true => ("Connection: close\r\n", ", Connection: close"),
            false => ("", ""),
        };
        let line = format!("GET {path} HTTP/1.1\r\n");
        let with_host = format!("{line}Host: {host}\r\n");
        Request {
            summary: format!("GET {path}{close}, expect {} B", body.len()),
            host: line.len()..with_host.len(),
            head: (with_host + field).into_bytes(),
            body: Vec::new(),
            expectation: Expectation::Bytes(body.to_vec()),
            answers_without_body: false,
        }
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

    /// All that is sent and expected, to be told from another request: but for
    /// the server's own address, which may be another in each round.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let expected: &[u8] = match &self.expectation {
            Expectation::Any => b"",
            Expectation::Bytes(bytes) => bytes,
            Expectation::Echo => b"echo",
        };
        let head = [&self.head[..self.host.start], &self.head[self.host.end..]].concat();
        [&head, &self.body, expected].join(&0)
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

pub(crate) fn summary(method: &str, target: &Target, options: &RequestOptions) -> String {
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

pub(crate) fn names(headers: &[String], name: &str) -> bool {
    let named = |field: &String| {
        field
            .split_once(':')
            .is_some_and(|(found, _)| found.trim().eq_ignore_ascii_case(name))
    };
    headers.iter().any(named)
}

/// RFC 9110, section 5.6.2.
pub(crate) fn check_token(text: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !text.is_empty() && text.bytes().all(allowed) {
        true => Ok(()),
        false => Err(Failure::Usage(format!(
            "{text:?} is no token of HTTP; write letters, as in GET"
        ))),
    }
}

pub(crate) fn check_field(field: &str) -> Result<(), Failure> {
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
pub(crate) fn read(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let body = bounded::read(path, LARGEST as u64);
    body.map_err(|err| Failure::Usage(format!("{option}: cannot read {}: {err}", path.display())))
}
