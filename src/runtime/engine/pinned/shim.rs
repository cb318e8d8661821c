//! What the parts that loom looks at are made of, named in one place: the loom
//! tests include those files beside a shim of their own.

pub(super) use crossbeam::queue::SegQueue;
pub(super) use std::sync::Mutex;
pub(super) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

pub(super) use crate::runtime::lock::lock;
