//! What a worker is told about itself, in its environment.

use std::os::fd::RawFd;
use std::time::Duration;

/// The number of the first socket that is passed, as sd_listen_fds(3) fixes it.
pub(super) const FIRST: RawFd = 3;

/// Says which worker a process is. Its last word is the process's own number,
/// so that a program that a worker starts does not take itself for one.
pub(super) const VARIABLE: &str = "GREENSERVE_WORKER";

/// Which worker a process is, and what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) index: usize,
    pub(super) sockets: usize,
    pub(super) grace: Duration,
    /// The supervisor's process.
    pub(super) supervisor: u32,
}

impl Label {
    /// The variable's value, but for the process's number at its end.
    pub(super) fn to_text(self) -> String {
        let Label {
            index,
            sockets,
            supervisor,
            ..
        } = self;
        format!("{index}:{sockets}:{}:{supervisor}:", self.grace.as_millis())
    }

    /// Reads the variable's value; `None` if it is not for `process`.
    pub(super) fn from_text(text: &str, process: u32) -> Option<Label> {
        let mut words = text.split(':').map(str::parse::<u64>);
        let mut next = || words.next()?.ok();
        let (index, sockets, grace, supervisor, owner) = (next()?, next()?, next()?, next()?, next()?);
        if owner != u64::from(process) {
            return None;
        }
        Some(Label {
            index: usize::try_from(index).ok()?,
            sockets: usize::try_from(sockets).ok()?,
            grace: Duration::from_millis(grace),
            supervisor: u32::try_from(supervisor).ok()?,
        })
    }

    /// The numbers of the sockets.
    pub(super) fn numbers(self) -> impl Iterator<Item = RawFd> {
        (FIRST..).take(self.sockets)
    }

    /// The number of the pipe by which the worker says that it is ready.
    pub(super) fn report(self) -> RawFd {
        (FIRST..).nth(self.sockets).unwrap_or(RawFd::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_comes_back_for_its_own_process_only() {
        let label = Label {
            index: 3,
            sockets: 2,
            grace: Duration::from_millis(1500),
            supervisor: 7,
        };
        let text = format!("{}{}", label.to_text(), 42);
        assert_eq!(Label::from_text(&text, 42), Some(label));
        assert_eq!(Label::from_text(&text, 43), None);
        assert_eq!(label.numbers().collect::<Vec<_>>(), [3, 4]);
        assert_eq!(label.report(), 5);
        for broken in ["", "1", "1:2:3:4", "a:1:1:1:42", "-1:1:1:1:42"] {
            assert_eq!(Label::from_text(broken, 42), None, "{broken}");
        }
    }
}
