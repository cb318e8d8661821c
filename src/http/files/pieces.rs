//! A file on its way to the client.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use super::super::response::Response;
use crate::runtime::offload;

/// How much is read at once: few enough calls of the pool for a fast client,
/// and little enough memory for many slow ones.
const PIECE: usize = 64 * 1024;

/// An open file, and a piece of it.
#[derive(Debug)]
pub(super) struct Pieces {
    file: File,
    piece: Vec<u8>,
    /// Where the piece begins.
    at: u64,
}

impl Pieces {
    pub(super) fn of(file: File) -> Pieces {
        Pieces {
            file,
            piece: Vec::new(),
            at: 0,
        }
    }

    /// Reads the piece at `at`, which ends before `end`. Blocks its thread.
    pub(super) fn read(&mut self, at: u64, end: u64) -> io::Result<()> {
        let left = usize::try_from(end.saturating_sub(at)).unwrap_or(PIECE);
        self.piece.resize(left.min(PIECE), 0);
        self.at = at;
        let mut count = 0;
        while count < self.piece.len() {
            match self.file.read_at(&mut self.piece[count..], at + count as u64) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
        self.piece.truncate(count);
        Ok(())
    }

    /// Sends `range` of the file.
    ///
    /// # Errors
    /// When the file has become shorter, or as a read of it or a write to the
    /// client: the answer cannot be completed then.
    pub(super) fn send(mut self, range: Range<u64>, response: &mut Response<'_>) -> io::Result<Pieces> {
        let Range { mut start, end } = range;
        while start < end {
            if !self.holds(start) {
                self = offload(move || self.read(start, end).map(|()| self))??;
            }
            let begin = usize::try_from(start - self.at).unwrap_or(usize::MAX);
            let here = self.piece.get(begin..).unwrap_or_default();
            let here = match usize::try_from(end - start) {
                Ok(left) => &here[..left.min(here.len())],
                Err(_) => here,
            };
            if here.is_empty() {
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    format!("the file became shorter while it was sent: it ends before byte {start}"),
                ));
            }
            response.write_all(here)?;
            start += here.len() as u64;
        }
        Ok(self)
    }

    fn holds(&self, at: u64) -> bool {
        (self.at..self.at + self.piece.len() as u64).contains(&at)
    }
}
