//! The error of who reads the end of a stream again and again.

use std::error::Error;
use std::io;

/// How often it was read in a row. A type of its own, since the kind of the
/// error is also that of a client that hung up in the middle of a message.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the end of the stream was read {0} times in a row: when a read returns 0, stop reading")]
pub(super) struct EndReadOn(pub(super) u8);

/// Whether the program's own loop is at fault, not the peer.
pub(crate) fn is_end_read_on(err: &io::Error) -> bool {
    let inner = err.get_ref();
    inner.is_some_and(<dyn Error + Send + Sync>::is::<EndReadOn>)
}
