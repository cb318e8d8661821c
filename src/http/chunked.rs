//! The chunked coding of a body: RFC 9112, 7.1.

use std::mem::MaybeUninit;

use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::limits::{Limits, MOST_HEADERS};
use super::refusal::Refusal;

/// Hexadecimal digits of a size at most: more hold no number that fits.
const MOST_DIGITS: usize = 16;

/// Fields that a trailer may not have, since they say how the message is to be
/// read: RFC 9110, 6.5.1. They are passed over.
const NO_TRAILERS: &[&str] = &[
    "transfer-encoding",
    "content-length",
    "host",
    "connection",
    "expect",
    "content-encoding",
    "content-type",
    "content-range",
    "authorization",
    "cookie",
    "trailer",
];

/// Where in the coding the next byte stands.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    /// Bytes of extensions so far.
    extensions: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// So many bytes of the chunk are still to come.
    Data(u64),
    /// The line end behind a chunk.
    DataEnd,
    Trailers,
    Done,
}

/// What the bytes at hand are.
#[derive(Debug)]
pub(super) enum Step {
    /// So many bytes of coding, to be passed over.
    Skip(usize),
    /// So many bytes of the body.
    Data(usize),
    /// Not enough to tell.
    More,
    /// So many bytes, and they are the trailers and the end.
    End(usize, HeaderMap),
    /// The body has ended before.
    Done,
}

impl Chunked {
    /// What `bytes` begin with; whoever takes data tells by
    /// [`took`](Chunked::took), everything else is taken with the call.
    pub(super) fn look(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step, Refusal> {
        match self.state {
            State::Size => self.size(bytes, limits),
            State::Data(left) => Ok(match bytes.len() {
                0 => Step::More,
                count => Step::Data(usize::try_from(left).map_or(count, |left| left.min(count))),
            }),
            State::DataEnd => self.data_end(bytes),
            State::Trailers => self.trailers(bytes, limits),
            State::Done => Ok(Step::Done),
        }
    }

    /// How much of a chunk's data is still to come.
    pub(super) fn data_left(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            _ => 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn took(&mut self, count: u64) {
        if let State::Data(left) = self.state {
            self.state = match left.saturating_sub(count) {
                0 => State::DataEnd,
                left => State::Data(left),
            };
        }
    }

    fn size(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step, Refusal> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > MOST_DIGITS {
            return Err(Refusal::bad_request("the size of a chunk is too large"));
        }
        let room = limits.chunk_extensions.saturating_sub(self.extensions);
        let Some(&after) = bytes.get(digits) else {
            return Ok(Step::More);
        };
        if digits == 0 || !matches!(after, b'\r' | b';') {
            return Err(Refusal::bad_request("a chunk does not begin with its size"));
        }
        let rest = &bytes[digits..];
        let Some(end) = memchr::memchr(b'\r', rest) else {
            return check_extension(rest, room).map(|()| Step::More);
        };
        check_extension(&rest[..end], room)?;
        match rest.get(end + 1) {
            None => return Ok(Step::More),
            Some(b'\n') => {}
            Some(_) => return Err(Refusal::bad_request("the line of a chunk's size ends wrongly")),
        }
        self.extensions += end;
        self.state = match hexadecimal(&bytes[..digits]) {
            0 => State::Trailers,
            size => State::Data(size),
        };
        Ok(Step::Skip(digits + end + 2))
    }

    fn data_end(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.state = State::Size;
                Ok(Step::Skip(2))
            }
            [] | [b'\r'] => Ok(Step::More),
            _ => Err(Refusal::bad_request("a chunk is longer than its size")),
        }
    }

    fn trailers(&mut self, bytes: &[u8], limits: &Limits) -> Result<Step, Refusal> {
        let mut begin = 0;
        for feed in memchr::memchr_iter(b'\n', bytes) {
            if feed == begin || bytes[feed - 1] != b'\r' {
                return Err(Refusal::bad_request("a trailer ends without a carriage return"));
            }
            if feed - 1 == begin {
                let end = feed + 1;
                check_trailers(end, limits)?;
                let map = parse_trailers(&bytes[..end], limits)?;
                self.state = State::Done;
                return Ok(Step::End(end, map));
            }
            begin = feed + 1;
        }
        check_trailers(bytes.len(), limits)?;
        Ok(Step::More)
    }
}

/// `bytes` are what stands between the size and the line's end, or the begin of
/// that.
fn check_extension(bytes: &[u8], room: usize) -> Result<(), Refusal> {
    if bytes.len() > room {
        return Err(Refusal::bad_request("the extensions of chunks are too long"));
    }
    match bytes.iter().all(|byte| *byte == b'\t' || (b' '..=b'~').contains(byte)) {
        true => Ok(()),
        false => Err(Refusal::bad_request("the extension of a chunk has a control character")),
    }
}

/// The number of at most sixteen digits.
fn hexadecimal(digits: &[u8]) -> u64 {
    let value = |digit: &u8| u64::from((*digit as char).to_digit(16).unwrap_or_default());
    digits.iter().fold(0, |number, digit| (number << 4) | value(digit))
}

fn check_trailers(length: usize, limits: &Limits) -> Result<(), Refusal> {
    match length > limits.trailer_bytes.saturating_add(2) {
        true => Err(too_many(format!(
            "the trailers have more than {} bytes",
            limits.trailer_bytes
        ))),
        false => Ok(()),
    }
}

fn too_many(text: String) -> Refusal {
    Refusal::final_one(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text)
}

#[inline(never)]
fn parse_trailers(bytes: &[u8], limits: &Limits) -> Result<HeaderMap, Refusal> {
    let mut map = HeaderMap::new();
    if bytes == b"\r\n" {
        return Ok(map);
    }
    let count = memchr::memchr_iter(b'\n', bytes).count() - 1;
    if count > limits.headers.min(MOST_HEADERS) {
        return Err(too_many(format!("there are more than {} trailers", limits.headers)));
    }
    let mut room = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut []);
    // A request line before them, since there is no parser for lines alone that
    // needs no initialised room.
    let text = [b"GET / HTTP/1.1\r\n", bytes].concat();
    request
        .parse_with_uninit_headers(&text, &mut room)
        .map_err(|err| Refusal::bad_request(format!("the trailers are malformed: {err}")))?;
    for header in request.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value.trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value)
            && !NO_TRAILERS.contains(&name.as_str())
        {
            map.append(name, value);
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body, the trailers and what is left, of bytes that come in pieces.
    fn decoded(bytes: &[u8], piece: usize) -> Result<Option<(Vec<u8>, HeaderMap, usize)>, u16> {
        let (mut chunked, mut body, mut taken) = (Chunked::default(), Vec::new(), 0);
        let mut come = 0;
        loop {
            let step = chunked.look(&bytes[taken..come], &Limits::new());
            match step.map_err(|refusal| refusal.status().as_u16())? {
                Step::Skip(count) => taken += count,
                Step::Data(count) => {
                    body.extend_from_slice(&bytes[taken..taken + count]);
                    chunked.took(count as u64);
                    taken += count;
                }
                Step::End(count, map) => return Ok(Some((body, map, bytes.len() - taken - count))),
                Step::Done => unreachable!("ended before"),
                Step::More if come == bytes.len() => return Ok(None),
                Step::More => come = bytes.len().min(come + piece),
            }
        }
    }

    fn whole(text: &str) -> Result<Option<(String, usize)>, u16> {
        let found = decoded(text.as_bytes(), usize::MAX)?;
        Ok(found.map(|(body, _, left)| (String::from_utf8(body).unwrap(), left)))
    }

    #[test]
    fn chunks_become_a_body() {
        assert_eq!(
            whole("3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\n\r\nrest"),
            Ok(Some(("abcde".to_owned(), 4)))
        );
        assert_eq!(
            whole("00a\r\n0123456789\r\n0;end\r\nx: y\r\n\r\n"),
            Ok(Some(("0123456789".to_owned(), 0)))
        );
        assert_eq!(whole("3\r\nab"), Ok(None));
    }

    #[test]
    fn trailers_are_told_but_for_those_that_frame() {
        let text = b"0\r\nX-Sum: 1\r\nContent-Length: 5\r\n\r\n";
        let (_, map, left) = decoded(text, usize::MAX).unwrap().unwrap();
        assert_eq!((map.len(), left), (1, 0));
        assert_eq!(map["x-sum"], "1");
    }

    #[test]
    fn what_is_no_chunk() {
        for bad in [
            "\r\n",
            "x\r\n",
            "+1\r\na",
            "-1\r\na",
            "0x1\r\na",
            " 1\r\na",
            "1 \r\na",
            "1\na\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "11111111111111111\r\n",
            "1;\x01\r\n",
            "1;a\rb\r\n",
            "1\rX",
            "0\r\n\n",
            "0\r\na b: c\r\n\r\n",
            "0\r\na : c\r\n\r\n",
            "0\r\n a: c\r\n\r\n",
            "0\r\na: b\n\r\n",
            "g\r\n",
            "1_0\r\n",
        ] {
            assert_eq!(whole(bad), Err(400), "{bad:?}");
        }
        assert_eq!(whole("ffffffffffffffff\r\nabc"), Ok(None));
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        assert_eq!(whole(&format!("1;{}", "x".repeat(5_000))), Err(400));
        assert_eq!(whole(&"1;xxxxxxx\r\na\r\n".repeat(600)), Err(400));
        assert_eq!(whole(&format!("0\r\nx: {}", "x".repeat(9_000))), Err(431));
        assert_eq!(whole(&format!("0\r\n{}\r\n", "x: y\r\n".repeat(101))), Err(431));
    }

    proptest! {
        #[test]
        fn it_reads_the_same_however_the_bytes_are_cut(
            text in "([0-3](;[a-z]{1,3})?\r\n[a-c]{0,3}\r\n){0,3}(0\r\n(x: y\r\n){0,2}\r\n|.{0,5})",
            piece in 1..9_usize,
        ) {
            prop_assert_eq!(decoded(text.as_bytes(), piece), decoded(text.as_bytes(), usize::MAX));
        }
    }
}
