//! Bodies as gzip: RFC 1952, by the crate flate2.

use std::fmt;
use std::io;
use std::time::Duration;

use flate2::{Compress, FlushCompress, Status};

use super::super::body_coding::{Sink, Step};
use crate::runtime::sleep;

/// So much of a body is coded before others have their turn: 50 µs of work at
/// level 4, and about a millisecond at level 8 with the texts that are worst
/// for it (see `docs/HTTP.md`).
const TURN: usize = 4 * 1024;

/// What comes out of a longer body is sent in pieces of about this size.
const PIECE: usize = 16 * 1024;

/// With less room than this a flush could be marked twice (zlib's manual on
/// `deflate`).
const SPARE: usize = 64;

/// zlib's largest window, 32 KiB: the one that every reader of gzip has.
const WINDOW_BITS: u8 = 15;

/// The state of one body. It takes some 370 KiB, and [`PIECE`].
pub(super) struct Coder {
    compress: Compress,
    /// Never grows.
    ready: Vec<u8>,
    /// Something went in since the last flush.
    is_due: bool,
    /// Bytes since others had their turn.
    turn: usize,
}

impl Coder {
    pub(super) fn new(level: u32) -> Coder {
        Coder {
            compress: Compress::new_gzip(flate2::Compression::new(level), WINDOW_BITS),
            ready: Vec::with_capacity(PIECE + SPARE),
            is_due: false,
            turn: 0,
        }
    }

    /// For another body.
    pub(super) fn reset(&mut self) {
        self.compress.reset();
        self.ready.clear();
        self.is_due = false;
    }

    pub(super) fn code(&mut self, mut part: &[u8], step: Step, sink: &mut Sink<'_>) -> io::Result<()> {
        while part.len() > TURN {
            let (now, rest) = part.split_at(TURN);
            self.put(now, FlushCompress::None, sink)?;
            part = rest;
        }
        self.is_due |= !part.is_empty();
        match step {
            Step::More => self.put(part, FlushCompress::None, sink),
            Step::Flush if !self.is_due => Ok(()),
            Step::Flush => {
                self.is_due = false;
                self.put(part, FlushCompress::Sync, sink)?;
                self.hand_over(sink)
            }
            Step::End => {
                self.put(part, FlushCompress::Finish, sink)?;
                self.hand_over(sink)
            }
        }
    }

    /// Codes `part`, at most a turn.
    fn put(&mut self, mut part: &[u8], flush: FlushCompress, sink: &mut Sink<'_>) -> io::Result<()> {
        self.turn += part.len();
        loop {
            if self.room() < SPARE {
                self.hand_over(sink)?;
            }
            let before = self.compress.total_in();
            let status = self.compress.compress_vec(part, &mut self.ready, flush);
            let status = status.map_err(io::Error::other)?;
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(usize::MAX);
            part = part.get(taken..).unwrap_or_default();
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => part.is_empty() && self.room() > 0,
            };
            if is_done {
                break;
            }
        }
        if self.turn >= TURN {
            self.turn = 0;
            // Unlike `yield_now` it ends with a kill, which nothing else here
            // would notice as long as little comes out.
            sleep(Duration::ZERO)?;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        self.ready.capacity() - self.ready.len()
    }

    fn hand_over(&mut self, sink: &mut Sink<'_>) -> io::Result<()> {
        if self.ready.is_empty() {
            return Ok(());
        }
        let handed = sink(&self.ready);
        self.ready.clear();
        handed
    }
}

impl fmt::Debug for Coder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coder").field("ready", &self.ready.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn coded(parts: &[&[u8]], step: Step) -> Vec<u8> {
        let (mut coder, mut coded) = (Coder::new(6), Vec::new());
        let mut sink = |piece: &[u8]| {
            coded.extend_from_slice(piece);
            Ok(())
        };
        for part in parts {
            coder.code(part, step, &mut sink).unwrap();
        }
        coder.code(&[], Step::End, &mut sink).unwrap();
        coded
    }

    fn plain(coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).unwrap();
        plain
    }

    /// What gains nothing, so that whatever comes out fills all there is.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn what_goes_in_comes_out() {
        for size in [0, 1, TURN - 1, TURN, TURN + 1, 5 * TURN + 7] {
            for step in [Step::More, Step::Flush] {
                for body in [noise(size), vec![b'x'; size]] {
                    let parts: Vec<_> = body.chunks(3_000).collect();
                    assert!(plain(&coded(&parts, step)) == body, "{size} {step:?}");
                    assert!(plain(&coded(&[&body], step)) == body, "{size} {step:?}");
                }
            }
        }
    }

    #[test]
    fn a_flush_brings_all_that_went_in_and_another_one_nothing() {
        for size in (1..400).chain([PIECE - 40, PIECE, PIECE + 40]) {
            let body = noise(size);
            let (mut coder, mut heard) = (Coder::new(6), Vec::new());
            let mut flush = |part: &[u8]| {
                let before = heard.len();
                let mut sink = |piece: &[u8]| {
                    heard.extend_from_slice(piece);
                    Ok(())
                };
                coder.code(part, Step::Flush, &mut sink).unwrap();
                (heard.len() - before, heard.clone())
            };
            let (_, heard) = flush(&body);
            let mut reader = flate2::read::GzDecoder::new(&heard[..]);
            let mut plain = vec![0; size];
            reader.read_exact(&mut plain).unwrap();
            assert!(plain == body, "{size}");
            assert_eq!(flush(&[]).0, 0, "{size}");
        }
    }
}
