//! What the limits are made of, named in one place: the loom tests include
//! their files beside a shim of their own.

pub(super) use crate::runtime::lock;
pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::{AtomicU64, Ordering};
