//! Whether one more request may be in flight, as an accept loop asks it.

use std::sync::Arc;

use super::{EndsAwaited, Lifecycle};
use crate::limits::Limits;

/// What one accept loop knows of the room under the limit.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// There was none when it was looked for last.
    ends: Option<EndsAwaited>,
}

impl Room {
    /// Whether the limit leaves room, or a request that finds none is turned
    /// away; if not, the next end is told.
    pub(crate) fn is_there(&mut self, lifecycle: &Arc<Lifecycle>) -> bool {
        let connections = lifecycle.connections();
        if !connections.is_full() || lifecycle.gate().turns_away_at_connections() {
            self.ends = None;
            return true;
        }
        if self.ends.is_none() {
            self.ends = Some(EndsAwaited::new(lifecycle));
        }
        // Once more: an end that comes after this look is told.
        !connections.is_full()
    }
}

impl Lifecycle {
    /// Puts other limits in force. What waits for room may have it now.
    pub(super) fn set_limits(&self, limits: Limits) {
        if let Some(most) = limits.most_connections() {
            self.connections().set_limit(most);
        }
        self.gate().set_limits(limits);
        self.changed();
    }
}
