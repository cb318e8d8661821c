//! Sets of bytes.

/// A set of bytes. To look one up takes as long in a large set as in a small.
pub(super) struct ByteSet([bool; 256]);

/// What a token consists of: RFC 9110, 5.6.2.
pub(super) static TOKEN: ByteSet = ByteSet::ALPHANUMERIC.with(b"!#$%&'*+-.^_`|~");

impl ByteSet {
    /// Letters and digits of ASCII.
    pub(super) const ALPHANUMERIC: ByteSet = ByteSet::between(b'0', b'9').and(b'A', b'Z').and(b'a', b'z');
    /// All of ASCII that is seen: neither spaces nor control characters.
    pub(super) const GRAPHIC: ByteSet = ByteSet::between(b'!', b'~');

    const fn between(first: u8, last: u8) -> ByteSet {
        ByteSet([false; 256]).and(first, last)
    }

    const fn and(mut self, first: u8, last: u8) -> ByteSet {
        let mut byte = first;
        while byte <= last {
            self.0[byte as usize] = true;
            byte += 1;
        }
        self
    }

    pub(super) const fn with(self, bytes: &[u8]) -> ByteSet {
        self.set(bytes, true)
    }

    pub(super) const fn without(self, bytes: &[u8]) -> ByteSet {
        self.set(bytes, false)
    }

    const fn set(mut self, bytes: &[u8], is_in: bool) -> ByteSet {
        let mut at = 0;
        while at < bytes.len() {
            self.0[bytes[at] as usize] = is_in;
            at += 1;
        }
        self
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    pub(super) fn has_all(&self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| self.has(*byte))
    }

    /// How many of the first bytes are in it.
    pub(super) fn leading(&self, bytes: &[u8]) -> usize {
        bytes.iter().position(|byte| !self.has(*byte)).unwrap_or(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_they_are_called() {
        for byte in 0..=u8::MAX {
            assert_eq!(ByteSet::ALPHANUMERIC.has(byte), byte.is_ascii_alphanumeric(), "{byte}");
            assert_eq!(ByteSet::GRAPHIC.has(byte), byte.is_ascii_graphic(), "{byte}");
        }
    }

    #[test]
    fn bytes_are_added_and_taken_away() {
        let set = ByteSet::ALPHANUMERIC.with(b"-\xff").without(b"aZ");
        assert!(set.has_all(b"bY9-\xff") && !set.has(b'a') && !set.has(b'Z') && !set.has(b'.'));
        assert_eq!(
            (set.leading(b"bcd.e"), set.leading(b"bcd"), set.leading(b"")),
            (3, 3, 0)
        );
    }
}
