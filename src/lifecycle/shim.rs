//! What is counted and waited for is made of this, named in one place: the
//! loom tests include those files beside a shim of their own.

pub(super) use crate::runtime::lock;
pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
