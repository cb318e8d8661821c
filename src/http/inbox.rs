//! What has been read of a connection and not been used yet.

use std::fmt;
use std::io;

/// The first buffer in bytes: it holds the head of nearly every request.
const FIRST: usize = 4 * 1024;
/// The largest buffer that is kept for the next connection.
const KEPT: usize = 16 * 1024;

/// What has been read and not been used yet, in one piece.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Inbox {
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.begin..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.begin == self.end
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.begin = self.end.min(self.begin + count);
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
    }

    /// Has `read` add to it once; returns how much came.
    pub(super) fn fill(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        self.make_room();
        let count = read(&mut self.bytes[self.end..])?;
        self.end += count;
        Ok(count)
    }

    /// Whoever fills it bounds what lies in it, and thereby its size.
    fn make_room(&mut self) {
        if self.end < self.bytes.len() {
            return;
        }
        if self.begin > 0 {
            self.bytes.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        if self.end == self.bytes.len() {
            self.bytes.resize((self.bytes.len() * 2).max(FIRST), 0);
        }
    }

    /// For another connection.
    pub(super) fn clear(&mut self) {
        (self.begin, self.end) = (0, 0);
        if self.bytes.len() > KEPT {
            self.bytes = Vec::new();
        }
    }
}

/// Without the bytes, which are the client's and may be secrets.
impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inbox({} bytes)", self.unread().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(inbox: &mut Inbox, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            inbox.fill(|into| io::Read::read(&mut rest, into)).unwrap();
        }
    }

    #[test]
    fn it_gives_what_it_was_given_and_grows_only_if_it_must() {
        let mut inbox = Inbox::default();
        let all: Vec<u8> = (0..20_000_u32).map(|at| (at % 251) as u8).collect();
        let mut got = Vec::new();
        for piece in all.chunks(1_000) {
            put(&mut inbox, piece);
            let half = inbox.unread().len() / 2;
            got.extend_from_slice(&inbox.unread()[..half]);
            inbox.consume(half);
        }
        got.extend_from_slice(inbox.unread());
        inbox.consume(usize::MAX - inbox.begin);
        assert!(got == all && inbox.is_empty());
        assert_eq!(inbox.bytes.len(), FIRST);
        put(&mut inbox, &all);
        assert_eq!(inbox.unread(), all);
        inbox.clear();
        assert!(inbox.is_empty() && inbox.bytes.is_empty());
    }
}
