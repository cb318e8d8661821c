//! What the files that loom tries are made of, named in one place: its tests
//! include them beside a shim of their own.

pub(super) use std::sync::atomic::{AtomicU64, Ordering};
