//! What an engine must know to start.

use super::choice::Engine;

/// Stacks that are kept for the next coroutines as they are.
pub(super) const WARM_STACKS: usize = 512;

#[derive(Clone, Copy, Debug)]
pub(in crate::runtime) struct Settings {
    pub(in crate::runtime) engine: Engine,
    pub(in crate::runtime) workers: usize,
    pub(in crate::runtime) stack_bytes: usize,
    pub(in crate::runtime) pin_workers: bool,
}
