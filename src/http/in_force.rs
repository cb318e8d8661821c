//! What clients must keep to now.

use super::deadlines::Deadlines;
use super::limits::Limits;

/// Never changed, only replaced: a request is held to one of them throughout.
#[derive(Clone, Debug, Default)]
pub(super) struct InForce {
    pub(super) limits: Limits,
    pub(super) deadlines: Deadlines,
    /// How often there have been others before.
    pub(super) version: u64,
}
