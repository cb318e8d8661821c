//! The echo that is measured: no faults, nothing shared while it runs.

use std::io::{self, Read, Write};

use greenserve::net::{Stream, SystemStream};

use super::ledger::Ledger;

/// As in every peer, and in the Python originals.
const BUFFER: usize = 1024;

/// What one connection was sent; entered when the connection ends, however it
/// does, so that connections do not meet at a counter while they run.
#[derive(Debug)]
struct Sent<'a> {
    reads: u64,
    bytes: u64,
    size: Option<usize>,
    ledger: &'a Ledger,
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        let answers = self.size.map_or(self.reads, |size| self.bytes / size as u64);
        self.ledger.answered(answers, self.bytes);
    }
}

/// Sends back what comes until the client has finished. An answer is a message
/// of `size` bytes, or what one read brought.
///
/// # Errors
/// When the connection breaks.
pub(crate) fn echo<S: SystemStream>(client: &mut Stream<S>, size: Option<usize>, ledger: &Ledger) -> io::Result<()> {
    let mut sent = Sent {
        reads: 0,
        bytes: 0,
        size,
        ledger,
    };
    let mut buffer = [0; BUFFER];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => {
                client.write_all(&buffer[..count])?;
                sent.reads += 1;
                sent.bytes += count as u64;
            }
        }
    }
}
