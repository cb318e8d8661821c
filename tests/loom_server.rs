//! What a server has in flight, under loom, which tries every order of its
//! steps: a place comes back on every way out, whoever waits for one or for
//! the end of all is told, limits that change lose no place, and a kill finds
//! whoever is in the list.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --test loom_server
//! ```
//!
//! The files under test are included here and built on loom's types. Loom
//! itself reports whoever sleeps for ever, as a deadlock.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "included files are used in part"
)]

#[path = "loom/atomics.rs"]
mod atomics;
#[path = "loom/lifecycle.rs"]
mod lifecycle;
#[path = "loom/limits.rs"]
mod limits;
#[path = "loom/runtime.rs"]
mod runtime;

/// What the included files know of the crate's errors.
mod error {
    pub use greenserve::{Error, Result, WaitError};
}

/// What they know of its sockets.
mod net {
    pub use greenserve::net::Peer;
}

/// Every order in which threads interrupt each other at most three times: with
/// more, the larger models take hours.
fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}
