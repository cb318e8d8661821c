//! HTTP/1.1: what the RFCs ask for, byte by byte.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod behaviour;
mod bounds;
mod client;
mod control;
mod drains;
mod exchanges;
mod foreign;
mod limits;
mod overdue;
mod requests;
mod routing;
mod server;
mod smuggling;
