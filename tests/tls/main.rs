//! TLS under any stream server, with clients of our own, of OpenSSL and of
//! Python. Certificates are made as they are needed.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod authority;
mod certificates;
mod foreign;
mod handshakes;
#[cfg(feature = "http")]
mod https;
mod memory;
mod revocation;
mod scene;
mod sessions;
mod silence;
mod stream_handlers;
