//! Telling a right answer from a wrong one, and what is wrong with it.

use std::fmt;

use crate::plan::origin::Origin;
use crate::plan::payload::Payload;

/// How far answers are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Verify {
    /// Every byte.
    Full,
    /// Their length, and of messages of 24 bytes or more whose they are.
    Header,
    /// Their length only.
    Len,
    /// As len.
    #[value(hide = true)]
    Off,
}

impl Verify {
    /// Its name on the command line and in reports.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Verify::Full => "full",
            Verify::Header => "header",
            Verify::Len => "len",
            Verify::Off => "off",
        }
    }
}

/// What is wrong with an answer of the right length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// Bytes that nobody sent.
    Corrupt {
        /// Of the first wrong byte.
        offset: usize,
        /// What should have come; nothing behind the end of the message.
        expected: Option<u8>,
        /// What came.
        received: Option<u8>,
    },
    /// A message of another connection, complete.
    Misrouted(Origin),
    /// A message of this connection that was answered before.
    Duplicate(Origin),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Corrupt {
                offset,
                expected,
                received,
            } => write!(
                f,
                "byte {offset} is {} and should be {}",
                hex(*received),
                hex(*expected)
            ),
            Mismatch::Misrouted(origin) => write!(
                f,
                "it is message {} of connection {}",
                origin.sequence, origin.connection
            ),
            Mismatch::Duplicate(origin) => {
                write!(f, "it is the earlier message {}", origin.sequence)
            }
        }
    }
}

fn hex(byte: Option<u8>) -> String {
    byte.map_or_else(|| "missing".to_owned(), |byte| format!("{byte:#04x}"))
}

impl Verify {
    /// Compares an answer with what `origin` sent, as far as this says; what is
    /// found wrong has the same name however far that is.
    ///
    /// Without a header ([`crate::plan::payload::HEADER`]) another connection's bytes cannot be told
    /// from nonsense: they count as corrupt.
    pub(crate) fn judge(self, payload: &Payload, origin: Origin, received: &[u8]) -> Result<(), Mismatch> {
        let as_long = || received.len() == payload.size(origin);
        let fine = match self {
            Verify::Full => payload.is(origin, received),
            Verify::Header => as_long() && payload.begins(origin, received),
            Verify::Len | Verify::Off => as_long(),
        };
        match fine {
            true => Ok(()),
            false => Err(diagnose(payload, origin, received)),
        }
    }
}

#[cold]
fn diagnose(payload: &Payload, origin: Origin, received: &[u8]) -> Mismatch {
    // A header alone proves little: one flipped bit in it could name another
    // connection. Only a message that is right in whole, or as far as it came,
    // is somebody else's.
    if let Some(theirs) = payload.origin_of(received)
        && begins_as(payload, theirs, received)
    {
        if theirs.connection != origin.connection {
            return Mismatch::Misrouted(theirs);
        }
        if theirs.sequence < origin.sequence {
            return Mismatch::Duplicate(theirs);
        }
    }
    first_difference(&message(payload, origin), received)
}

fn begins_as(payload: &Payload, origin: Origin, bytes: &[u8]) -> bool {
    let theirs = message(payload, origin);
    let both = theirs.len().min(bytes.len());
    theirs[..both] == bytes[..both]
}

fn message(payload: &Payload, origin: Origin) -> Vec<u8> {
    let mut message = Vec::new();
    payload.append(origin, &mut message);
    message
}

fn first_difference(expected: &[u8], received: &[u8]) -> Mismatch {
    let differs = |(ours, theirs): (&u8, &u8)| ours != theirs;
    let both = expected.len().min(received.len());
    let offset = expected.iter().zip(received).position(differs).unwrap_or(both);
    Mismatch::Corrupt {
        offset,
        expected: expected.get(offset).copied(),
        received: received.get(offset).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::payload::{Content, HEADER};
    use crate::plan::sizes::Sizes;

    const MINE: Origin = Origin {
        connection: 1,
        sequence: 5,
    };

    fn of_size(size: usize) -> Payload {
        Payload::new(42, Sizes::fixed(size), &Content::Random).unwrap()
    }

    fn judged(payload: &Payload, received: &[u8]) -> Result<(), Mismatch> {
        Verify::Full.judge(payload, MINE, received)
    }

    #[test]
    fn the_message_itself_is_right() {
        for size in [1, 23, 24, 64, 5000] {
            let payload = of_size(size);
            assert_eq!(judged(&payload, &message(&payload, MINE)), Ok(()));
        }
    }

    #[test]
    fn every_single_changed_byte_is_corrupt_at_its_offset() {
        for size in [1, 23, 24, 64] {
            let payload = of_size(size);
            for at in 0..size {
                let mut received = message(&payload, MINE);
                received[at] ^= 1;
                let mismatch = judged(&payload, &received).unwrap_err();
                assert!(
                    matches!(mismatch, Mismatch::Corrupt { offset, .. } if offset == at),
                    "{size} bytes, byte {at}: {mismatch:?}"
                );
            }
        }
    }

    #[test]
    fn another_connections_message_is_misrouted() {
        let payload = of_size(64);
        let theirs = Origin {
            connection: 2,
            sequence: 9,
        };
        assert_eq!(
            judged(&payload, &message(&payload, theirs)),
            Err(Mismatch::Misrouted(theirs))
        );
    }

    #[test]
    fn an_earlier_message_is_a_duplicate() {
        let payload = of_size(64);
        let earlier = Origin { sequence: 4, ..MINE };
        assert_eq!(
            judged(&payload, &message(&payload, earlier)),
            Err(Mismatch::Duplicate(earlier))
        );
    }

    #[test]
    fn a_right_header_is_enough_for_header_and_the_length_for_len() {
        let payload = of_size(64);
        for at in 0..64 {
            let mut received = message(&payload, MINE);
            received[at] ^= 1;
            let full = judged(&payload, &received);
            let header = Verify::Header.judge(&payload, MINE, &received);
            assert_eq!(header, if at < HEADER { full } else { Ok(()) }, "byte {at}");
            for verify in [Verify::Len, Verify::Off] {
                assert_eq!(verify.judge(&payload, MINE, &received), Ok(()), "byte {at}");
            }
        }
        let theirs = message(&payload, Origin { connection: 2, ..MINE });
        let earlier = message(&payload, Origin { sequence: 4, ..MINE });
        for wrong in [theirs, earlier] {
            assert_eq!(Verify::Header.judge(&payload, MINE, &wrong), judged(&payload, &wrong));
        }
    }

    #[test]
    fn a_message_without_a_header_has_its_length_checked_by_header() {
        let payload = of_size(HEADER - 1);
        assert_eq!(Verify::Header.judge(&payload, MINE, &[0; HEADER - 1]), Ok(()));
        assert!(Verify::Header.judge(&payload, MINE, &[0; HEADER]).is_err());
    }

    #[test]
    fn what_is_too_long_is_corrupt_behind_its_end_however_far_is_looked() {
        let payload = of_size(64);
        let mut received = message(&payload, MINE);
        received.push(7);
        for verify in [Verify::Full, Verify::Header, Verify::Len, Verify::Off] {
            let mismatch = verify.judge(&payload, MINE, &received).unwrap_err();
            assert_eq!(mismatch.to_string(), "byte 64 is 0x07 and should be missing");
        }
    }

    #[test]
    fn half_of_anothers_message_is_corrupt() {
        let payload = of_size(64);
        let theirs = message(
            &payload,
            Origin {
                connection: 2,
                sequence: 5,
            },
        );
        let mut received = message(&payload, MINE);
        received[..32].copy_from_slice(&theirs[..32]);
        assert!(matches!(
            judged(&payload, &received),
            Err(Mismatch::Corrupt { offset: 4, .. })
        ));
    }
}
