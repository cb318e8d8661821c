//! Sending several pieces of memory as one.

use std::io::{self, IoSlice};

use crate::handler::Transport;

/// Sends all of `pieces`, in as few writes as the connection allows.
pub(super) fn send_all(transport: &dyn Transport, pieces: &mut [&[u8]]) -> io::Result<()> {
    if let [piece] = pieces {
        return send_one(transport, piece);
    }
    let mut slices = [IoSlice::new(&[]); 5];
    let count = pieces.len().min(slices.len());
    for (slice, piece) in slices.iter_mut().zip(pieces.iter()) {
        *slice = IoSlice::new(piece);
    }
    let mut rest = &mut slices[..count];
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match transport.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut rest, count),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    transport.flush()
}

fn send_one(transport: &dyn Transport, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match transport.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
    transport.flush()
}
