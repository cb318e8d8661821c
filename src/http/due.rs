//! By when a client must have sent more of a request.

use std::io;
use std::time::Instant;

use crate::handler::{Context, Transport};
use crate::net::Overdue;

/// A deadline for reads that stands beside those of the connection.
#[derive(Debug)]
pub(super) struct Due {
    deadline: Overdue,
    at: Option<Instant>,
}

impl Due {
    /// Never yet. Whoever is late for it has missed `deadline`.
    pub(super) fn new(deadline: Overdue) -> Due {
        Due { deadline, at: None }
    }

    pub(super) fn is_set(&self) -> bool {
        self.at.is_some()
    }

    /// Has reads fail from `at` on; `None` is never.
    pub(super) fn set(&mut self, at: Option<Instant>, transport: &dyn Transport) {
        self.at = at;
        transport.set_read_deadline(at);
    }

    /// The deadline that the client has missed whose read failed with `err`,
    /// because its time was up: this one, which is counted here, or one of the
    /// connection, which was counted there. None if the time was the handler's
    /// own, which is no fault of the client.
    pub(super) fn missed(&self, err: &io::Error, context: &Context) -> Option<Overdue> {
        let of_connection = Overdue::of(err);
        if of_connection.is_some() || self.at.is_none_or(|at| at > Instant::now()) {
            return of_connection;
        }
        context.count_missed(self.deadline);
        Some(self.deadline)
    }
}
