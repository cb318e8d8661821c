//! What a poll reported of one descriptor.

/// Bits of epoll.
#[derive(Clone, Copy, Debug)]
pub(super) struct Readout(u32);

impl Readout {
    const READ_CLOSED: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
    const READABLE: u32 = libc::EPOLLIN as u32 | libc::EPOLLPRI as u32 | Self::READ_CLOSED;
    const WRITABLE: u32 = (libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR) as u32;

    pub(super) fn new(bits: u32) -> Readout {
        Readout(bits)
    }

    pub(super) fn readable(self) -> bool {
        self.0 & Self::READABLE != 0
    }

    pub(super) fn writable(self) -> bool {
        self.0 & Self::WRITABLE != 0
    }

    /// The peer will send no more, or the socket failed: every read returns at
    /// once.
    pub(super) fn read_closed(self) -> bool {
        self.0 & Self::READ_CLOSED != 0
    }
}
