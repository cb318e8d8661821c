//! What a request and its answer share of their connection.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::sending::send_all;
use crate::handler::{Context, Transport};

/// The connection as the two ends of one exchange see it.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) context: &'a Context,
    /// The client waits for a word before it sends its body.
    continue_due: AtomicBool,
    /// The answer's head is on its way, or will be next.
    answered: AtomicBool,
    /// More of the body is to come than would be read for nobody.
    is_much_left: AtomicBool,
    /// The word was not sent, or not whole.
    is_broken: AtomicBool,
}

impl<'a> Link<'a> {
    pub(super) fn new(transport: &'a dyn Transport, context: &'a Context, continue_due: bool) -> Link<'a> {
        Link {
            transport,
            context,
            continue_due: AtomicBool::new(continue_due),
            answered: AtomicBool::new(false),
            is_much_left: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
        }
    }

    /// Whether the client may never send the body it has announced.
    pub(super) fn is_continue_due(&self) -> bool {
        self.continue_due.load(Ordering::Relaxed)
    }

    pub(super) fn is_much_left(&self) -> bool {
        self.is_much_left.load(Ordering::Relaxed)
    }

    pub(super) fn set_much_left(&self, is_much: bool) {
        self.is_much_left.store(is_much, Ordering::Relaxed);
    }

    /// Tells the client to send its body, if it waits for that and has no
    /// answer yet.
    pub(super) fn ask_for_body(&self) -> io::Result<()> {
        if self.is_continue_due() && !self.answered.load(Ordering::Relaxed) {
            self.continue_due.store(false, Ordering::Relaxed);
            let told = send_all(self.transport, &mut [b"HTTP/1.1 100 Continue\r\n\r\n"]);
            self.is_broken.store(told.is_err(), Ordering::Relaxed);
            told?;
        }
        Ok(())
    }

    /// # Errors
    /// When a part of that word may be on its way: no answer can follow it.
    pub(super) fn check(&self) -> io::Result<()> {
        match self.is_broken.load(Ordering::Relaxed) {
            true => Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the client could not be told to send its body",
            )),
            false => Ok(()),
        }
    }

    pub(super) fn is_answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }
}
