//! What can be waited for together with other things.

use std::sync::Arc;

use super::async_result::AsyncResult;
use super::event::Event;
use super::group::Group;
use super::lookout::Notice;
use super::pool::Pool;
use super::receiver::Receiver;
use crate::runtime::{JoinHandle, Link, SharedJoinHandle, Task};

/// What [`wait_any`](super::wait_any), [`wait_all`](super::wait_all) and
/// [`ready`](super::ready) wait for: what `gevent.wait` takes.
///
/// | | has come when |
/// |---|---|
/// | [`JoinHandle`], [`SharedJoinHandle`] | the coroutine has ended, however |
/// | [`Event`] | it is set, or was set since the wait began |
/// | [`AsyncResult`] | a value or an error is set |
/// | [`Receiver`] | something can be received, or all senders are gone |
/// | [`Group`], [`Pool`] | no member is left, or none was left for a moment since the wait began |
///
/// Waiting takes nothing: the handle is joined and the value received
/// afterwards, and where several receive, another one may have been faster by
/// then. A lock or a [`Semaphore`](super::Semaphore) is none of these: who
/// waits for one has a place in its queue, and who only looks would be
/// overtaken for ever.
///
/// Sealed: what is promised to those who wait cannot be written in a
/// signature.
#[allow(private_bounds, reason = "that seals it")]
pub trait Waitable: Watch {}

/// What has become of a notice.
pub(super) enum Watched {
    /// It has been served: what it is about had come.
    Served,
    /// It is kept, under this ticket.
    Kept(u64),
    /// It was refused: one must be woken, and ask.
    Asked,
}

/// The half of [`Waitable`] that nobody outside sees.
pub(super) trait Watch {
    /// Whether it has come, at this moment.
    fn is_ready(&self) -> bool;

    /// Has `notice` served once it has come.
    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched;

    /// Withdraws a notice that is kept.
    fn unwatch(&self, ticket: u64);

    /// For what keeps no notices: has `task` woken whenever it comes, until
    /// [`leave`](Watch::leave).
    fn attend(&self, _task: &Arc<Task>) {}

    /// Ends what [`attend`](Watch::attend) began for this task.
    fn leave(&self, _task: &Task) {}
}

impl<T> Waitable for JoinHandle<T> {}
impl<T> Waitable for SharedJoinHandle<T> {}
impl Waitable for Event {}
impl<T, E> Waitable for AsyncResult<T, E> {}
impl<T> Waitable for Receiver<T> {}
impl Waitable for Group {}
impl Waitable for Pool {}

/// What a keeper of notices returned: none if it served this one.
fn kept(ticket: Option<u64>) -> Watched {
    ticket.map_or(Watched::Served, Watched::Kept)
}

impl<T> Watch for JoinHandle<T> {
    fn is_ready(&self) -> bool {
        self.is_finished()
    }

    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched {
        kept(self.watch_end(Link::new(move |_| notice.serve())))
    }

    fn unwatch(&self, ticket: u64) {
        self.unlink(ticket);
    }
}

impl<T> Watch for SharedJoinHandle<T> {
    fn is_ready(&self) -> bool {
        self.is_finished()
    }

    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched {
        kept(self.watch_end(Link::new(move |_| notice.serve())))
    }

    fn unwatch(&self, ticket: u64) {
        self.unlink(ticket);
    }
}

impl Watch for Event {
    fn is_ready(&self) -> bool {
        self.is_set()
    }

    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched {
        kept(Event::watch(self, notice))
    }

    fn unwatch(&self, ticket: u64) {
        Event::unwatch(self, ticket);
    }
}

impl<T, E> Watch for AsyncResult<T, E> {
    fn is_ready(&self) -> bool {
        AsyncResult::is_ready(self)
    }

    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched {
        kept(AsyncResult::watch(self, notice))
    }

    fn unwatch(&self, ticket: u64) {
        AsyncResult::unwatch(self, ticket);
    }
}

impl<T> Watch for Receiver<T> {
    fn is_ready(&self) -> bool {
        Receiver::is_ready(self)
    }

    fn watch(&self, _: Notice<Arc<Task>>) -> Watched {
        Watched::Asked
    }

    fn unwatch(&self, _: u64) {}

    fn attend(&self, task: &Arc<Task>) {
        Receiver::watch(self, task);
    }

    fn leave(&self, task: &Task) {
        Receiver::unwatch(self, task.id());
    }
}

impl Watch for Group {
    fn is_ready(&self) -> bool {
        self.is_empty()
    }

    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched {
        kept(self.roster().watch(notice))
    }

    fn unwatch(&self, ticket: u64) {
        self.roster().unwatch(ticket);
    }
}

impl Watch for Pool {
    fn is_ready(&self) -> bool {
        self.is_empty()
    }

    fn watch(&self, notice: Notice<Arc<Task>>) -> Watched {
        kept(self.roster().watch(notice))
    }

    fn unwatch(&self, ticket: u64) {
        self.roster().unwatch(ticket);
    }
}
