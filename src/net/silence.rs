//! How long a client has said nothing, where bytes alone say nothing.

use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(any(feature = "http", feature = "tls"))]
use super::stream::{Stream, SystemStream};
use crate::runtime::since;
#[cfg(any(feature = "http", feature = "tls"))]
use crate::runtime::stamp;

/// The stamp of when the client began to send nothing that means anything; 0
/// where every byte does. A connection has no second word of 32 bits to spare.
#[derive(Debug, Default)]
pub(super) struct Silence(AtomicU32);

impl Silence {
    /// When it began, or `now` if there is none.
    pub(super) fn begun_before(&self, now: u64) -> u64 {
        match self.0.load(Ordering::Relaxed) {
            0 => now,
            begun => now.saturating_sub(since(begun).as_nanos() as u64),
        }
    }
}

#[cfg(feature = "http")]
impl<S: SystemStream> Stream<S> {
    /// What came was no message, nor the begin of one: from now on the client is
    /// idle until it [speaks](Stream::speaks), whatever else of that kind comes.
    /// With `never`, its first byte is still to come.
    pub(crate) fn stays_silent(&self, never: bool) {
        let since = &self.socket().pace.silence.0;
        let _ = since.compare_exchange(0, stamp().max(1), Ordering::Relaxed, Ordering::Relaxed);
        if never {
            self.client_begins_here();
        }
    }

    /// A message begins.
    pub(crate) fn speaks(&self) {
        self.socket().pace.silence.0.store(0, Ordering::Relaxed);
    }
}

/// As long as this lives, bytes that come do not begin the time anew that a
/// client may be [idle](super::Deadlines::idle): what decrypts them has nothing
/// to give on. Else a record that comes byte by byte would buy hours.
#[cfg(feature = "tls")]
#[derive(Debug)]
#[must_use = "the silence ends when it is dropped"]
pub(crate) struct Listening<'a, S: SystemStream> {
    stream: &'a Stream<S>,
    /// One within another one is a part of that.
    is_first: bool,
    /// Whether the client has never said anything.
    awaits_first_byte: bool,
}

#[cfg(feature = "tls")]
impl<S: SystemStream> Stream<S> {
    /// Whether the client has said nothing of its own yet.
    pub(crate) fn awaits_first_byte(&self) -> bool {
        self.socket().pace.awaits_first_byte()
    }

    /// Somebody waits for what the bytes mean.
    pub(crate) fn listening(&self) -> Listening<'_, S> {
        let since = &self.socket().pace.silence.0;
        let begun = since.compare_exchange(0, stamp().max(1), Ordering::Relaxed, Ordering::Relaxed);
        Listening {
            stream: self,
            is_first: begun.is_ok(),
            awaits_first_byte: self.awaits_first_byte(),
        }
    }
}

#[cfg(feature = "tls")]
impl<S: SystemStream> Listening<'_, S> {
    /// Before another wait: what came since the first one meant nothing, and
    /// was not the client's first byte either.
    pub(crate) fn goes_on(&self) {
        if self.awaits_first_byte {
            self.stream.client_begins_here();
        }
    }
}

#[cfg(feature = "tls")]
impl<S: SystemStream> Drop for Listening<'_, S> {
    fn drop(&mut self) {
        if self.is_first {
            self.stream.socket().pace.silence.0.store(0, Ordering::Relaxed);
        }
    }
}
