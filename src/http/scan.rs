//! Where a head ends.

use ::http::StatusCode;

use super::byte_set::TOKEN;
use super::limits::Limits;
use super::refusal::Refusal;

/// Empty lines before a request line that are passed over: RFC 9112, 2.2 asks
/// for one, and some old clients send one after a body.
const EMPTY_LINES: usize = 4;

/// Looks for the end of a head in bytes that come little by little: each is
/// looked at once.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// What was looked at.
    at: usize,
    /// Where the present line begins.
    line: usize,
    /// Where the request line begins, behind empty lines.
    begin: usize,
    /// Where the header lines begin; 0 before that.
    fields: usize,
    /// Header lines so far.
    headers: usize,
    empty_lines: usize,
}

/// A head within the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) begin: usize,
    /// Behind the empty line.
    pub(super) end: usize,
    /// Lines between the request line and the empty one.
    pub(super) headers: usize,
}

impl Scan {
    /// The head, if it has come whole. `bytes` are those of the last call with
    /// more behind them.
    pub(super) fn look(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<Extent>, Refusal> {
        while let Some(found) = memchr::memchr(b'\n', &bytes[self.at..]) {
            let feed = self.at + found;
            self.at = feed + 1;
            if feed == self.line || bytes[feed - 1] != b'\r' {
                return Err(Refusal::bad_request(
                    "a line of the head ends without a carriage return",
                ));
            }
            if self.line_ends(bytes, feed - 1, limits)? {
                let Scan { begin, headers, .. } = std::mem::take(self);
                return Ok(Some(Extent {
                    begin,
                    end: feed + 1,
                    headers,
                }));
            }
        }
        self.at = bytes.len();
        self.check_begun(bytes, limits)?;
        Ok(None)
    }

    /// Begins anew behind so many empty lines.
    pub(super) fn behind(empty_lines: usize) -> Scan {
        Scan {
            empty_lines,
            ..Scan::default()
        }
    }

    pub(super) fn empty_lines(&self) -> usize {
        self.empty_lines
    }

    /// Whether anything of a request has come: an empty line is nothing.
    pub(super) fn has_begun(&self) -> bool {
        self.at > self.begin
    }

    /// A line ends before `end`; true if it is the empty one behind the
    /// headers.
    fn line_ends(&mut self, bytes: &[u8], end: usize, limits: &Limits) -> Result<bool, Refusal> {
        let (begin, next) = (self.line, end + 2);
        self.line = next;
        if self.fields > 0 {
            check_fields(next - self.fields, limits)?;
            self.headers += usize::from(begin < end);
            return Ok(begin == end);
        }
        if begin < end {
            check_first(bytes[begin])?;
            check_line(end - begin, limits)?;
            self.fields = next;
            return Ok(false);
        }
        self.begin = next;
        self.empty_lines += 1;
        match self.empty_lines > EMPTY_LINES {
            true => Err(Refusal::bad_request("empty lines in place of a request")),
            false => Ok(false),
        }
    }

    /// Refuses what can be no head, however it goes on.
    fn check_begun(&self, bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
        if self.fields > 0 {
            return check_fields(bytes.len() - self.fields, limits);
        }
        match bytes[self.line..] {
            [] | [b'\r'] => Ok(()),
            [first, ..] => check_first(first).and_then(|()| check_line(bytes.len() - self.line, limits)),
        }
    }
}

/// Of a method.
fn check_first(byte: u8) -> Result<(), Refusal> {
    match TOKEN.has(byte) {
        true => Ok(()),
        false => Err(Refusal::bad_request("this is no HTTP request")),
    }
}

fn check_line(length: usize, limits: &Limits) -> Result<(), Refusal> {
    if length <= limits.request_line {
        return Ok(());
    }
    Err(Refusal::final_one(
        StatusCode::URI_TOO_LONG,
        format!("the request line has more than {} bytes", limits.request_line),
    ))
}

fn check_fields(length: usize, limits: &Limits) -> Result<(), Refusal> {
    if length <= limits.header_bytes {
        return Ok(());
    }
    Err(Refusal::final_one(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        format!("the header has more than {} bytes", limits.header_bytes),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(bytes: &[u8]) -> Result<Option<Extent>, StatusCode> {
        let found = Scan::default().look(bytes, &Limits::new());
        found.map_err(|refusal| refusal.status())
    }

    #[test]
    fn a_head_ends_behind_its_empty_line() {
        let extent = |begin, end, headers| Ok(Some(Extent { begin, end, headers }));
        assert_eq!(whole(b"GET / HTTP/1.1\r\n\r\nrest"), extent(0, 18, 0));
        assert_eq!(whole(b"\r\nGET / HTTP/1.1\r\na: b\r\n\r\n"), extent(2, 26, 1));
        assert_eq!(whole(b"GET / HTTP/1.1\r\na: b\r\nc:\r\n\r\nd: e"), extent(0, 28, 2));
        assert_eq!(whole(b"GET / HTTP/1.1\r\na: b\r\n"), Ok(None));
        for bad in [
            &b"GET / HTTP/1.1\n\n"[..],
            b"GET / HTTP/1.1\r\na: b\n\r\n",
            b"\nGET / HTTP/1.1\r\n\r\n",
            b"\r\n\r\n\r\n\r\n\r\n",
            b"\x16\x03\x01",
            b" GET",
        ] {
            assert_eq!(whole(bad), Err(StatusCode::BAD_REQUEST), "{}", bad.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn it_finds_the_same_however_the_bytes_are_cut(
            bytes in "(\r\n){0,3}[A-Z]{1,9} /[a-z ]{0,9}\r?\n([a-z]{1,5}: ?[a-z]{0,9}\r\n){0,4}(\r\n|\n\r|)",
            cut in 0..80_usize,
        ) {
            let bytes = bytes.as_bytes();
            let cut = cut.min(bytes.len());
            let mut scan = Scan::default();
            let mut found = scan.look(&bytes[..cut], &Limits::new());
            if matches!(found, Ok(None)) {
                found = scan.look(bytes, &Limits::new());
            }
            prop_assert_eq!(found.map_err(|refusal| refusal.status()), whole(bytes));
        }
    }
}
