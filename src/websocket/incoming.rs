//! What comes of a client: long frames in pieces, and how far its message has
//! come.

use std::io;
use std::time::{Duration, Instant};

use crate::net::MinimumRate;

/// tungstenite takes memory for a whole frame when it has seen the frame's
/// head, and keeps it. So what is longer than this reaches it as fragments,
/// which are the same message: RFC 6455, 5.4.
pub(super) const PIECE: usize = 16 * 1024;
const LONGEST_HEAD: usize = 14;
/// Of a head's first byte: nothing of the message follows.
const LAST: u8 = 0x80;
/// Of its second byte.
const MASKED: u8 = 0x80;
const CONTINUED: u8 = 0;
const FIRST_CONTROL: u8 = 8;
/// The length stands in the next two bytes, or in eight.
const IN_TWO: u8 = 126;
const IN_EIGHT: u8 = 127;

/// What is known of the frame and of the message that are under way.
#[derive(Debug)]
pub(super) struct Incoming {
    /// A longer frame is refused at its head, which is not touched then.
    limit: u64,
    rate: Option<MinimumRate>,
    /// A head of our own, or of the client's as far as it has come.
    held: [u8; LONGEST_HEAD],
    held_count: usize,
    is_own: bool,
    /// Of the payload: to the end of this piece, and behind it.
    piece_left: u64,
    frame_left: u64,
    mask: Option<[u8; 4]>,
    is_last: bool,
    is_data: bool,
    /// Fragments follow.
    is_open: bool,
    /// Payload of the message so far, and how long it was waited for: what the
    /// handler does meanwhile is no fault of the client.
    taken: u64,
    waited: Duration,
}

/// The head of a frame.
#[derive(Debug)]
struct Head {
    first: u8,
    size: usize,
    length: u64,
    mask: Option<[u8; 4]>,
}

impl Head {
    /// `None` if it is not whole.
    fn read(bytes: &[u8]) -> Option<Head> {
        let (&[first, second], rest) = bytes.split_first_chunk()?;
        let (length, rest) = match second & !MASKED {
            IN_TWO => rest
                .split_first_chunk()
                .map(|(length, rest)| (u16::from_be_bytes(*length).into(), rest))?,
            IN_EIGHT => rest
                .split_first_chunk()
                .map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
            short => (u64::from(short), rest),
        };
        let (mask, rest) = match second & MASKED {
            0 => (None, rest),
            _ => rest.split_first_chunk().map(|(mask, rest)| (Some(*mask), rest))?,
        };
        Some(Head {
            first,
            size: bytes.len() - rest.len(),
            length,
            mask,
        })
    }

    /// Writes the head of a piece; its length in bytes.
    fn write(first: u8, length: u64, mask: Option<[u8; 4]>, into: &mut [u8]) -> usize {
        let masked = if mask.is_some() { MASKED } else { 0 };
        let mut size = 2;
        into[0] = first;
        into[1] = masked | length.min(IN_TWO.into()) as u8;
        if length >= IN_TWO.into() {
            into[2..4].copy_from_slice(&(length as u16).to_be_bytes());
            size = 4;
        }
        if let Some(mask) = mask {
            into[size..size + 4].copy_from_slice(&mask);
            size += 4;
        }
        size
    }
}

impl Incoming {
    pub(super) fn new(frame_limit: usize, rate: Option<MinimumRate>) -> Incoming {
        Incoming {
            limit: frame_limit as u64,
            rate,
            held: [0; LONGEST_HEAD],
            held_count: 0,
            is_own: false,
            piece_left: 0,
            frame_left: 0,
            mask: None,
            is_last: false,
            is_data: false,
            is_open: false,
            taken: 0,
            waited: Duration::ZERO,
        }
    }

    /// Reads by `read`, at most once, and gives what tungstenite shall see of
    /// it; `None` if that is nothing yet. The client was waited for since
    /// `begun`.
    ///
    /// # Errors
    /// What `read` fails with; nothing is lost then.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        begun: Instant,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<Option<usize>> {
        if self.piece_left == 0 && self.frame_left > 0 {
            self.begin_piece();
        }
        let held = self.held_count;
        let room = buffer.len().min(PIECE).saturating_sub(held);
        let room = match self.frame_left {
            0 => room,
            // The head of the next piece comes in between.
            _ => room.min(self.piece_left as usize),
        };
        if room == 0 {
            return Err(io::Error::other("a buffer without room for the head of a frame"));
        }
        let came = read(&mut buffer[held..held + room]);
        // Before what came may end the message, and begin another.
        if self.is_under_way() {
            self.waited += begun.elapsed();
        }
        let came = came?;
        if came == 0 {
            return Ok(Some(0));
        }
        buffer[..held].copy_from_slice(&self.held[..held]);
        let seen = self.pass(&mut buffer[..held + came]);
        Ok((seen > 0).then_some(seen))
    }

    fn begin_piece(&mut self) {
        self.piece_left = self.frame_left.min(PIECE as u64);
        self.frame_left -= self.piece_left;
        let last = if self.frame_left == 0 && self.is_last { LAST } else { 0 };
        self.held_count = Head::write(CONTINUED | last, self.piece_left, self.mask, &mut self.held);
        self.is_own = true;
    }

    /// Walks over what has come, behind what was held; how much of it is left.
    fn pass(&mut self, bytes: &mut [u8]) -> usize {
        let mut at = if self.is_own { self.held_count } else { 0 };
        let mut end = bytes.len();
        (self.held_count, self.is_own) = (0, false);
        loop {
            at += self.pass_payload(end - at);
            if at == end {
                return end;
            }
            let Some(head) = Head::read(&bytes[at..end]) else {
                self.held_count = end - at;
                self.held[..end - at].copy_from_slice(&bytes[at..end]);
                return at;
            };
            let size = self.enter(&head, &mut bytes[at..end]);
            end -= head.size - size;
            at += size;
        }
    }

    fn pass_payload(&mut self, most: usize) -> usize {
        let count = self.piece_left.min(most as u64);
        self.piece_left -= count;
        if self.is_data {
            self.taken += count;
        }
        if !self.is_under_way() {
            (self.taken, self.waited) = (0, Duration::ZERO);
        }
        count as usize
    }

    /// Begins a frame at the begin of `bytes`; the size of its head there now.
    fn enter(&mut self, head: &Head, bytes: &mut [u8]) -> usize {
        self.is_last = head.first & LAST != 0;
        self.is_data = head.first & 0xf < FIRST_CONTROL;
        if self.is_data {
            self.is_open = !self.is_last;
        }
        if head.length <= PIECE as u64 || head.length > self.limit {
            self.piece_left = head.length;
            return head.size;
        }
        (self.piece_left, self.frame_left) = (PIECE as u64, head.length - PIECE as u64);
        self.mask = head.mask;
        let size = Head::write(head.first & !LAST, self.piece_left, self.mask, bytes);
        bytes.copy_within(head.size.., size);
        size
    }

    /// Whether the client owes the rest of something.
    fn is_under_way(&self) -> bool {
        self.is_open || self.piece_left + self.frame_left > 0 || self.held_count > 0
    }

    /// By when more of the message must have come, waiting from `now` on.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let rate = self.rate.filter(|_| self.is_under_way())?;
        let limit = Duration::from_nanos(rate.time_for(self.taken));
        now.checked_add(limit.saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use proptest::prelude::*;
    use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
    use tungstenite::{Error, Message};

    use super::*;

    /// A client's bytes, so many at a time at most, as tungstenite sees them.
    struct Client<'a> {
        bytes: &'a [u8],
        most: usize,
        incoming: Option<Incoming>,
        seen: Vec<u8>,
    }

    impl Read for Client<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Client {
                bytes, most, incoming, ..
            } = self;
            let mut read = |room: &mut [u8]| {
                let most = room.len().min(*most);
                bytes.read(&mut room[..most])
            };
            let count = match incoming {
                None => read(buffer)?,
                Some(incoming) => loop {
                    if let Some(count) = incoming.read(buffer, Instant::now(), &mut read)? {
                        break count;
                    }
                },
            };
            self.seen.extend_from_slice(&buffer[..count]);
            Ok(count)
        }
    }

    impl Write for Client<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const LIMIT: usize = 200_000;

    /// What is heard of `bytes`, and what stood in the way of more.
    fn heard(bytes: &[u8], most: usize, incoming: Option<Incoming>) -> (Vec<Message>, String, Vec<u8>) {
        let mut client = Client {
            bytes,
            most,
            incoming,
            seen: Vec::new(),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(4096)
            .max_frame_size(Some(LIMIT))
            .max_message_size(Some(LIMIT));
        let mut protocol = WebSocketContext::new(Role::Server, Some(config));
        let mut messages = Vec::new();
        loop {
            match protocol.read(&mut client) {
                Ok(message) => messages.push(message),
                // It names a size that has another meaning.
                Err(Error::Capacity(_)) => return (messages, "too long".to_owned(), client.seen),
                // As it does where it has seen it.
                Err(Error::Utf8(_)) => return (messages, "no text".to_owned(), client.seen),
                Err(err) => return (messages, err.to_string(), client.seen),
            }
        }
    }

    const TEXT: u8 = 1;
    const BINARY: u8 = 2;
    const PING: u8 = 9;
    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![first];
        match length {
            0..126 => bytes.push(MASKED | length as u8),
            126..65_536 => {
                bytes.push(MASKED | IN_TWO);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(MASKED | IN_EIGHT);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend((0..length).map(|at| (b'a' + (at * 31 % 25) as u8) ^ MASK[at % 4]));
        bytes
    }

    fn conversations() -> Vec<Vec<u8>> {
        let lengths = [
            PIECE - 1,
            PIECE,
            PIECE + 1,
            PIECE + 125,
            PIECE + 126,
            3 * PIECE,
            65_536,
            150_000,
        ];
        let mut all: Vec<_> = lengths
            .map(|length| {
                [
                    frame(LAST | TEXT, length),
                    frame(LAST | PING, 5),
                    frame(LAST | BINARY, 3),
                ]
                .concat()
            })
            .into();
        for frames in [
            &[
                (TEXT, 40_000),
                (LAST | PING, 0),
                (CONTINUED, 0),
                (LAST | CONTINUED, 40_001),
            ][..],
            // What is refused.
            &[(LAST | BINARY, LIMIT + 1)],
            &[(BINARY, LIMIT), (LAST | CONTINUED, 1)],
            &[(BINARY, 50_000), (LAST | TEXT, 50_000)],
            &[(LAST | CONTINUED, 50_000)],
            &[(LAST | 0x40 | TEXT, 50_000)],
            &[(LAST | 3, 50_000)],
        ] {
            all.push(
                frames
                    .iter()
                    .flat_map(|(first, length)| frame(*first, *length))
                    .collect(),
            );
        }
        // What ends too soon.
        all.push(frame(LAST | BINARY, 50_000)[..49_000].to_vec());
        all
    }

    #[test]
    fn the_same_is_heard_of_frames_in_pieces() {
        for bytes in conversations() {
            let (messages, end, _) = heard(&bytes, usize::MAX, None);
            for most in [1, 7, 13, 1000, 4096, PIECE, usize::MAX] {
                let incoming = Incoming::new(LIMIT, None);
                let (seen, seen_end, _) = heard(&bytes, most, Some(incoming));
                assert!(
                    seen == messages,
                    "{most}: {} and {} messages",
                    seen.len(),
                    messages.len()
                );
                assert_eq!(seen_end, end, "{most}");
            }
        }
    }

    proptest! {
        // 6,000 of them were tried.
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever comes: refused alike, or heard alike.
        #[test]
        fn the_same_is_heard_of_noise(
            which in any::<prop::sample::Index>(),
            changes in prop::collection::vec((0..40_usize, any::<u8>()), 0..4),
            far in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2),
            most in prop_oneof![1..50_usize, 1000..40_000_usize],
        ) {
            let mut all = conversations();
            let mut bytes = all.swap_remove(which.index(all.len()));
            for (at, byte) in changes {
                bytes[at] = byte;
            }
            for (at, byte) in far {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let (messages, end, _) = heard(&bytes, usize::MAX, None);
            let (seen, seen_end, _) = heard(&bytes, most, Some(Incoming::new(LIMIT, None)));
            prop_assert!(seen == messages, "{} and {} messages", seen.len(), messages.len());
            // What is wrong with a frame is known sooner in pieces, and perhaps the
            // rest never comes.
            prop_assert!(seen_end == end || end.contains("reset"), "{seen_end}, {end}");
        }
    }

    /// As much as a head says is taken for the frame at once.
    #[test]
    fn no_frame_is_longer_than_a_piece() {
        for bytes in conversations() {
            let (_, _, seen) = heard(&bytes, 1000, Some(Incoming::new(LIMIT, None)));
            let mut rest = &seen[..];
            while let Some(head) = Head::read(rest) {
                // Refused by tungstenite, which takes nothing for it.
                assert!(head.length <= PIECE as u64 || head.length > LIMIT as u64, "{head:?}");
                rest = &rest[(head.size + head.length as usize).min(rest.len())..];
            }
        }
    }

    #[test]
    fn time_is_for_the_message_that_is_under_way() {
        let second = Duration::from_secs(1);
        let mut incoming = Incoming::new(LIMIT, Some(MinimumRate::new(10, second)));
        let now = Instant::now();
        let say = |incoming: &mut Incoming, bytes: &[u8], waited: u32| {
            let mut bytes = bytes;
            let begun = now - waited * second;
            incoming.read(&mut [0; 400], begun, |room| bytes.read(room)).unwrap();
            assert!(bytes.is_empty());
            // In whole seconds, the last of which has begun.
            incoming.due(now).map(|due| (due - now).as_secs_f64().ceil() as u32)
        };
        let fragment = frame(TEXT, 20);
        let empty = frame(CONTINUED, 0);
        let ping = frame(LAST | PING, 100);
        assert_eq!(say(&mut incoming, &ping, 5), None);
        assert_eq!(say(&mut incoming, &fragment[..1], 5), Some(1));
        assert_eq!(say(&mut incoming, &fragment[1..], 0), Some(3));
        // What is no part of the message buys no time.
        assert_eq!(say(&mut incoming, &ping, 1), Some(2));
        assert_eq!(say(&mut incoming, &empty, 1), Some(1));
        assert_eq!(say(&mut incoming, &empty, 1), Some(0));
        // The next one has its own, though it comes with the end of this one.
        let end = frame(LAST | CONTINUED, 1);
        assert_eq!(say(&mut incoming, &[end, fragment].concat(), 9), Some(3));
    }
}
