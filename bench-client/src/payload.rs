//! What is sent: every message is a function of (seed, connection, sequence).
//!
//! A message of [`HEADER`] bytes or more begins with a header (magic, mark of
//! the run, connection, sequence, length, little-endian) and goes on with a body. A
//! shorter one is all body. Bodies are slices of one ring of random bytes, so
//! that neither making nor checking one costs more than a copy and a compare.

/// Length of the header in bytes.
pub(crate) const HEADER: usize = 24;

const MAGIC: u32 = 0x6e72_6772;
/// How many different bodies there are; a power of two.
const RING: usize = 1 << 16;

/// Who sent a message, and as its how-manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Number of the simulated client, from 0.
    pub(crate) connection: u32,
    /// Number of the message among that client's, from 0.
    pub(crate) sequence: u64,
}

/// The messages of one run, all of one size.
#[derive(Debug)]
pub(crate) struct Payload {
    seed: u64,
    size: usize,
    ring: Vec<u8>,
}

impl Payload {
    /// The messages of `size` bytes that belong to `seed`.
    pub(crate) fn new(seed: u64, size: usize) -> Payload {
        let mut state = seed;
        let words = (RING + size).div_ceil(8);
        let ring = (0..words).flat_map(|_| next_random(&mut state).to_le_bytes()).collect();
        Payload { seed, size, ring }
    }

    /// Bytes in each message.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Writes the message of `origin` into `message`, which must be
    /// [`size`](Payload::size) bytes long.
    pub(crate) fn fill(&self, origin: Origin, message: &mut [u8]) {
        let mut body_at = 0;
        if self.has_header() {
            message[..HEADER].copy_from_slice(&self.header(origin));
            body_at = HEADER;
        }
        let from = self.body_offset(origin);
        let length = self.size - body_at;
        message[body_at..].copy_from_slice(&self.ring[from..from + length]);
    }

    /// Whose message `bytes` says it is, if its header is one of this run's.
    pub(crate) fn origin_of(&self, bytes: &[u8]) -> Option<Origin> {
        if !self.has_header() || bytes.len() < HEADER {
            return None;
        }
        let origin = Origin {
            connection: u32::from_le_bytes(array(bytes, 8)),
            sequence: u64::from_le_bytes(array(bytes, 12)),
        };
        (self.header(origin) == bytes[..HEADER]).then_some(origin)
    }

    fn has_header(&self) -> bool {
        self.size >= HEADER
    }

    fn header(&self, origin: Origin) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&MAGIC.to_le_bytes());
        header[4..8].copy_from_slice(&self.run_mark(origin).to_le_bytes());
        header[8..12].copy_from_slice(&origin.connection.to_le_bytes());
        header[12..20].copy_from_slice(&origin.sequence.to_le_bytes());
        header[20..].copy_from_slice(&(self.size as u32).to_le_bytes());
        header
    }

    /// Tells this run's messages from those of a run with another seed or size.
    /// It follows from the seed, so that a run can be repeated to the byte, and
    /// from the origin, so that a flipped bit makes no other client's header.
    fn run_mark(&self, origin: Origin) -> u32 {
        let run = mix(self.seed ^ (self.size as u64).rotate_left(32));
        let sender = mix(run ^ u64::from(origin.connection));
        (mix(sender ^ origin.sequence) >> 32) as u32
    }

    fn body_offset(&self, origin: Origin) -> usize {
        let connection = mix(self.seed ^ u64::from(origin.connection));
        mix(connection ^ origin.sequence) as usize & (RING - 1)
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

/// The generator SplitMix64 (Steele, Lea and Flood 2014).
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    finish(*state)
}

fn mix(value: u64) -> u64 {
    finish(value.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

fn finish(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(payload: &Payload, origin: Origin) -> Vec<u8> {
        let mut message = vec![0; payload.size()];
        payload.fill(origin, &mut message);
        message
    }

    /// A change here makes runs of two versions incomparable.
    #[test]
    fn the_first_message_of_seed_42_is_what_it_always_was() {
        let payload = Payload::new(42, 32);
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
            assert_ne!(
                message(&Payload::new(1, size), origin),
                message(&Payload::new(2, size), origin)
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_same_seed_gives_the_same_bytes(
            seed: u64, size in 1_usize..5000, connection: u32, first: u64,
        ) {
            let (once, again) = (Payload::new(seed, size), Payload::new(seed, size));
            for step in 0..8 {
                let origin = Origin { connection, sequence: first.wrapping_add(step) };
                prop_assert_eq!(message(&once, origin), message(&again, origin));
            }
        }

        #[test]
        fn a_header_tells_its_origin(
            seed: u64, size in HEADER..200, connection: u32, sequence: u64,
        ) {
            let payload = Payload::new(seed, size);
            let origin = Origin { connection, sequence };
            prop_assert_eq!(payload.origin_of(&message(&payload, origin)), Some(origin));
        }
    }
}
