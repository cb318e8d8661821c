//! What an error of the accept loop means, and how long to wait after it.

use std::io;
use std::time::Duration;

use nix::errno::Errno;

use crate::error::WaitError;

/// What to do about an error of `get_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There was no request after all.
    Nothing,
    /// This one connection failed before it was accepted; the next may not.
    Next,
    /// Something is used up: wait, so that others may give some back.
    Pause,
    /// The listener itself is broken.
    Fatal,
}

/// Judges an error of accept(2) or recvmsg(2).
///
/// The first group is what accept(2) says to treat as EAGAIN: errors of the
/// new connection, reported in advance. Of the others only those that say the
/// descriptor is no listening socket, or no longer, will never pass.
pub(super) fn judge(err: &io::Error) -> Verdict {
    match err.kind() {
        io::ErrorKind::WouldBlock => return Verdict::Nothing,
        io::ErrorKind::Interrupted => return Verdict::Next,
        _ => {}
    }
    if WaitError::of(err) == Some(WaitError::Closed) {
        return Verdict::Fatal;
    }
    match err.raw_os_error().map(Errno::from_raw) {
        Some(
            Errno::ECONNABORTED
            | Errno::ECONNREFUSED
            | Errno::ECONNRESET
            | Errno::EPROTO
            | Errno::ENETDOWN
            | Errno::ENOPROTOOPT
            | Errno::EHOSTDOWN
            | Errno::ENONET
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH,
        ) => Verdict::Next,
        Some(Errno::EBADF | Errno::EINVAL | Errno::ENOTSOCK | Errno::EOPNOTSUPP | Errno::EFAULT) => Verdict::Fatal,
        _ => Verdict::Pause,
    }
}

/// A delay that doubles with each failure (gevent's `min_delay`, `max_delay`).
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(least: Duration, most: Duration) -> Self {
        Backoff {
            least,
            most,
            next: least,
        }
    }

    /// How long to wait after one more failure.
    pub(super) fn after_failure(&mut self) -> Duration {
        let delay = self.next;
        self.next = (self.next * 2).min(self.most);
        delay
    }

    /// Something succeeded: the next failure is a first one again.
    pub(super) fn reset(&mut self) {
        self.next = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(errno: Errno) -> Verdict {
        judge(&io::Error::from(errno))
    }

    #[test]
    fn errors_are_judged_by_whose_they_are() {
        assert_eq!(verdict(Errno::EAGAIN), Verdict::Nothing);
        assert_eq!(verdict(Errno::EINTR), Verdict::Next);
        assert_eq!(verdict(Errno::ECONNABORTED), Verdict::Next);
        assert_eq!(verdict(Errno::EMFILE), Verdict::Pause);
        assert_eq!(verdict(Errno::ENFILE), Verdict::Pause);
        assert_eq!(verdict(Errno::ENOMEM), Verdict::Pause);
        assert_eq!(verdict(Errno::EBADF), Verdict::Fatal);
        assert_eq!(verdict(Errno::ENOTSOCK), Verdict::Fatal);
    }

    #[test]
    fn delays_double_up_to_the_most_and_start_over() {
        let mut backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(35));
        let delays: Vec<_> = (0..4).map(|_| backoff.after_failure().as_millis()).collect();
        assert_eq!(delays, [10, 20, 35, 35]);
        backoff.reset();
        assert_eq!(backoff.after_failure().as_millis(), 10);
    }
}
