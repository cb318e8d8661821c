//! Who waits to be notified: what a condition variable is.

use super::queue::{Parker, Source, WaitQueue, Waiting};
use super::shim::{Mutex, WaitError, lock};

pub(super) struct Notifications<P> {
    waiting: Mutex<WaitQueue<P, (), Notification>>,
}

/// What a waiter is granted.
#[derive(Clone, Copy)]
pub(super) enum Notification {
    /// Somebody must act on it: passed on by who cannot.
    ToOne,
    /// Everybody got one.
    ToAll,
}

/// How a wait ended that has the lock again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Notified,
    TimedOut,
}

/// A notification that nobody has acted on yet; passed on when dropped.
struct Pending<'a, P: Parker> {
    notifications: &'a Notifications<P>,
    notification: Notification,
}

impl<P: Parker> Notifications<P> {
    /// Takes the queue in its lock: std's can be made in a constant, loom's
    /// cannot.
    pub(super) const fn new(waiting: Mutex<WaitQueue<P, (), Notification>>) -> Self {
        Notifications { waiting }
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.waiting).len()
    }

    pub(super) fn notify_one(&self) {
        let granted = lock(&self.waiting).grant_first(|()| Notification::ToOne);
        if let Some(granted) = granted {
            granted.wake();
        }
    }

    pub(super) fn notify_all(&self) {
        let granted = lock(&self.waiting).grant_all(|()| Notification::ToAll);
        for granted in granted {
            granted.wake();
        }
    }

    /// Queues, and only then unlocks: who changes what is locked afterwards
    /// finds the caller in the queue. Waits until `deadline` to be notified,
    /// and then locks again; `Err` says that the lock is not held.
    pub(super) fn wait<R>(
        &self,
        deadline: u64,
        current: impl FnOnce() -> P,
        unlock: impl FnOnce(),
        relock: impl FnOnce() -> Result<R, WaitError>,
    ) -> Result<(R, Ended), WaitError> {
        let waiting = Waiting::new(self, lock(&self.waiting).enter(current(), ()));
        unlock();
        match waiting.wait(deadline) {
            Ok(notification) => {
                let pending = Pending {
                    notifications: self,
                    notification,
                };
                let locked = relock()?;
                pending.acted_on();
                Ok((locked, Ended::Notified))
            }
            Err((WaitError::Deadline, ())) => Ok((relock()?, Ended::TimedOut)),
            Err((err, ())) => Err(err),
        }
    }
}

impl<P: Parker> Pending<'_, P> {
    fn acted_on(self) {
        std::mem::forget(self);
    }
}

impl<P: Parker> Drop for Pending<'_, P> {
    fn drop(&mut self) {
        self.notifications.take_back(self.notification);
    }
}

impl<P: Parker> Source for Notifications<P> {
    type Parker = P;
    type Offer = ();
    type Grant = Notification;

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<P, (), Notification>) -> R) -> R {
        f(&mut lock(&self.waiting))
    }

    fn take_back(&self, notification: Notification) {
        match notification {
            Notification::ToOne => self.notify_one(),
            Notification::ToAll => {}
        }
    }
}
