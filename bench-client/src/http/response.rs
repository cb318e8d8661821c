//! Where a response ends, and what it says (RFC 9112, section 6).

use super::{Request, content_length, lists, values};
use crate::taxonomy::{ErrorClass, Fault};

/// Header fields of a response at most; more is no response of a test.
const FIELDS: usize = 64;
/// The longest head, and the longest trailers: a server that never ends one must
/// not fill the memory.
const LONGEST_HEAD: usize = 64 * 1024;

impl Request {
    /// The response at the begin of `inbox`, once all of it is there; `ended`
    /// when no more can come.
    ///
    /// # Errors
    /// What is no response.
    pub(crate) fn response(&self, inbox: &[u8], ended: bool) -> Result<Option<Response>, Fault> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        let length = match head.parse(inbox) {
            Ok(httparse::Status::Complete(length)) if length <= LONGEST_HEAD => length,
            Ok(httparse::Status::Partial) if inbox.len() <= LONGEST_HEAD => return Ok(None),
            Ok(_) => return Err(bad(format!("the response's head is longer than {LONGEST_HEAD} bytes"))),
            Err(err) => return Err(bad(format!("the response cannot be read: {err}"))),
        };
        let status = head.code.unwrap_or_default();
        let framing = self.framing(&head, status)?;
        let body = framing.body(&inbox[length..], ended)?;
        Ok(body.map(|(body, consumed)| Response {
            status,
            body,
            consumed: length + consumed,
            head: length,
            closes: closes(&head) || framing == Framing::UntilClose,
        }))
    }

    /// RFC 9112, section 6.3.
    fn framing(&self, head: &httparse::Response<'_, '_>, status: u16) -> Result<Framing, Fault> {
        if self.answers_without_body || matches!(status, 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        if is_chunked(head)? {
            return Ok(Framing::Chunked);
        }
        let length = content_length(head.headers).map_err(|reason| bad(reason.to_owned()))?;
        Ok(length.map_or(Framing::UntilClose, Framing::Length))
    }
}

/// Whether it says that its body is in chunks; a body in another form could not
/// be told from what follows it.
fn is_chunked(head: &httparse::Response<'_, '_>) -> Result<bool, Fault> {
    let mut codings = values(head.headers, "transfer-encoding");
    match (codings.next(), codings.next()) {
        (None, _) => Ok(false),
        (Some(coding), None) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => Ok(true),
        (Some(coding), _) => Err(bad(format!(
            "Transfer-Encoding: {} is not understood",
            coding.escape_ascii()
        ))),
    }
}

/// RFC 9112, section 9.3.
fn closes(head: &httparse::Response<'_, '_>) -> bool {
    let says = |word| lists(head.headers, "connection", word);
    says("close") || (head.version == Some(0) && !says("keep-alive"))
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
            return Ok(trailers(&bytes[at..])?.map(|length| (Some(body), at + length)));
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

/// The length of what stands between the last chunk and the next response, once
/// all of it is there.
fn trailers(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    match httparse::parse_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete((length, _))) if length <= LONGEST_HEAD => Ok(Some(length)),
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST_HEAD => Ok(None),
        Ok(_) => Err(bad(format!("the trailers are longer than {LONGEST_HEAD} bytes"))),
        Err(err) => Err(bad(format!("the trailers cannot be read: {err}"))),
    }
}

fn bad(detail: String) -> Fault {
    Fault {
        class: ErrorClass::BadResponse,
        detail,
    }
}
