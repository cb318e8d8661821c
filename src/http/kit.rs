//! What a connection needs while it serves a request, and not while it waits
//! for one.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::http::HeaderMap;

use super::head::Head;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::params::Params;
use crate::runtime::lock;

/// Kits that a shelf keeps: as many connections of a worker as are likely to be
/// in the middle of a request at once.
const KEPT: usize = 64;
/// More shelves than most machines have workers.
const SHELVES: usize = 16;

/// Buffers and maps that are used again by whoever serves next.
#[derive(Default)]
pub(super) struct Kit {
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    pub(super) head: Head,
    /// Of the answer.
    pub(super) headers: HeaderMap,
    /// Behind a body, and behind an answer.
    pub(super) trailers: [HeaderMap; 2],
    /// What an answer collects.
    pub(super) collected: Vec<u8>,
    pub(super) params: Params,
}

/// Boxed, since they go from hand to hand.
#[allow(clippy::vec_box, reason = "a kit is moved more often than the shelf grows")]
type Shelf = Mutex<Vec<Box<Kit>>>;

static SHELF: [Shelf; SHELVES] = [const { Mutex::new(Vec::new()) }; SHELVES];

/// Each thread has its own shelf as long as there are enough: a kit that was
/// just used is still in its core's cache.
fn shelf() -> &'static Shelf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OURS: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHELVES;
    }
    &SHELF[OURS.with(|ours| *ours)]
}

impl Kit {
    pub(super) fn take() -> Box<Kit> {
        lock(shelf()).pop().unwrap_or_default()
    }

    pub(super) fn give_back(mut self: Box<Kit>) {
        self.inbox.clear();
        self.outbox.clear();
        self.head.shrink();
        let mut shelf = lock(shelf());
        if shelf.len() < KEPT {
            shelf.push(self);
        }
    }
}
