//! Where a response ends, and what it says (RFC 9112, section 6).

use super::chunks::Chunks;
use super::request::{Request, Wanted};
use super::{content_length, lists, values};
use crate::base::taxonomy::Fault;
use crate::plan::http::fields::{FIELDS, LONGEST_HEAD, bad, too_long};
use crate::plan::sizes::LARGEST;

/// What is known of the response that is coming in: no byte of a long one is
/// looked at again when more of it has come.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    /// Bytes of the interim responses before it.
    interim: usize,
    head: Option<Head>,
    chunks: Chunks,
}

/// What a head says that has come.
#[derive(Clone, Copy, Debug)]
struct Head {
    status: u16,
    length: usize,
    framing: Framing,
    closes: bool,
}

impl Request {
    /// The response that is none of the interim ones, and how many bytes of
    /// those stand before it, once `inbox` begins with all of that.
    ///
    /// # Errors
    /// What is no response, or is longer than one may be.
    pub(crate) fn final_response(
        &self,
        reader: &mut Reader,
        inbox: &[u8],
        ended: bool,
    ) -> Result<Option<(Response, usize)>, Fault> {
        while let Some(response) = self.response(reader, &inbox[reader.interim..], ended)? {
            if !matches!(response.status, 100..=199) {
                return Ok(Some((response, std::mem::take(&mut reader.interim))));
            }
            reader.interim += response.consumed;
        }
        let longest = self.longest_body();
        // Framing may be as long as what it frames, but not without an end.
        match inbox.len() > 2 * longest {
            true => Err(too_long(longest)),
            false => Ok(None),
        }
    }

    /// The response at the begin of `inbox`, once all of it is there; `ended`
    /// when no more can come. `reader` has read what was there before.
    ///
    /// # Errors
    /// What is no response.
    pub(crate) fn response(&self, reader: &mut Reader, inbox: &[u8], ended: bool) -> Result<Option<Response>, Fault> {
        let Some(head) = reader.head.map_or_else(|| self.head(inbox), |head| Ok(Some(head)))? else {
            return Ok(None);
        };
        reader.head = Some(head);
        let bytes = &inbox[head.length..];
        let Some(consumed) = self.body_length(head.framing, &mut reader.chunks, bytes, ended)? else {
            return Ok(None);
        };
        reader.head = None;
        let chunks = std::mem::take(&mut reader.chunks);
        Ok(Some(Response {
            status: head.status,
            body: (head.framing == Framing::Chunked).then(|| chunks.into_body()),
            consumed: head.length + consumed,
            head: head.length,
            closes: head.closes,
        }))
    }

    /// The longest body that is taken.
    fn longest_body(&self) -> usize {
        match self.wanted() {
            Wanted::Bytes(bytes) => LARGEST.max(bytes.len()),
            Wanted::Any | Wanted::Message => LARGEST,
        }
    }

    fn head(&self, inbox: &[u8]) -> Result<Option<Head>, Fault> {
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
        Ok(Some(Head {
            status,
            length,
            framing,
            closes: closes(&head) || framing == Framing::UntilClose,
        }))
    }

    /// The length of the body as it was sent, once all of it is in `bytes`.
    fn body_length(
        &self,
        framing: Framing,
        chunks: &mut Chunks,
        bytes: &[u8],
        ended: bool,
    ) -> Result<Option<usize>, Fault> {
        let longest = self.longest_body();
        match framing {
            Framing::Length(length) if length > longest => Err(too_long(longest)),
            Framing::Length(length) => Ok((bytes.len() >= length).then_some(length)),
            Framing::Chunked => chunks.read(bytes, longest),
            Framing::UntilClose if bytes.len() > longest => Err(too_long(longest)),
            Framing::UntilClose => Ok(ended.then_some(bytes.len())),
        }
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
