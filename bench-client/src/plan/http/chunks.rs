//! A body in chunks (RFC 9112, section 7.1).

use super::fields::{FIELDS, LONGEST_HEAD, bad, too_long};
use crate::base::taxonomy::Fault;

/// A body of which some chunks have come; none of them is read twice.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    body: Vec<u8>,
    /// Where the next chunk begins, or the trailers do.
    next: usize,
    /// Whether the last chunk has come.
    complete: bool,
}

impl Chunks {
    /// Takes the chunks that are whole in `bytes`, which begin with the first
    /// one. Returns the length of all of it once it is there; trailers are
    /// skipped.
    ///
    /// # Errors
    /// When these are no chunks, or more than `longest` bytes of a body.
    pub(super) fn read(&mut self, bytes: &[u8], longest: usize) -> Result<Option<usize>, Fault> {
        while !self.complete {
            if !self.read_chunk(bytes, longest)? {
                return Ok(None);
            }
        }
        Ok(trailers(&bytes[self.next..])?.map(|length| self.next + length))
    }

    /// What the chunks brought.
    pub(super) fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// False when the next chunk is not all there.
    fn read_chunk(&mut self, bytes: &[u8], longest: usize) -> Result<bool, Fault> {
        let Some((line, size)) = size_line(&bytes[self.next..])? else {
            return Ok(false);
        };
        let from = self.next + line;
        if size == 0 {
            (self.next, self.complete) = (from, true);
            return Ok(true);
        }
        let room = longest - self.body.len();
        let size = usize::try_from(size).ok().filter(|size| *size <= room);
        let end = from + size.ok_or_else(|| too_long(longest))?;
        match bytes.get(end..end + 2) {
            Some(b"\r\n") => self.body.extend_from_slice(&bytes[from..end]),
            Some(_) => return Err(bad("a chunk does not end where it says".to_owned())),
            None => return Ok(false),
        }
        self.next = end + 2;
        Ok(true)
    }
}

/// The length of the line that says how long a chunk is, and what it says.
fn size_line(bytes: &[u8]) -> Result<Option<(usize, u64)>, Fault> {
    match httparse::parse_chunk_size(bytes) {
        Ok(httparse::Status::Complete((length, size))) if length <= LONGEST_HEAD => Ok(Some((length, size))),
        Ok(httparse::Status::Partial) if bytes.len() <= LONGEST_HEAD => Ok(None),
        Ok(_) => Err(bad(format!("the size of a chunk takes more than {LONGEST_HEAD} bytes"))),
        Err(_) => Err(bad("a chunk has no size".to_owned())),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_as_they_come_and_once() {
        let bytes = b"1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: u\r\n\r\nHTTP";
        let mut chunks = Chunks::default();
        for cut in 0..bytes.len() - 4 {
            assert_eq!(chunks.read(&bytes[..cut], 9).unwrap(), None, "{cut}");
        }
        assert_eq!(chunks.next, 20, "behind the last chunk");
        assert_eq!(chunks.read(bytes, 9).unwrap(), Some(bytes.len() - 4));
        assert_eq!(chunks.into_body(), b"abc");
    }

    #[test]
    fn a_body_has_a_largest_size_however_it_is_cut() {
        for (bytes, fits) in [
            (&b"3\r\nabc\r\n0\r\n\r\n"[..], true),
            (b"4\r\n", false),
            (b"3\r\nabc\r\n1\r\n", false),
            (b"ffffffffffffffff\r\n", false),
        ] {
            assert_eq!(Chunks::default().read(bytes, 3).is_ok(), fits, "{bytes:?}");
        }
        let long = format!("1;{}", "x".repeat(LONGEST_HEAD));
        assert!(Chunks::default().read(long.as_bytes(), 3).is_err());
    }
}
