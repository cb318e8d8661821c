//! WebSockets, with clients of tungstenite and of Python, and with one that
//! sends whatever bytes a test wants.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod broadcasts;
mod conversations;
#[cfg(feature = "tls")]
mod encrypted;
mod endings;
mod foreign;
mod handshakes;
mod raw;
mod scene;
