//! The phases a server goes through.

/// Where a server is in its life; see [`ServerHandle::phase`](super::ServerHandle::phase).
///
/// ```text
/// Created -> Bound -> Listening <-> Serving
///    |         |          |            |
///    +---------+----------+------------+--> Draining -> Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// It has a handler and settings, and no socket.
    Created,
    /// Its socket has an address (`server_bind`).
    Bound,
    /// Clients can connect and wait in the kernel's queue (`server_activate`).
    Listening,
    /// The accept loop runs (`serve_forever`, `handle_request`).
    Serving,
    /// It takes no more requests and waits for those in flight.
    Draining,
    /// Nothing is left of it but its handles.
    Closed,
}

impl Phase {
    /// Whether a server goes from this phase to `next`.
    pub fn may_become(self, next: Phase) -> bool {
        use Phase::{Bound, Closed, Created, Draining, Listening, Serving};
        matches!(
            (self, next),
            (Created, Bound)
                | (Bound, Listening)
                | (Listening, Serving)
                | (Serving, Listening)
                | (Created | Bound | Listening | Serving | Draining, Draining)
                | (Draining, Closed)
        )
    }

    /// The phase as a message says it: "the server is ...".
    pub fn describe(self) -> &'static str {
        match self {
            Phase::Created => "not bound yet; call server_bind first",
            Phase::Bound => "bound but not listening; call server_activate first",
            Phase::Listening => "listening",
            Phase::Serving => "being served already",
            Phase::Draining => "draining",
            Phase::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Phase::{self, Bound, Closed, Created, Draining, Listening, Serving};

    const ALL: [Phase; 6] = [Created, Bound, Listening, Serving, Draining, Closed];

    #[test]
    fn only_the_drawn_transitions_are_legal() {
        let legal: Vec<_> = ALL
            .iter()
            .flat_map(|from| ALL.map(|to| (*from, to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        assert_eq!(
            legal,
            [
                (Created, Bound),
                (Created, Draining),
                (Bound, Listening),
                (Bound, Draining),
                (Listening, Serving),
                (Listening, Draining),
                (Serving, Listening),
                (Serving, Draining),
                (Draining, Draining),
                (Draining, Closed),
            ]
        );
    }

    #[test]
    fn nothing_leaves_closed() {
        assert!(ALL.iter().all(|next| !Closed.may_become(*next)));
    }
}
