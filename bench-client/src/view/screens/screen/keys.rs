//! The keys that are pressed, read from the terminal as they come.
//!
//! Not by crossterm's events: of a key pressed in the moment in which the
//! terminal gets a new size they tell only with the next key.

use std::fs::File;
use std::io::{self, IsTerminal, Read, stdin};
use std::os::fd::{AsFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

const CONTROL_C: u8 = 3;
const ESCAPE: u8 = 0x1b;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// q or Esc: the end, once.
    Leave,
    /// Ctrl-C, which counts each time.
    Interrupt,
}

/// The keyboard of a terminal in raw mode.
#[derive(Debug)]
pub(super) struct Keys(File);

impl Keys {
    /// Those of standard input, or of the terminal that the process belongs to.
    ///
    /// # Errors
    /// When there is neither.
    pub(super) fn open() -> io::Result<Keys> {
        let input = stdin();
        match input.is_terminal() {
            true => input.as_fd().try_clone_to_owned().map(OwnedFd::into).map(Keys),
            false => File::open("/dev/tty").map(Keys),
        }
    }

    /// What was pressed since the last call, if it asks for anything.
    pub(super) fn wish(&mut self) -> Option<Wish> {
        let mut bytes = [0; 64];
        let mut wish = None;
        while self.is_ready() {
            match self.0.read(&mut bytes) {
                Ok(count) if count > 0 => wish = wish.or(read(&bytes[..count])),
                // A terminal that is gone presses nothing.
                _ => break,
            }
        }
        wish
    }

    fn is_ready(&self) -> bool {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }
}

/// What these bytes ask for. An escape with more behind it is another key.
fn read(bytes: &[u8]) -> Option<Wish> {
    match bytes {
        _ if bytes.contains(&CONTROL_C) => Some(Wish::Interrupt),
        [ESCAPE] => Some(Wish::Leave),
        [ESCAPE, ..] => None,
        _ => bytes.contains(&b'q').then_some(Wish::Leave),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_meaning() {
        for (bytes, wish) in [
            (&b"q"[..], Some(Wish::Leave)),
            (b"xq", Some(Wish::Leave)),
            (b"\x1b", Some(Wish::Leave)),
            (b"\x03", Some(Wish::Interrupt)),
            (b"q\x03", Some(Wish::Interrupt)),
            (b"\x1b[A", None),
            (b"\x1b[113;1u", None),
            (b"Q x", None),
        ] {
            assert_eq!(read(bytes), wish, "{bytes:?}");
        }
    }
}
