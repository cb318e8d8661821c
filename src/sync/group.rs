//! Coroutines that are waited for and killed together.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::roster::Roster;
use crate::error::{KillReason, Result};
use crate::runtime::{Builder, JoinHandle, Task};

/// Coroutines that are waited for and killed together: `gevent.pool.Group`.
///
/// A member is forgotten as soon as it has ended, so a group may spawn for
/// ever. A panic in a member ends that member only: it is logged with the
/// member's name, counted by [`panics`](Group::panics), and returned by its
/// handle if anybody joins that.
///
/// Dropping a group leaves its members running, as in gevent; see
/// [`kill_on_drop`](Group::kill_on_drop).
///
/// ```
/// use greenserve::{runtime, sync::Group};
/// use std::time::Duration;
///
/// let group = Group::new();
/// for _ in 0..3 {
///     group.spawn(|| runtime::sleep(Duration::from_millis(1)))?;
/// }
/// group.join()?;
/// assert!(group.is_empty());
/// # Ok::<(), greenserve::Error>(())
/// ```
pub struct Group {
    roster: Arc<Roster>,
    kill_on_drop: bool,
}

impl Group {
    /// A group without members.
    pub fn new() -> Group {
        Group::limited(usize::MAX)
    }

    pub(super) fn limited(limit: usize) -> Group {
        Group {
            roster: Roster::new(limit),
            kill_on_drop: false,
        }
    }

    pub(super) fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    /// Whether dropping the group kills its members, without waiting for them.
    /// Defaults to false: they run on.
    ///
    /// ```
    /// use greenserve::runtime::{self, JoinError};
    /// use greenserve::sync::Group;
    /// use std::time::Duration;
    ///
    /// let group = Group::new().kill_on_drop(true);
    /// let sleeper = group.spawn(|| runtime::sleep(Duration::from_secs(600)))?;
    /// drop(group);
    /// match sleeper.join() {
    ///     Ok(slept) => assert!(slept.is_err()),
    ///     Err(before_it_began) => assert!(matches!(before_it_began, JoinError::Killed)),
    /// }
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    #[must_use = "this returns the group"]
    pub fn kill_on_drop(mut self, kill: bool) -> Group {
        self.kill_on_drop = kill;
        self
    }

    /// Runs `f` on a new coroutine of this group. Never waits.
    ///
    /// The handle may be dropped: the group waits for its members without.
    ///
    /// # Errors
    /// As [`runtime::spawn`](crate::runtime::spawn).
    pub fn spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_with(Builder::new(), f)
    }

    /// As [`spawn`](Group::spawn), with a name or a worker of one's choice.
    ///
    /// # Errors
    /// As [`spawn`](Group::spawn).
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        match self.roster.try_seat() {
            Some(seat) => seat.start(builder, f),
            None => unreachable!("a group without a limit is never full"),
        }
    }

    /// Makes a coroutine a member that was spawned elsewhere: `Group.add`. It is
    /// counted, waited for and killed with the others until it ends; what it
    /// ended by is its own handle's business, so a panic is not counted here.
    ///
    /// Of a [`JoinHandle`], give its [`task`](JoinHandle::task). False when it
    /// has ended, or is a member already. A thread may be added as well; it
    /// leaves when it ends.
    ///
    /// ```
    /// use greenserve::{runtime, sync::Group};
    /// use std::time::Duration;
    ///
    /// let group = Group::new();
    /// let elsewhere = runtime::spawn_later(Duration::from_millis(1), || 42)?;
    /// assert!(group.add(elsewhere.task()));
    /// group.join()?;
    /// assert_eq!(elsewhere.join().expect("no panic"), 42);
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    pub fn add(&self, task: &Arc<Task>) -> bool {
        self.roster.add(task)
    }

    /// Lets a member go on alone, however it became one: `Group.discard`. The
    /// group no longer waits for it nor kills it. False when it is no member,
    /// or has ended.
    ///
    /// ```
    /// use greenserve::{runtime, sync::Group};
    /// use std::time::Duration;
    ///
    /// let group = Group::new();
    /// let member = group.spawn(|| runtime::sleep(Duration::from_millis(20)))?;
    /// assert!(group.discard(member.task()));
    /// group.kill();
    /// assert!(group.is_empty() && !member.task().is_killed());
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    pub fn discard(&self, task: &Arc<Task>) -> bool {
        self.roster.discard(task)
    }

    /// How many members have not ended yet.
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// True when no member is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many members have ended by a panic so far.
    pub fn panics(&self) -> u64 {
        self.roster.panics()
    }

    /// Waits until no member is left; the results of all are there then.
    ///
    /// Not for a member: it would wait for itself.
    ///
    /// # Errors
    /// [`Error::System`](crate::Error::System) that carries a [`WaitError`](crate::WaitError): the
    /// caller was killed, the deadline of a surrounding
    /// [`Timeout`](super::Timeout) passed, or a panic is unwinding the
    /// coroutine.
    pub fn join(&self) -> Result<()> {
        self.roster.join()
    }

    /// As [`join`](Group::join), for at most `limit`: `join(timeout=...)` in
    /// gevent.
    ///
    /// # Errors
    /// As [`join`](Group::join), and [`Error::Elapsed`](crate::Error::Elapsed) with the number of
    /// those that still run when the limit passes.
    pub fn join_timeout(&self, limit: Duration) -> Result<()> {
        self.roster.join_timeout(limit)
    }

    /// Kills all members there are now, and does not wait for them:
    /// `kill(block=False)` in gevent. See
    /// [`Task::kill`](crate::runtime::Task::kill).
    ///
    /// The group can be used on; later members are not killed.
    pub fn kill(&self) {
        self.roster.kill();
    }

    /// As [`kill`](Group::kill), for a reason that each member finds in the error
    /// of its wait: `kill(exception)` in gevent. See [`Task::kill_with`].
    pub fn kill_with(&self, reason: impl Into<Box<dyn Error + Send + Sync>>) {
        self.roster.kill_for(&KillReason::new(reason));
    }

    /// Kills all members and waits for them: `kill(timeout=...)` in gevent.
    ///
    /// # Errors
    /// As [`join_timeout`](Group::join_timeout). A member that computes and
    /// never waits outlives its kill.
    pub fn kill_and_join(&self, limit: Duration) -> Result<()> {
        self.kill();
        self.join_timeout(limit)
    }
}

impl Default for Group {
    fn default() -> Self {
        Group::new()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.kill_on_drop {
            self.kill();
        }
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("len", &self.len())
            .field("panics", &self.panics())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, reason, spawn, until, was_killed};
    use super::super::{Event, with_timeout};
    use super::*;
    use crate::error::{self, WaitError};
    use crate::runtime::sleep;
    use std::io;

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_group_goes_anywhere() {
        assert_send::<Group>();
        assert_sync::<Group>();
    }

    #[test]
    fn joining_a_group_without_members_returns_at_once() {
        Group::new().join().unwrap();
        Group::default().join_timeout(Duration::ZERO).unwrap();
    }

    #[test]
    fn the_results_are_there_when_the_group_has_ended() {
        let group = Group::new();
        let handles: Vec<_> = (0..200).map(|number| group.spawn(move || number).unwrap()).collect();
        group.join().unwrap();
        assert!(handles.iter().all(JoinHandle::is_finished));
        let sum: i32 = handles.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(sum, 199 * 200 / 2);
    }

    #[test]
    fn a_limit_that_passes_names_how_many_still_run() {
        let group = Group::new().kill_on_drop(true);
        for _ in 0..3 {
            group.spawn(|| sleep(LONG)).unwrap();
        }
        let err = group.join_timeout(Duration::from_millis(5)).unwrap_err();
        assert!(matches!(err, error::Error::Elapsed { .. }), "{err}");
        assert!(err.to_string().contains("3 coroutines still run"), "{err}");
        assert_eq!(io::Error::from(err).kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn panics_end_one_member_and_are_counted() {
        let group = Group::new();
        for number in 0..10 {
            group.spawn(move || assert!(number % 2 == 0)).unwrap();
        }
        group.join().unwrap();
        assert_eq!(group.panics(), 5);
        let builder = Builder::new().name("named");
        let handle = group.spawn_with(builder, || panic!("on purpose")).unwrap();
        group.join().unwrap();
        assert_eq!(group.panics(), 6);
        let panic = handle.join().unwrap_err();
        assert_eq!(panic.to_string(), "named panicked: on purpose");
    }

    #[test]
    fn a_group_forgets_who_has_ended() {
        let group = Group::new();
        for round in 0..1000 {
            let members: Vec<_> = (0..100).map(|_| group.spawn(|| ()).unwrap()).collect();
            // Those of the round before may have delivered but not left yet.
            assert!(group.len() <= 200, "round {round}");
            members.into_iter().for_each(|it| it.join().unwrap());
        }
        group.join().unwrap();
        assert_eq!(group.len(), 0);
        assert_eq!(group.panics(), 0);
    }

    #[test]
    fn killed_members_are_waited_for() {
        let group = Group::new();
        let members: Vec<_> = (0..50).map(|_| group.spawn(|| reason(sleep(LONG))).unwrap()).collect();
        group.kill_and_join(Duration::from_secs(30)).unwrap();
        for member in members {
            assert!(was_killed(member));
        }
        let later = group.spawn(|| sleep(Duration::from_millis(1))).unwrap();
        later.join().unwrap().unwrap();
    }

    #[test]
    fn dropping_a_group_kills_only_if_asked() {
        let go = Arc::new(Event::new());
        let theirs = Arc::clone(&go);
        let group = Group::new();
        let spared = group.spawn(move || theirs.wait()).unwrap();
        drop(group);
        assert!(!spared.task().is_killed());
        go.set();
        spared.join().unwrap().unwrap();

        let group = Group::new().kill_on_drop(true);
        let killed = group.spawn(|| reason(sleep(LONG))).unwrap();
        drop(group);
        assert!(was_killed(killed));
    }

    #[test]
    fn a_join_that_is_interrupted_says_why() {
        let group = Arc::new(Group::new().kill_on_drop(true));
        group.spawn(|| sleep(LONG)).unwrap();
        let begun = Arc::new(Event::new());
        let (theirs, told) = (Arc::clone(&group), Arc::clone(&begun));
        let joiner = spawn(move || {
            told.set();
            reason(theirs.join().map_err(io::Error::from))
        });
        until(|| begun.is_set());
        joiner.kill();
        assert_eq!(joiner.join().unwrap(), Some(WaitError::Killed));
        let ended = with_timeout(Duration::from_millis(2), || Ok(group.join()?));
        assert_eq!(reason(ended), Some(WaitError::Timeout));
    }
}
