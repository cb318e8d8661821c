//! What is sent: every message is a function of (seed, connection, sequence).
//!
//! A message of [`HEADER`] bytes or more begins with a header (magic, mark of
//! the run, connection, sequence, length, little-endian) and goes on with a body. A
//! shorter one is all body. As text it has 7 bits in a byte and a header of such
//! bytes (mark of run and length, connection, sequence). Bodies are slices of one ring of bytes, so that
//! neither making nor checking one costs more than a copy and a compare.

use std::path::{Path, PathBuf};

use crate::base::bounded;
use crate::base::failure::Failure;
use crate::base::random::{fingerprint, mix, next};
use crate::plan::origin::Origin;
use crate::plan::sizes::Sizes;

/// Length of the header in bytes.
pub(crate) const HEADER: usize = 24;

const MAGIC: u32 = 0x6e72_6772;
/// How many different bodies there are; a power of two.
const RING: usize = 1 << 16;

/// What bodies are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Content {
    /// Random bytes, which nothing on the way can compress.
    #[default]
    Random,
    /// Letters and digits that repeat: legible in a trace.
    Pattern,
    /// The bytes of a file, over and over.
    File(PathBuf),
}

impl Content {
    /// As it is given on the command line.
    pub(crate) fn parse(text: &str) -> Content {
        match text {
            "random" => Content::Random,
            "pattern" => Content::Pattern,
            path => Content::File(path.into()),
        }
    }

    /// As it is shown in reports.
    pub(crate) fn id(&self) -> String {
        match self {
            Content::Random => "random".to_owned(),
            Content::Pattern => "pattern".to_owned(),
            Content::File(path) => path.display().to_string(),
        }
    }

    /// `length` bytes of it.
    fn bytes(&self, seed: u64, length: usize) -> Result<Vec<u8>, Failure> {
        match self {
            Content::Random => {
                let mut state = seed;
                let words = length.div_ceil(8);
                Ok((0..words).flat_map(|_| next(&mut state).to_le_bytes()).collect())
            }
            Content::Pattern => Ok(repeated(PATTERN, length)),
            // No more of it is ever sent.
            Content::File(path) => match bounded::beginning(path, length as u64) {
                Ok(bytes) if bytes.is_empty() => Err(unusable(path, "it is empty")),
                Ok(bytes) => Ok(repeated(&bytes, length)),
                Err(err) => Err(unusable(path, &err.to_string())),
            },
        }
    }
}

/// Its length is prime, so that it begins at each place of a longer period.
const PATTERN: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";

fn unusable(path: &Path, reason: &str) -> Failure {
    Failure::Usage(format!(
        "--payload: cannot read {}: {reason}; name a file to make messages of, or write random or pattern",
        path.display()
    ))
}

fn repeated(bytes: &[u8], length: usize) -> Vec<u8> {
    bytes.iter().copied().cycle().take(length).collect()
}

/// The messages of one run.
#[derive(Debug)]
pub(crate) struct Payload {
    seed: u64,
    sizes: Sizes,
    ring: Vec<u8>,
    is_text: bool,
}

impl Payload {
    /// The messages of these sizes that belong to `seed`.
    ///
    /// # Errors
    /// [`Failure::Usage`] when they are to be made of a file that cannot be read or is empty.
    pub(crate) fn new(seed: u64, sizes: Sizes, content: &Content) -> Result<Payload, Failure> {
        let ring = content.bytes(seed, RING + sizes.largest())?;
        Ok(Payload {
            seed,
            sizes,
            ring,
            is_text: false,
        })
    }

    /// The same as text: in ASCII, which is UTF-8 wherever a message is cut out.
    ///
    /// # Errors
    /// [`Failure::Usage`] when it is made of a file with other bytes.
    pub(crate) fn into_text(mut self, content: &Content) -> Result<Payload, Failure> {
        match content {
            Content::File(path) if !self.ring.is_ascii() => {
                return Err(unusable(
                    path,
                    "it has bytes that are not ASCII, which --text takes alone",
                ));
            }
            _ => self.ring.iter_mut().for_each(|byte| *byte &= LOW),
        }
        self.is_text = true;
        Ok(self)
    }

    /// Bytes in the message of `origin`.
    pub(crate) fn size(&self, origin: Origin) -> usize {
        self.sizes.of(self.seed, origin)
    }

    /// Of the bytes that bodies are made of.
    pub(crate) fn fingerprint(&self) -> String {
        fingerprint(&self.ring)
    }

    /// The sizes there are.
    pub(crate) fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Appends the message of `origin` to `out`.
    pub(crate) fn append(&self, origin: Origin, out: &mut Vec<u8>) {
        let size = self.size(origin);
        let head = self.head(origin, size);
        out.extend_from_slice(&head.0[..head.1]);
        out.extend_from_slice(self.body(origin, size - head.1));
    }

    /// Whether `bytes` are the message of `origin`, all of them.
    pub(crate) fn is(&self, origin: Origin, bytes: &[u8]) -> bool {
        let size = self.size(origin);
        let head = self.head(origin, size);
        bytes.len() == size
            && bytes[..head.1] == head.0[..head.1]
            && &bytes[head.1..] == self.body(origin, size - head.1)
    }

    /// Whether `bytes` begin with the header of `origin`'s message, if it has one.
    pub(crate) fn begins(&self, origin: Origin, bytes: &[u8]) -> bool {
        let head = self.head(origin, self.size(origin));
        bytes.starts_with(&head.0[..head.1])
    }

    fn body(&self, origin: Origin, length: usize) -> &[u8] {
        let from = self.body_offset(origin);
        &self.ring[from..from + length]
    }

    /// The header, and how much of it there is: all or nothing.
    fn head(&self, origin: Origin, size: usize) -> ([u8; HEADER], usize) {
        match size >= HEADER {
            true => (self.header(origin, size), HEADER),
            false => ([0; HEADER], 0),
        }
    }

    /// Whose message `bytes` says it is, if its header is one of this run's.
    pub(crate) fn origin_of(&self, bytes: &[u8]) -> Option<Origin> {
        if bytes.len() < HEADER {
            return None;
        }
        let origin = match self.is_text {
            true => Origin {
                connection: joined(&bytes[9..14]) as u32,
                sequence: joined(&bytes[14..HEADER]),
            },
            false => Origin {
                connection: u32::from_le_bytes(array(bytes, 8)),
                sequence: u64::from_le_bytes(array(bytes, 12)),
            },
        };
        let size = self.size(origin);
        (size >= HEADER && self.header(origin, size) == bytes[..HEADER]).then_some(origin)
    }

    fn header(&self, origin: Origin, size: usize) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        if self.is_text {
            let mark = mix(u64::from(self.run_mark(origin)) ^ (size as u64).rotate_left(32));
            split(mark, &mut header[..9]);
            split(u64::from(origin.connection), &mut header[9..14]);
            split(origin.sequence, &mut header[14..]);
            return header;
        }
        header[..4].copy_from_slice(&MAGIC.to_le_bytes());
        header[4..8].copy_from_slice(&self.run_mark(origin).to_le_bytes());
        header[8..12].copy_from_slice(&origin.connection.to_le_bytes());
        header[12..20].copy_from_slice(&origin.sequence.to_le_bytes());
        header[20..].copy_from_slice(&(size as u32).to_le_bytes());
        header
    }

    /// Tells this run's messages from those of a run with another seed or size.
    /// It follows from the seed, so that a run can be repeated to the byte, and
    /// from the origin, so that a flipped bit makes no other client's header.
    fn run_mark(&self, origin: Origin) -> u32 {
        let run = mix(self.seed ^ (self.sizes.largest() as u64).rotate_left(32));
        let sender = mix(run ^ u64::from(origin.connection));
        (mix(sender ^ origin.sequence) >> 32) as u32
    }

    fn body_offset(&self, origin: Origin) -> usize {
        let connection = mix(self.seed ^ u64::from(origin.connection));
        mix(connection ^ origin.sequence) as usize & (RING - 1)
    }
}

/// The bits of a byte of ASCII.
const LOW: u8 = 0x7f;

/// The lowest bits of `value`, 7 to a byte, the lowest first.
fn split(mut value: u64, bytes: &mut [u8]) {
    for byte in bytes {
        *byte = value as u8 & LOW;
        value >>= 7;
    }
}

/// What was [`split`] into `bytes`.
fn joined(bytes: &[u8]) -> u64 {
    let join = |value: u64, byte: &u8| value << 7 | u64::from(byte & LOW);
    bytes.iter().rev().fold(0, join)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_size(seed: u64, size: usize) -> Payload {
        Payload::new(seed, Sizes::fixed(size), &Content::Random).unwrap()
    }

    fn message(payload: &Payload, origin: Origin) -> Vec<u8> {
        let mut message = Vec::new();
        payload.append(origin, &mut message);
        message
    }

    /// A change here makes runs of two versions incomparable.
    #[test]
    fn the_first_message_of_seed_42_is_what_it_always_was() {
        let payload = of_size(42, 32);
        let origin = Origin {
            connection: 0,
            sequence: 0,
        };
        assert_eq!(
            message(&payload, origin),
            [
                114, 103, 114, 110, 37, 201, 218, 221, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 26, 32, 20,
                113, 168, 65, 24, 51
            ]
        );
    }

    #[test]
    fn another_seed_is_another_stream() {
        for size in [8, 64] {
            let origin = Origin {
                connection: 3,
                sequence: 9,
            };
            assert_ne!(message(&of_size(1, size), origin), message(&of_size(2, size), origin));
        }
    }

    #[test]
    fn text_is_ascii_and_made_of_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Content::File(path)
        };
        let text = |content: &Content| Payload::new(1, Sizes::fixed(100), content).unwrap().into_text(content);
        let origin = Origin {
            connection: u32::MAX,
            sequence: u64::MAX,
        };
        for content in [Content::Random, Content::Pattern, file("ascii", b"abc")] {
            assert!(message(&text(&content).unwrap(), origin).is_ascii(), "{content:?}");
        }
        let refused = text(&file("latin", b"abc\xe9")).unwrap_err().to_string();
        assert!(refused.contains("latin") && refused.contains("ASCII"), "{refused}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_same_seed_gives_the_same_bytes(
            seed: u64, size in 1_usize..5000, connection: u32, first: u64,
        ) {
            let (once, again) = (of_size(seed, size), of_size(seed, size));
            for step in 0..8 {
                let origin = Origin { connection, sequence: first.wrapping_add(step) };
                prop_assert_eq!(message(&once, origin), message(&again, origin));
            }
        }

        #[test]
        fn a_header_tells_its_origin(
            seed: u64, size in HEADER..200, connection: u32, sequence: u64,
        ) {
            let origin = Origin { connection, sequence };
            let text = of_size(seed, size).into_text(&Content::Random).unwrap();
            for payload in [of_size(seed, size), text] {
                prop_assert_eq!(payload.origin_of(&message(&payload, origin)), Some(origin));
            }
        }
    }
}
