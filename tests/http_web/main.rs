//! What stands on HTTP: files and their like, as clients see them.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../common/mod.rs"]
mod common;

mod client;
#[cfg(feature = "compression")]
mod compression;
mod conditions;
#[cfg(feature = "cookies")]
mod cookies;
mod events;
mod files;
#[cfg(feature = "forms")]
mod forms;
mod ranges;
