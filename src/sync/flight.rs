//! Items of work that are under way in a pool or a group, and have not been
//! handed out yet.

use std::collections::BTreeMap;
use std::iter::{Fuse, Peekable};
use std::sync::Arc;

use super::lookout::{Lookout, Notice};
use super::roster::{Roster, Seat, SeatOrTold};
use crate::error::WaitError;
use crate::runtime::{Awaited, Builder, JoinError, JoinHandle, Link, NEVER, Task};

pub(super) struct Flight<'a, I: Iterator, F, R> {
    roster: &'a Arc<Roster>,
    /// An input is pulled before a place is taken for it: to make one may need
    /// a place of the same pool.
    inputs: Peekable<Fuse<I>>,
    work: Arc<F>,
    ahead: usize,
    /// Told the number of each item that has ended.
    lookout: Arc<Lookout<Arc<Task>>>,
    items: Items<R>,
    next_number: usize,
    over: bool,
}

/// By their numbers; killed when dropped.
struct Items<R>(BTreeMap<usize, Result<JoinHandle<R>, JoinError>>);

impl<R> Items<R> {
    fn kill(&mut self) {
        for (_, item) in std::mem::take(&mut self.0) {
            if let Ok(running) = item {
                running.kill();
            }
        }
    }
}

impl<R> Drop for Items<R> {
    fn drop(&mut self) {
        self.kill();
    }
}

impl<'a, I: Iterator, F, R> Flight<'a, I, F, R> {
    pub(super) fn new(roster: &'a Arc<Roster>, inputs: I, work: F, ahead: usize) -> Self {
        Flight {
            roster,
            inputs: inputs.fuse().peekable(),
            work: Arc::new(work),
            ahead,
            lookout: Lookout::new(),
            items: Items(BTreeMap::new()),
            next_number: 0,
            over: false,
        }
    }

    /// How many may be under way or wait to be handed out, at least 1.
    pub(super) fn set_ahead(&mut self, ahead: usize) {
        self.ahead = ahead.max(1);
    }

    pub(super) fn ahead(&self) -> usize {
        self.ahead
    }

    /// How many are under way or wait to be handed out.
    pub(super) fn len(&self) -> usize {
        self.items.0.len()
    }

    fn wants_more(&mut self) -> bool {
        self.len() < self.ahead && self.inputs.peek().is_some()
    }

    /// The result of the oldest item, if it has ended.
    fn take_oldest(&mut self) -> Option<Result<R, JoinError>> {
        let oldest = self.items.0.first_entry()?;
        if oldest.get().as_ref().is_ok_and(|running| !running.is_finished()) {
            return None;
        }
        // Each item tells once, so those that nobody asks for stay few.
        self.lookout.told();
        result_of(oldest.remove())
    }

    /// The result of the item that ended first.
    fn take_first_ended(&mut self) -> Option<Result<R, JoinError>> {
        let number = self.lookout.told()?;
        self.take(number)
    }

    fn take(&mut self, number: usize) -> Option<Result<R, JoinError>> {
        result_of(self.items.0.remove(&number)?)
    }

    /// Nothing comes after this: what is under way is killed.
    fn end(&mut self) {
        self.over = true;
        self.items.kill();
    }
}

fn result_of<R>(item: Result<JoinHandle<R>, JoinError>) -> Option<Result<R, JoinError>> {
    match item {
        Ok(ended) => ended.take_finished(),
        Err(err) => Some(Err(err)),
    }
}

impl<I, F, R> Flight<'_, I, F, R>
where
    I: Iterator,
    I::Item: Send + 'static,
    F: Fn(I::Item) -> R + Send + Sync + 'static,
    R: Send + 'static,
{
    /// The next result in the order of the inputs.
    pub(super) fn next_oldest(&mut self) -> Option<Result<R, JoinError>> {
        self.next_by(Self::take_oldest, |_, _| None)
    }

    /// The next result in the order in which they come.
    pub(super) fn next_ended(&mut self) -> Option<Result<R, JoinError>> {
        self.next_by(Self::take_first_ended, Self::take)
    }

    /// What `take` finds, or what `take_ended` makes of the number of an item
    /// that ended while this waited. The last one is the error that ended the
    /// wait; a killed caller gets nothing more, so that a loop ends.
    fn next_by(
        &mut self,
        take: impl Fn(&mut Self) -> Option<Result<R, JoinError>>,
        take_ended: impl Fn(&mut Self, usize) -> Option<Result<R, JoinError>>,
    ) -> Option<Result<R, JoinError>> {
        if self.over {
            return None;
        }
        let waited = Task::with_current(|task| task.may_wait(NEVER)).and_then(|()| {
            loop {
                self.top_up();
                if let Some(result) = take(self) {
                    return Ok(Some(result));
                }
                match self.wait()? {
                    Waited::Nothing => return Ok(None),
                    Waited::Started => {}
                    Waited::Ended(number) => {
                        if let Some(result) = take_ended(self, number) {
                            return Ok(Some(result));
                        }
                    }
                }
            }
        });
        waited.unwrap_or_else(|err| {
            self.end();
            Some(Err(JoinError::Interrupted(err)))
        })
    }

    /// Starts as many as may be ahead and find a place at once.
    fn top_up(&mut self) {
        while self.wants_more() {
            match self.roster.try_seat() {
                Some(seat) => self.start(seat),
                None => return,
            }
        }
    }

    /// Waits until an item has ended, or until there is a place for another
    /// one, and starts it there.
    fn wait(&mut self) -> Result<Waited, WaitError> {
        if self.wants_more() {
            return Ok(match self.roster.seat_or_told(&self.lookout)? {
                SeatOrTold::Told(number) => Waited::Ended(number),
                SeatOrTold::Seat(seat) => {
                    self.start(seat);
                    Waited::Started
                }
            });
        }
        if self.len() == 0 {
            return Ok(Waited::Nothing);
        }
        let task = Task::awaiting(Awaited::Several, &*self.lookout);
        self.lookout.wait(NEVER, &task, || None).map(Waited::Ended)
    }

    fn start(&mut self, seat: Seat) {
        let Some(input) = self.inputs.next() else { return };
        let (work, number) = (Arc::clone(&self.work), self.next_number);
        self.next_number += 1;
        let started = seat.start(Builder::new(), move || work(input));
        let notice = Notice::new(&self.lookout, number);
        let item = match started {
            Ok(handle) => {
                handle.watch_end(Link::new(move |_| notice.serve()));
                Ok(handle)
            }
            Err(refusal) => {
                notice.serve();
                Err(JoinError::NotStarted(Box::new(refusal)))
            }
        };
        self.items.0.insert(number, item);
    }
}

/// What became of a wait.
enum Waited {
    /// There is nothing to wait for.
    Nothing,
    Started,
    /// The item of this number has ended.
    Ended(usize),
}
