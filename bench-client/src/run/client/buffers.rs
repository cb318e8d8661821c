//! What a connection's bytes stay in on their way out and in.

/// Room for more than is expected, at least: a read that does not fill its
/// buffer tells that there is no more, and the next one need not ask.
const SPARE: usize = 64;

/// Bytes to be written; it keeps its memory from connection to connection.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl Outbox {
    /// Where the next message is put behind the others.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What is to be written next, at most `room` bytes.
    pub(super) fn next(&self, room: usize) -> &[u8] {
        let left = &self.bytes[self.written..];
        &left[..left.len().min(room)]
    }

    /// Bytes to be written.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// The first `count` bytes of [`next`](Outbox::next) are on their way.
    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
        if self.written == self.bytes.len() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }
}

/// Bytes that were read and are not yet a whole answer.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    room: Vec<u8>,
    filled: usize,
}

impl Inbox {
    /// Sees to it that `expected` bytes fit, those that are here included.
    pub(super) fn make_room(&mut self, expected: usize) {
        let wanted = expected.max(self.filled) + SPARE;
        if self.room.len() < wanted {
            self.room.resize(wanted, 0);
        }
    }

    /// Where the next bytes are read to.
    pub(super) fn room(&mut self) -> &mut [u8] {
        &mut self.room[self.filled..]
    }

    /// `count` bytes of [`room`](Inbox::room) were filled.
    pub(super) fn read(&mut self, count: usize) {
        self.filled += count;
    }

    /// What is here.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.room[..self.filled]
    }

    /// The first `count` bytes were an answer.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.room.copy_within(count..self.filled, 0);
        self.filled -= count;
    }

    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }
}
