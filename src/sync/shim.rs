//! What the hand-off is made of, named in one place: the loom tests include
//! the hand-off's files beside a shim of their own.

pub(super) use crate::error::WaitError;
pub(super) use crate::runtime::lock;
pub(super) use std::sync::{Arc, Mutex};
