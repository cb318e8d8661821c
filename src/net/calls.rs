//! The calls that move a stream's bytes.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{self, MsgFlags};

/// What a call does where it would have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    AsTheDescriptor,
    /// It fails with [`io::ErrorKind::WouldBlock`], whatever the descriptor says.
    Never,
}

impl Wait {
    fn flags(self) -> MsgFlags {
        match self {
            Wait::AsTheDescriptor => MsgFlags::empty(),
            Wait::Never => MsgFlags::MSG_DONTWAIT,
        }
    }
}

/// recv(2).
pub(super) fn receive(socket: impl AsFd, buffer: &mut [u8], wait: Wait) -> io::Result<usize> {
    Ok(socket::recv(socket.as_fd().as_raw_fd(), buffer, wait.flags())?)
}

/// recv(2), leaving the bytes where they are.
pub(super) fn peek(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(socket::recv(socket.as_fd().as_raw_fd(), buffer, MsgFlags::MSG_PEEK)?)
}

/// send(2), or sendmsg(2) for several slices, which costs more. Where the peer
/// is gone that is an error, also in a program that has not ignored `SIGPIPE`.
pub(super) fn send(socket: impl AsFd, bytes: &[IoSlice<'_>], wait: Wait) -> io::Result<usize> {
    let (socket, flags) = (socket.as_fd().as_raw_fd(), wait.flags() | MsgFlags::MSG_NOSIGNAL);
    Ok(match bytes {
        [one] => socket::send(socket, one, flags)?,
        several => socket::sendmsg::<()>(socket, several, &[], flags, None)?,
    })
}
