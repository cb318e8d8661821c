//! Who belongs to a group: its members, who waits to become one, and who waits
//! until there is none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::lookout::{Lookout, Notice, Notices};
use super::members::{Member, Members};
use super::queue::{Granted, Place, Source, WaitQueue, Waiting};
use super::shim::{Mutex, lock};
use crate::error::{Error, KillReason, Result, WaitError};
use crate::runtime::{Awaited, Builder, JoinHandle, NEVER, Task, after};

pub(super) struct Roster {
    state: Mutex<State>,
    limit: usize,
    panics: AtomicU64,
}

struct State {
    members: Members,
    /// Each is given the key of a place that is taken for it already.
    applying: WaitQueue<Arc<Task>, (), u64>,
    awaiting_end: WaitQueue<Arc<Task>, (), ()>,
    /// Of those who wait for other things than the end too.
    notices: Notices<Arc<Task>>,
}

type ToldOfEnd = (Vec<Granted<Arc<Task>, ()>>, Notices<Arc<Task>>);

impl State {
    /// A place is free: whoever applied first has it.
    fn pass_place_on(&mut self) -> Option<Granted<Arc<Task>, u64>> {
        if self.applying.len() == 0 {
            return None;
        }
        let key = self.members.take_place();
        self.applying.grant_first(|()| key)
    }

    fn end_of_all(&mut self) -> Option<ToldOfEnd> {
        let ended = self.members.is_empty();
        ended.then(|| (self.awaiting_end.grant_all(|()| ()), self.notices.take()))
    }
}

impl Roster {
    pub(super) fn new(limit: usize) -> Arc<Roster> {
        Arc::new(Roster {
            state: Mutex::new(State {
                members: Members::new(),
                applying: WaitQueue::new(),
                awaiting_end: WaitQueue::new(),
                notices: Notices::new(),
            }),
            limit,
            panics: AtomicU64::new(0),
        })
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.state).members.len()
    }

    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Acquire)
    }

    pub(super) fn try_seat(self: &Arc<Self>) -> Option<Seat> {
        let mut state = lock(&self.state);
        let free = state.members.len() < self.limit;
        free.then(|| self.seat(state.members.take_place()))
    }

    pub(super) fn wait_for_seat(self: &Arc<Self>) -> Result<Seat, WaitError> {
        let place = match self.seat_or_place(Task::awaiting(Awaited::Group, self)) {
            Ok(seat) => return Ok(seat),
            Err(place) => place,
        };
        let waited = Waiting::new(&Applying(self), place).wait(NEVER);
        waited.map(|key| self.seat(key)).map_err(|(err, ())| err)
    }

    /// Waits in line for a place, or until `lookout` is told something.
    pub(super) fn seat_or_told(self: &Arc<Self>, lookout: &Lookout<Arc<Task>>) -> Result<SeatOrTold, WaitError> {
        let task = Task::awaiting(Awaited::Several, &**self);
        let place = match self.seat_or_place(Arc::clone(&task)) {
            Ok(seat) => return Ok(SeatOrTold::Seat(seat)),
            Err(place) => place,
        };
        let source = Applying(self);
        let mut applicant = Waiting::new(&source, place);
        let mut granted = None;
        let told = lookout.wait(NEVER, &task, || {
            granted = applicant.granted();
            granted.map(|_| usize::MAX)
        })?;
        Ok(granted.map_or(SeatOrTold::Told(told), |key| SeatOrTold::Seat(self.seat(key))))
    }

    fn seat_or_place(self: &Arc<Self>, task: Arc<Task>) -> Result<Seat, Place<Arc<Task>, u64>> {
        let mut state = lock(&self.state);
        match state.members.len() < self.limit {
            true => Ok(self.seat(state.members.take_place())),
            false => Err(state.applying.enter(task, ())),
        }
    }

    fn seat(self: &Arc<Self>, key: u64) -> Seat {
        Seat {
            roster: Arc::clone(self),
            key,
        }
    }

    pub(super) fn kill(&self) {
        let condemned = lock(&self.state).members.condemn(None);
        condemned.iter().for_each(Task::kill);
    }

    pub(super) fn kill_for(&self, reason: &KillReason) {
        let condemned = lock(&self.state).members.condemn(Some(reason));
        for task in condemned {
            task.kill_for(reason.clone());
        }
    }

    /// Makes a task a member that was spawned elsewhere; false if it is one
    /// already or has ended.
    pub(super) fn add(self: &Arc<Self>, task: &Arc<Task>) -> bool {
        // The group may go before its member does.
        let roster = Arc::downgrade(self);
        // The end of the task waits for this lock, and finds the member.
        let vacate = move |key| roster.upgrade().is_some_and(|roster| roster.vacate(key));
        let noted = |key| task.at_end(move || _ = vacate(key));
        lock(&self.state).members.add(task, noted)
    }

    /// Lets a member go on alone; false if it is none.
    pub(super) fn discard(&self, task: &Task) -> bool {
        let key = lock(&self.state).members.key_of(task);
        key.is_some_and(|key| self.vacate(key))
    }

    pub(super) fn join(&self) -> Result<()> {
        self.wait_for_end(NEVER).map_err(cannot_wait)
    }

    pub(super) fn join_timeout(&self, limit: Duration) -> Result<()> {
        self.wait_for_end(after(limit)).map_err(|err| match err {
            WaitError::Deadline => Error::Elapsed {
                what: format!("a group of which {} coroutines still run", self.len()),
                after: limit,
            },
            err => cannot_wait(err),
        })
    }

    fn wait_for_end(&self, deadline: u64) -> Result<(), WaitError> {
        let mut state = lock(&self.state);
        if state.members.is_empty() {
            return Ok(());
        }
        let place = state.awaiting_end.enter(Task::awaiting(Awaited::Group, self), ());
        drop(state);
        let waited = Waiting::new(&AwaitingEnd(self), place).wait(deadline);
        waited.map_err(|(err, ())| err)
    }

    /// Keeps a notice until no member is left; serves it if none is.
    pub(super) fn watch(&self, notice: Notice<Arc<Task>>) -> Option<u64> {
        let mut state = lock(&self.state);
        if !state.members.is_empty() {
            return Some(state.notices.enter(notice));
        }
        drop(state);
        notice.serve();
        None
    }

    pub(super) fn unwatch(&self, ticket: u64) {
        let withdrawn = lock(&self.state).notices.withdraw(ticket);
        drop(withdrawn);
    }

    /// Notes which coroutine has the place, unless it has already ended.
    fn started(&self, key: u64, task: &Arc<Task>) {
        let before = lock(&self.state).members.started(key, task);
        match before {
            Some(Member::Doomed(Some(reason))) => task.kill_for(reason),
            Some(Member::Doomed(None)) => task.kill(),
            _ => {}
        }
    }

    /// False if nobody has the place: who was discarded ends too.
    fn vacate(&self, key: u64) -> bool {
        let (gone, successor, ended) = {
            let mut state = lock(&self.state);
            let Some(gone) = state.members.remove(key) else {
                return false;
            };
            (gone, state.pass_place_on(), state.end_of_all())
        };
        if let Member::Added(task, ticket) = &gone {
            task.cancel_notice(*ticket);
        }
        drop(gone);
        successor.into_iter().for_each(Granted::wake);
        if let Some((awaiting_end, notices)) = ended {
            awaiting_end.into_iter().for_each(Granted::wake);
            notices.serve();
        }
        true
    }
}

fn cannot_wait(err: WaitError) -> Error {
    Error::System {
        action: "wait for a group to end",
        source: err.into(),
    }
}

/// What came first of a place and something else.
pub(super) enum SeatOrTold {
    Seat(Seat),
    Told(usize),
}

/// A place on the roster; dropping it gives it up.
pub(super) struct Seat {
    roster: Arc<Roster>,
    key: u64,
}

impl Seat {
    /// Starts a coroutine that has this place until it ends.
    pub(super) fn start<F, T>(self, builder: Builder, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (roster, key) = (Arc::clone(&self.roster), self.key);
        let handle = builder.spawn_watched(f, move |panic| self.ended(panic))?;
        roster.started(key, handle.task());
        Ok(handle)
    }

    fn ended(self, panic: Option<String>) {
        if let Some(panic) = panic {
            self.roster.panics.fetch_add(1, Ordering::AcqRel);
            log::error!("{panic}");
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.roster.vacate(self.key);
    }
}

struct Applying<'a>(&'a Roster);

impl Source for Applying<'_> {
    type Parker = Arc<Task>;
    type Offer = ();
    type Grant = u64;

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<Arc<Task>, (), u64>) -> R) -> R {
        f(&mut lock(&self.0.state).applying)
    }

    fn take_back(&self, key: u64) {
        self.0.vacate(key);
    }
}

struct AwaitingEnd<'a>(&'a Roster);

impl Source for AwaitingEnd<'_> {
    type Parker = Arc<Task>;
    type Offer = ();
    type Grant = ();

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<Arc<Task>, (), ()>) -> R) -> R {
        f(&mut lock(&self.0.state).awaiting_end)
    }

    /// Everybody was told anyway.
    fn take_back(&self, (): ()) {}
}

#[cfg(test)]
mod tests {
    use super::super::testing::{reason, spawn, until, was_killed};
    use super::*;
    use crate::runtime::sleep;

    #[test]
    fn a_kill_reaches_who_is_just_being_spawned() {
        let roster = Roster::new(2);
        let seat = roster.try_seat().unwrap();
        roster.kill();
        let doomed = seat
            .start(Builder::new(), || reason(sleep(Duration::from_secs(600))))
            .unwrap();
        let spared = roster.try_seat().unwrap();
        let spared = spared.start(Builder::new(), || reason(sleep(Duration::ZERO)));
        assert!(was_killed(doomed));
        assert_eq!(spared.unwrap().join().unwrap(), None);
        roster.join().unwrap();
    }

    #[test]
    fn a_free_place_goes_to_who_applied_first() {
        let roster = Roster::new(1);
        let seat = roster.try_seat().unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let applicants: Vec<_> = (0..10)
            .map(|number| {
                let (theirs, order) = (Arc::clone(&roster), Arc::clone(&order));
                let applicant = spawn(move || {
                    let _seat = theirs.wait_for_seat().unwrap();
                    lock(&order).push(number);
                });
                until(|| lock(&roster.state).applying.len() == number + 1);
                applicant
            })
            .collect();
        drop(seat);
        assert!(roster.try_seat().is_none() || lock(&order).len() == 10);
        applicants.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*lock(&order), (0..10).collect::<Vec<_>>());
        assert_eq!(roster.len(), 0);
    }

    #[test]
    fn a_killed_applicant_takes_no_place_along() {
        let roster = Roster::new(1);
        let seat = roster.try_seat().unwrap();
        let theirs = Arc::clone(&roster);
        let applicant = spawn(move || theirs.wait_for_seat().err());
        until(|| lock(&roster.state).applying.len() == 1);
        applicant.kill();
        assert_eq!(applicant.join().unwrap(), Some(WaitError::Killed));
        drop(seat);
        assert!(roster.try_seat().is_some());
    }

    #[test]
    fn a_place_granted_to_who_vanished_is_free_again() {
        let roster = Roster::new(1);
        let seat = roster.try_seat().unwrap();
        let place = lock(&roster.state).applying.enter(Task::current(), ());
        let source = Applying(&roster);
        let vanishing = Waiting::new(&source, place);
        drop(seat);
        assert_eq!(roster.len(), 1);
        drop(vanishing);
        assert_eq!(roster.len(), 0);
    }
}
