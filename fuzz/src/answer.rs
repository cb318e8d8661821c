//! An answer of HTTP, as the fuzz targets see it.

const GO_AHEAD: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The first answer of a connection.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What comes behind it.
    pub rest: Vec<u8>,
}

impl Answer {
    /// Reads an answer whose body has a known length, if it may have one at
    /// all; a `100 Continue` before it is none.
    pub fn read(bytes: &[u8], method: &str) -> Answer {
        let bytes = bytes.strip_prefix(GO_AHEAD).unwrap_or(bytes);
        let mut room = [httparse::EMPTY_HEADER; 32];
        let mut parsed = httparse::Response::new(&mut room);
        let Ok(httparse::Status::Complete(end)) = parsed.parse(bytes) else {
            panic!("no answer: {}", bytes.escape_ascii());
        };
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).expect("a header is text");
        let headers = parsed.headers.iter();
        let mut answer = Answer {
            status: parsed.code.expect("a status"),
            headers: headers
                .map(|header| (header.name.to_owned(), text(header.value)))
                .collect(),
            body: Vec::new(),
            rest: Vec::new(),
        };
        let (body, rest) = bytes[end..].split_at(answer.length(method));
        (answer.body, answer.rest) = (body.to_vec(), rest.to_vec());
        answer
    }

    fn length(&self, method: &str) -> usize {
        assert_eq!(self.header("transfer-encoding"), None);
        match (method, self.status) {
            ("HEAD", _) | (_, 101 | 204 | 304) => 0,
            _ => self
                .header("content-length")
                .map_or(0, |length| length.parse().expect("a number")),
        }
    }

    /// The only header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known == name);
        let value = named.next().map(|(_, value)| &**value);
        assert!(named.next().is_none(), "{name} comes twice");
        value
    }
}

/// Whether a header may have this value: RFC 9110, 5.5.
pub fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control())
}

/// Without the white space of HTTP around it: RFC 9110, 5.6.3.
pub fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}
