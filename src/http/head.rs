//! The head of a request, kept as it came.

use std::cell::{OnceCell, RefCell};
use std::mem::MaybeUninit;
use std::ops::Range;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version};

use super::fields::{Facts, Gathering};
use super::limits::{Limits, MOST_HEADERS};
use super::refusal::Refusal;
use super::target::Target;

/// So many header lines most requests have: a parser for more has a larger
/// frame, and a stack that was deep once stays so.
const FEW_HEADERS: usize = 16;

/// The longest head whose memory is kept for the next one, in bytes.
const KEPT: usize = 8 * 1024;

/// A request line and header lines: the bytes, and where what stands in them.
///
/// Maps and URIs are made for whoever asks for them.
#[derive(Default)]
pub(super) struct Head {
    text: Vec<u8>,
    pub(super) method: Method,
    pub(super) version: Version,
    target: Range<usize>,
    parts: Target,
    lines: Vec<Line>,
    pub(super) facts: Facts,
    map: OnceCell<HeaderMap>,
    uri: OnceCell<Uri>,
    /// A map of an earlier request, empty, for the next one.
    spare: RefCell<HeaderMap>,
}

#[derive(Clone, Debug)]
struct Line {
    name: Range<usize>,
    value: Range<usize>,
}

impl Head {
    /// Takes over the head that `bytes` are, with its empty line; so many of
    /// its lines are `headers`.
    pub(super) fn parse(&mut self, bytes: &[u8], headers: usize, limits: &Limits) -> Result<(), Refusal> {
        self.clear();
        self.text.extend_from_slice(bytes);
        if headers > limits.headers {
            return Err(Refusal::final_one(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!("there are more than {} headers", limits.headers),
            ));
        }
        match headers <= FEW_HEADERS {
            true => self.parse_few(),
            false => self.parse_many(),
        }
    }

    #[inline(never)]
    fn parse_few(&mut self) -> Result<(), Refusal> {
        self.parse_into(&mut [MaybeUninit::uninit(); FEW_HEADERS])
    }

    #[inline(never)]
    fn parse_many(&mut self) -> Result<(), Refusal> {
        self.parse_into(&mut [MaybeUninit::uninit(); MOST_HEADERS])
    }

    fn parse_into<'b>(&'b mut self, room: &mut [MaybeUninit<httparse::Header<'b>>]) -> Result<(), Refusal> {
        let Head { text, lines, .. } = self;
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(text, room) {
            Ok(httparse::Status::Complete(end)) if end == text.len() => {}
            Ok(_) => return Err(Refusal::bad_request("the head is not whole")),
            Err(err) => return Err(refused(err, text)),
        }
        let method = parsed.method.unwrap_or_default();
        self.method = Method::from_bytes(method.as_bytes()).map_err(|_| Refusal::bad_request("this is no method"))?;
        self.version = match parsed.version {
            Some(0) => Version::HTTP_10,
            _ => Version::HTTP_11,
        };
        let target = parsed.path.unwrap_or_default();
        self.target = method.len() + 1..method.len() + 1 + target.len();
        self.parts = Target::parse(&self.method, target)?;
        let mut gathering = Gathering::default();
        for (index, header) in parsed.headers.iter().enumerate() {
            let value = header.value.trim_ascii();
            gathering.line(index, header.name.as_bytes(), value)?;
            lines.push(Line {
                name: place(text, header.name.as_bytes()),
                value: place(text, value),
            });
        }
        self.facts = gathering.facts(&self.method, self.version, self.parts.authority.is_some())?;
        Ok(())
    }

    fn clear(&mut self) {
        self.text.clear();
        self.lines.clear();
        self.uri.take();
        if let Some(mut map) = self.map.take() {
            map.clear();
            self.spare.replace(map);
        }
    }

    /// Lets go of what one long head has grown.
    pub(super) fn shrink(&mut self) {
        if self.text.capacity() > KEPT {
            *self = Head::default();
        }
    }

    /// The target as it came.
    pub(super) fn target(&self) -> &str {
        self.str(self.target.clone())
    }

    pub(super) fn path(&self) -> &str {
        match &self.target()[self.parts.path.clone()] {
            "" if self.method != Method::CONNECT => "/",
            path => path,
        }
    }

    pub(super) fn query(&self) -> Option<&str> {
        self.parts.query.clone().map(|range| &self.target()[range])
    }

    /// Of the target, else of the `Host`.
    pub(super) fn authority(&self) -> Option<&str> {
        match self.parts.authority.clone() {
            Some(range) => Some(&self.target()[range]),
            None => self.facts.host.map(|host| self.str(self.lines[host].value.clone())),
        }
    }

    pub(super) fn uri(&self) -> &Uri {
        // What `Target` takes, `Uri` takes too.
        self.uri
            .get_or_init(|| Uri::try_from(self.target()).unwrap_or_default())
    }

    /// The first value of that name, without a map.
    pub(super) fn value(&self, name: &str) -> Option<&[u8]> {
        if let Some(map) = self.map.get() {
            return map.get(name).map(HeaderValue::as_bytes);
        }
        let is = |line: &&Line| self.text[line.name.clone()].eq_ignore_ascii_case(name.as_bytes());
        let line = self.lines.iter().find(is)?;
        Some(&self.text[line.value.clone()])
    }

    pub(super) fn map(&self) -> &HeaderMap {
        self.map.get_or_init(|| {
            let mut map = self.spare.take();
            for line in &self.lines {
                let name = HeaderName::from_bytes(&self.text[line.name.clone()]);
                let value = HeaderValue::from_bytes(&self.text[line.value.clone()]);
                // Both were parsed by the same rules.
                if let (Ok(name), Ok(value)) = (name, value) {
                    map.append(name, value);
                }
            }
            map
        })
    }

    pub(super) fn map_mut(&mut self) -> &mut HeaderMap {
        let map = match self.map.take() {
            Some(map) => map,
            None => {
                self.map();
                self.map.take().unwrap_or_default()
            }
        };
        self.map.get_or_init(|| map);
        // It has just been set.
        self.map.get_mut().unwrap_or_else(|| unreachable!("the map was set"))
    }

    fn str(&self, range: Range<usize>) -> &str {
        std::str::from_utf8(&self.text[range]).unwrap_or_default()
    }
}

/// Where `part` lies within `text`.
fn place(text: &[u8], part: &[u8]) -> Range<usize> {
    if part.is_empty() {
        return 0..0;
    }
    let begin = part.as_ptr().addr() - text.as_ptr().addr();
    begin..begin + part.len()
}

/// What httparse would not have.
fn refused(err: httparse::Error, text: &[u8]) -> Refusal {
    let line = text.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    // Of a version that is spoken, something else is wrong with the line.
    if let ([b'H', b'T', b'T', b'P', b'/', major, b'.', minor], httparse::Error::Version) = (version, err)
        && major.is_ascii_digit()
        && minor.is_ascii_digit()
        && !matches!((major, minor), (b'1', b'0' | b'1'))
    {
        return Refusal::final_one(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "HTTP/1.1 and HTTP/1.0 are spoken here",
        );
    }
    Refusal::bad_request(format!("the head is malformed: {err}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Head, u16> {
        let mut head = Head::default();
        match head.parse(text.as_bytes(), text.lines().count().saturating_sub(2), &Limits::new()) {
            Ok(()) => Ok(head),
            Err(refusal) => Err(refusal.status().as_u16()),
        }
    }

    #[test]
    fn a_head_tells_its_parts() {
        let head =
            parsed("POST /a?b=c HTTP/1.1\r\nHost: h:1\r\nX-One:  two \r\nx-one: three\r\nEmpty:\r\n\r\n").unwrap();
        assert_eq!(
            (head.method.as_str(), head.path(), head.query()),
            ("POST", "/a", Some("b=c"))
        );
        assert_eq!(head.authority(), Some("h:1"));
        assert_eq!(head.value("X-ONE"), Some(&b"two"[..]));
        assert_eq!(head.value("empty"), Some(&b""[..]));
        assert_eq!(head.map().get_all("x-one").iter().count(), 2);
        assert_eq!(head.uri().path(), "/a");
        assert_eq!(
            parsed("GET http://h HTTP/1.1\r\nHost: i\r\n\r\n").unwrap().authority(),
            Some("h")
        );
    }

    #[test]
    fn a_map_that_was_changed_is_what_is_looked_at() {
        let mut head = parsed("GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        head.map_mut().insert("x", HeaderValue::from_static("y"));
        assert_eq!(head.value("x"), Some(&b"y"[..]));
        head.parse(b"GET / HTTP/1.0\r\n\r\n", 0, &Limits::new()).unwrap();
        assert_eq!((head.value("x"), head.map().len()), (None, 0));
    }

    #[test]
    fn versions() {
        for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/9.9"] {
            assert_eq!(
                parsed(&format!("GET / {version}\r\n\r\n")).err(),
                Some(505),
                "{version}"
            );
        }
        for version in ["HTTP/1", "http/1.1", "HTTP/1.1 ", "HTTP/11", "HTTP/1.10", "X", ""] {
            assert_eq!(
                parsed(&format!("GET / {version}\r\n\r\n")).err(),
                Some(400),
                "{version}"
            );
        }
    }
}
