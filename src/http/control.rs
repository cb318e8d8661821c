//! The remote control of HTTP.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::deadlines::Deadlines;
use super::in_force::InForce;
use super::limits::Limits;
use crate::error::Result;
use crate::runtime::lock;

/// Changes what the clients of a running server of HTTP must keep to: its
/// [`Limits`] and its [`Deadlines`].
///
/// A handle: clones change the same settings. Take it from
/// [`Http::control`](super::Http::control) before the server is given that.
///
/// A change holds for every request that begins from then on, also on
/// connections that are there already. A request that has begun keeps what it
/// began with, and a client that is idle is held to the
/// [`keep_alive`](Deadlines::keep_alive) from before until it asks again.
/// New deadlines also take the place of those that a handler has given the
/// connection by itself.
///
/// No request takes a lock for it. A [forked](crate::Fork) child has settings
/// of its own, those of its fork, so change them in the parent; each process of
/// a [`Supervisor`](crate::Supervisor) has its own too.
///
/// ```
/// use greenserve::TcpServer;
/// use greenserve::http::{self, Limits, Request, Response};
///
/// fn hello(_: &mut Request, response: &mut Response) -> http::Result {
///     response.send("Hello, world!")
/// }
///
/// let http = http::serve(hello);
/// let control = http.control();
/// let server = TcpServer::bind("127.0.0.1:0", http)?;
/// // ... and while it serves:
/// control.set_limits(Limits::new().body(1 << 20));
/// control.set_deadlines(control.deadlines().keep_alive(std::time::Duration::from_secs(5)))?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    current: Mutex<Arc<InForce>>,
    /// That of `current`: who has the same need not lock.
    version: AtomicU64,
}

impl Control {
    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.in_force().limits.clone()
    }

    /// Puts other limits in force. What these do not name is as in
    /// [`Limits::new`]; to change one alone, begin with
    /// [`limits`](Control::limits).
    pub fn set_limits(&self, limits: Limits) {
        self.change(|in_force| in_force.limits = limits);
    }

    /// The deadlines in force.
    pub fn deadlines(&self) -> Deadlines {
        self.in_force().deadlines.clone()
    }

    /// Puts other deadlines in force. What these do not name is as in
    /// [`Deadlines::new`]; to change one alone, begin with
    /// [`deadlines`](Control::deadlines).
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) for a limit of no
    /// time, which no client could keep, and for a rate of 0; nothing is
    /// changed then.
    pub fn set_deadlines(&self, deadlines: Deadlines) -> Result<()> {
        deadlines.check()?;
        self.put_deadlines(deadlines);
        Ok(())
    }

    /// As [`set_deadlines`](Control::set_deadlines), whatever they are.
    pub(super) fn put_deadlines(&self, deadlines: Deadlines) {
        self.change(|in_force| in_force.deadlines = deadlines);
    }

    /// What holds now.
    pub(super) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&lock(&self.shared.current))
    }

    /// Has `known` be what holds now, and returns what it was if that is
    /// something else.
    pub(super) fn renew(&self, known: &mut Arc<InForce>) -> Option<Arc<InForce>> {
        let is_known = self.shared.version.load(Ordering::Relaxed) == known.version;
        (!is_known).then(|| mem::replace(known, self.in_force()))
    }

    fn change(&self, change: impl FnOnce(&mut InForce)) {
        let mut current = lock(&self.shared.current);
        let mut next = InForce::clone(&current);
        change(&mut next);
        next.version += 1;
        // Under the lock: who sees the new version finds what has it.
        self.shared.version.store(next.version, Ordering::Relaxed);
        *current = Arc::new(next);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::net::MinimumRate;

    #[test]
    fn what_holds_is_taken_over_once_for_each_change() {
        let control = Control::default();
        let mut known = control.in_force();
        assert!(control.renew(&mut known).is_none());
        control.clone().set_limits(Limits::new().headers(3));
        control.set_deadlines(Deadlines::new().keep_alive(None)).unwrap();
        let before = control.renew(&mut known).unwrap();
        assert_eq!(before.limits, Limits::new());
        assert_eq!(known.limits, Limits::new().headers(3));
        assert_eq!(known.deadlines, Deadlines::new().keep_alive(None));
        assert!(control.renew(&mut known).is_none());
    }

    #[test]
    fn deadlines_that_nobody_could_keep_are_refused_by_name_and_change_nothing() {
        let control = Control::default();
        let none = MinimumRate::new(0, Duration::from_secs(1));
        for (deadlines, name) in [
            (Deadlines::new().head(Duration::ZERO), "head"),
            (Deadlines::new().keep_alive(Duration::ZERO), "keep_alive"),
            (Deadlines::new().write(Duration::ZERO), "write"),
            (Deadlines::new().body(none), "body"),
            (Deadlines::new().send(none), "send"),
        ] {
            let refused = control.set_deadlines(deadlines).unwrap_err().to_string();
            assert!(
                refused.contains(&format!("the deadline {name} cannot be 0")),
                "{refused}"
            );
        }
        assert_eq!(control.deadlines(), Deadlines::new());
    }
}
