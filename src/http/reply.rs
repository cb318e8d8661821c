//! The head of an answer as bytes.

use ::http::header::{CONNECTION, CONTENT_LENGTH, DATE, SERVER, TRANSFER_ENCODING};
use ::http::{HeaderMap, HeaderValue, StatusCode, Version};

use super::date;
use super::fields::{decimal, list};

/// How the client is told where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none, and nothing says so: 204, 304, 1xx.
    Absent,
    Known(u64),
    Chunked,
    /// With the connection.
    UntilClose,
}

/// What stands in a head beside the handler's headers.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) status: StatusCode,
    pub(super) length: Length,
    pub(super) keeps_alive: bool,
    /// Of the request.
    pub(super) version: Version,
    pub(super) server: Option<&'a HeaderValue>,
}

impl Reply<'_> {
    /// Appends the head with its empty line.
    pub(super) fn write(&self, headers: &HeaderMap, into: &mut Vec<u8>) {
        self.write_status(into);
        if !headers.contains_key(DATE) {
            into.extend_from_slice(b"date: ");
            date::write_now(into);
            into.extend_from_slice(b"\r\n");
        }
        if let Some(server) = self.server.filter(|_| !headers.contains_key(SERVER)) {
            line(into, b"server", server.as_bytes());
        }
        for (name, value) in headers {
            if !says_of_message(name) {
                line(into, name.as_str().as_bytes(), value.as_bytes());
            }
        }
        self.write_length(headers, into);
        match (self.keeps_alive, self.version) {
            (false, _) => into.extend_from_slice(b"connection: close\r\n"),
            (true, Version::HTTP_10) => into.extend_from_slice(b"connection: keep-alive\r\n"),
            (true, _) => {}
        }
        into.extend_from_slice(b"\r\n");
    }

    fn write_status(&self, into: &mut Vec<u8>) {
        if self.status == StatusCode::OK {
            return into.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        }
        into.extend_from_slice(b"HTTP/1.1 ");
        into.extend_from_slice(self.status.as_str().as_bytes());
        into.push(b' ');
        into.extend_from_slice(self.status.canonical_reason().unwrap_or_default().as_bytes());
        into.extend_from_slice(b"\r\n");
    }

    fn write_length(&self, headers: &HeaderMap, into: &mut Vec<u8>) {
        match self.length {
            Length::Known(count) => {
                into.extend_from_slice(b"content-length: ");
                write_decimal(count, into);
                into.extend_from_slice(b"\r\n");
            }
            Length::Chunked => into.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            // What the body would have had: RFC 9110, 15.4.5.
            Length::Absent if self.status == StatusCode::NOT_MODIFIED => {
                if let Some(length) = headers.get(CONTENT_LENGTH) {
                    line(into, b"content-length", length.as_bytes());
                }
            }
            Length::Absent | Length::UntilClose => {}
        }
    }
}

/// Headers that the library writes itself, since they must be true.
fn says_of_message(name: &::http::HeaderName) -> bool {
    name == CONNECTION || name == CONTENT_LENGTH || name == TRANSFER_ENCODING
}

fn line(into: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    into.extend_from_slice(name);
    into.extend_from_slice(b": ");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

/// Whether the handler wants the connection closed.
pub(super) fn wants_close(headers: &HeaderMap) -> bool {
    !headers.is_empty()
        && headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|value| list(value.as_bytes()))
            .any(|option| option.eq_ignore_ascii_case(b"close"))
}

/// The length that the handler has set as a header.
pub(super) fn stated_length(headers: &HeaderMap) -> Result<Option<u64>, &'static str> {
    if headers.is_empty() {
        return Ok(None);
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err("Transfer-Encoding is set by the library: write, and it is chunked where it must be");
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(length), None) => match decimal(length.as_bytes()) {
            Some(length) => Ok(Some(length)),
            None => Err("the answer's Content-Length is no number"),
        },
        (Some(_), Some(_)) => Err("the answer has more than one Content-Length"),
    }
}

pub(super) fn write_decimal(mut number: u64, into: &mut Vec<u8>) {
    let (mut digits, mut at) = ([0; 20], 20);
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return into.extend_from_slice(&digits[at..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 13, 65_536, u64::MAX] {
            let mut text = Vec::new();
            write_decimal(number, &mut text);
            assert_eq!(text, number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_a_handler_says_of_the_length() {
        let mut headers = HeaderMap::new();
        assert_eq!(stated_length(&headers), Ok(None));
        headers.append(CONTENT_LENGTH, HeaderValue::from_static("12"));
        assert_eq!(stated_length(&headers), Ok(Some(12)));
        headers.append(CONTENT_LENGTH, HeaderValue::from_static("12"));
        assert!(stated_length(&headers).is_err());
    }
}
