//! Frames: four bytes of length, most significant first, then as many bytes.

use std::io::{self, BufRead, Write};

/// The longest frame, so that nobody can make the server hold more.
pub(crate) const MAX_FRAME: usize = 64 * 1024;

/// Reads the next frame; `None` when the peer has finished between frames.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] for a frame that is too long,
/// [`io::ErrorKind::UnexpectedEof`] for one that is cut short.
pub(crate) fn read_frame(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    if from.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut header = [0; 4];
    from.read_exact(&mut header)?;
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length > MAX_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a frame of {length} bytes; the longest has {MAX_FRAME}"),
        ));
    }
    let mut payload = vec![0; length];
    from.read_exact(&mut payload)?;
    Ok(Some(payload))
}

/// Writes one frame; flushing is up to the caller.
///
/// # Errors
/// Those of the writer, and [`io::ErrorKind::InvalidInput`] for a payload that
/// is too long.
pub(crate) fn write_frame(to: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    match u32::try_from(payload.len()) {
        Ok(length) if payload.len() <= MAX_FRAME => to.write_all(&length.to_be_bytes())?,
        _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "too long for a frame")),
    }
    to.write_all(payload)
}
