//! What one client and one answer have agreed on.

use std::io;
use std::sync::Arc;

use ::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, ETAG, IF_NONE_MATCH, VARY,
};
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};

use super::super::body_coding::{BodyCoding, Outline, Sink, Step};
use super::super::codings::{Coding, is_plain_refused};
use super::super::fields::list;
use super::super::request::Request;
use super::super::tags::{Comparison, names};
use super::Rules;
use super::shelf::{Lent, Shelf};

/// Hashes of the coded body (RFC 9530, RFC 3230), which would be wrong.
const DIGESTS: [&str; 4] = ["content-digest", "content-md5", "digest", "repr-digest"];

/// The coding of one answer, or that it has none.
#[derive(Debug)]
pub(super) struct Negotiated {
    rules: Arc<Rules>,
    shelf: Arc<Shelf>,
    takes_gzip: bool,
    /// Whether the client takes the body as it is, which it must forbid to not.
    takes_plain: bool,
    /// The tags of what the client has, where that may be coded.
    known: Option<Box<str>>,
    lent: Option<Lent>,
}

impl Negotiated {
    pub(super) fn new(rules: &Arc<Rules>, shelf: &Arc<Shelf>, request: &Request<'_>) -> Negotiated {
        let accepted = request.joined(&ACCEPT_ENCODING).unwrap_or_default();
        let takes_gzip = Coding::accepted(&accepted).any(|coding| coding == Coding::Gzip);
        let known = match takes_gzip {
            true => request.joined(&IF_NONE_MATCH).map(Box::from),
            false => None,
        };
        Negotiated {
            rules: Arc::clone(rules),
            shelf: Arc::clone(shelf),
            takes_gzip,
            takes_plain: !is_plain_refused(&accepted),
            known,
            lent: None,
        }
    }

    /// Whether the client shall have this one coded, if there is a coder.
    fn wants(&self, outline: Outline, headers: &HeaderMap) -> bool {
        let is_part = outline.status == StatusCode::PARTIAL_CONTENT || headers.contains_key(CONTENT_RANGE);
        let is_worth_it = match outline.size {
            Some(0) => false,
            Some(size) => size >= self.rules.min_size || !self.takes_plain,
            None => true,
        };
        self.takes_gzip && is_worth_it && !is_part && outline.version == Version::HTTP_11
    }

    /// A 304 names the tag of the answer that the client has: RFC 9110, 15.4.5.
    fn restore_tag(&self, headers: &mut HeaderMap) {
        let (Some(known), Some(tag)) = (&self.known, headers.get(ETAG)) else {
            return;
        };
        let is_plain = tag.to_str().is_ok_and(|tag| names(known, tag, Comparison::Strong));
        let is_coded = tag.to_str().is_ok_and(|tag| names(known, tag, Comparison::Weak));
        if is_coded && !is_plain {
            weaken(headers);
        }
    }
}

impl BodyCoding for Negotiated {
    fn begin(&mut self, outline: Outline, headers: &mut HeaderMap) -> bool {
        // RFC 9110, 15.3.5 and 15.3.6.
        let is_empty = outline.status == StatusCode::NO_CONTENT || outline.status == StatusCode::RESET_CONTENT;
        if is_empty || !may_change(headers) || !(self.rules.gains)(headers) {
            return false;
        }
        vary(headers);
        if outline.status == StatusCode::NOT_MODIFIED {
            self.restore_tag(headers);
            return false;
        }
        if self.wants(outline, headers) {
            self.lent = self.shelf.lend();
        }
        self.lent.is_some()
    }

    fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(Coding::Gzip.token()));
        // Parts are of the body as it is, and not of this one.
        headers.remove(ACCEPT_RANGES);
        weaken(headers);
    }

    fn may_be_plain(&self) -> bool {
        self.takes_plain
    }

    fn code(&mut self, part: &[u8], step: Step, sink: &mut Sink<'_>) -> io::Result<()> {
        match self.lent.as_mut().and_then(Lent::coder) {
            Some(coder) => coder.code(part, step, sink),
            None => Err(io::Error::other("the coder of the answer was given back")),
        }
    }

    fn end(&mut self) {
        self.lent = None;
    }
}

/// Whether the body may be another one than the handler has made.
fn may_change(headers: &HeaderMap) -> bool {
    let is_coded = headers.contains_key(CONTENT_ENCODING);
    let is_hashed = DIGESTS.iter().any(|name| headers.contains_key(*name));
    !is_coded && !is_hashed && !lists(headers, &CACHE_CONTROL, &["no-transform"])
}

/// Whether a header that is a list has one of `words` in it, in any case.
fn lists(headers: &HeaderMap, name: &HeaderName, words: &[&str]) -> bool {
    let lines = headers.get_all(name).iter();
    lines
        .flat_map(|line| list(line.as_bytes()))
        .any(|element| words.iter().any(|word| element.eq_ignore_ascii_case(word.as_bytes())))
}

/// Another client may get another body: RFC 9110, 12.5.5.
fn vary(headers: &mut HeaderMap) {
    if !lists(headers, &VARY, &["*", "accept-encoding"]) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

/// A strong tag names one sequence of bytes, and the coded body is another:
/// RFC 9110, 8.8.3.3.
fn weaken(headers: &mut HeaderMap) {
    let weak = match headers.get(ETAG).map(HeaderValue::as_bytes) {
        Some(tag) if tag.starts_with(b"\"") => HeaderValue::from_bytes(&[b"W/", tag].concat()),
        _ => return,
    };
    if let Ok(weak) = weak {
        headers.insert(ETAG, weak);
    }
}
