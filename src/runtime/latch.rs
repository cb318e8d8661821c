//! A gate that opens once: joins and off-loaded results wait behind it.

use std::convert::Infallible;
use std::mem;
use std::sync::{Arc, Mutex};

use super::lock::lock;
use super::task::Task;
use crate::error::WaitError;

/// Closed until [`open`](Latch::open), then open for good, with a value behind
/// it for who takes it first.
///
/// Who opens it is given what was linked to it meanwhile.
#[derive(Debug)]
pub(crate) struct Latch<T, L = Infallible> {
    state: Mutex<State<T, L>>,
}

/// As small as can be: every coroutine that can be joined has one.
#[derive(Debug)]
enum State<T, L> {
    Closed,
    /// Most are waited for by nobody or by one: the joiner.
    Awaited(Arc<Task>),
    /// Rare, so it is boxed.
    Crowded(Box<Crowd<L>>),
    Open(T),
    Taken,
}

/// Several who wait, and what is linked.
#[derive(Debug)]
struct Crowd<L> {
    tasks: Vec<Arc<Task>>,
    /// In the order of their tickets.
    links: Vec<(u64, L)>,
    next_ticket: u64,
}

impl<T> Latch<T> {
    /// One that nothing is linked to.
    pub(crate) fn new() -> Latch<T> {
        Latch::with_links()
    }
}

impl<T, L> Latch<T, L> {
    pub(crate) fn with_links() -> Latch<T, L> {
        Latch {
            state: Mutex::new(State::Closed),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.state).is_open()
    }

    /// Opens the gate, wakes all who wait, and returns what was linked, in its
    /// order.
    pub(crate) fn open(&self, value: T) -> Vec<L> {
        let before = mem::replace(&mut *lock(&self.state), State::Open(value));
        match before {
            State::Awaited(task) => task.wake(),
            State::Crowded(crowd) => {
                crowd.tasks.iter().for_each(|task| task.wake());
                return crowd.links.into_iter().map(|(_, link)| link).collect();
            }
            State::Closed | State::Open(_) | State::Taken => {}
        }
        Vec::new()
    }

    /// Keeps `link` for who opens the gate, under a ticket by which it can be
    /// taken back; returns it if the gate is open.
    pub(crate) fn link(&self, link: L) -> Result<u64, L> {
        match lock(&self.state).crowd() {
            Some(crowd) => Ok(crowd.link(link)),
            None => Err(link),
        }
    }

    /// Takes back what was linked under `ticket`, unless the gate has opened.
    pub(crate) fn unlink(&self, ticket: u64) -> Option<L> {
        match &mut *lock(&self.state) {
            State::Crowded(crowd) => crowd.unlink(ticket),
            _ => None,
        }
    }

    /// What `f` makes of the value behind the gate, while that is there.
    pub(crate) fn peek<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        match &*lock(&self.state) {
            State::Open(value) => Some(f(value)),
            _ => None,
        }
    }

    /// What lies behind the open gate, once.
    pub(crate) fn take(&self) -> Option<T> {
        let mut state = lock(&self.state);
        if !state.is_open() {
            return None;
        }
        match mem::replace(&mut *state, State::Taken) {
            State::Open(value) => Some(value),
            _ => None,
        }
    }

    /// Waits until the gate is open, or until `deadline`.
    /// `task` is that of the caller.
    pub(crate) fn wait(&self, task: &Arc<Task>, deadline: u64) -> Result<(), WaitError> {
        loop {
            if self.is_open_or_noted(task) {
                return Ok(());
            }
            if let Err(err) = task.park(deadline) {
                return self.give_up(task, err);
            }
        }
    }

    fn is_open_or_noted(&self, task: &Arc<Task>) -> bool {
        let mut state = lock(&self.state);
        state.note(task);
        state.is_open()
    }

    /// Opened at the last moment still counts as opened.
    fn give_up(&self, task: &Task, err: WaitError) -> Result<(), WaitError> {
        let mut state = lock(&self.state);
        state.forget(task);
        if state.is_open() { Ok(()) } else { Err(err) }
    }
}

impl<T, L> State<T, L> {
    fn is_open(&self) -> bool {
        matches!(self, State::Open(_) | State::Taken)
    }

    /// Those who are to be told; `None` when they have been.
    fn crowd(&mut self) -> Option<&mut Crowd<L>> {
        if let State::Closed | State::Awaited(_) = self {
            let tasks = match mem::replace(self, State::Closed) {
                State::Awaited(task) => vec![task],
                _ => Vec::new(),
            };
            *self = State::Crowded(Box::new(Crowd::of(tasks)));
        }
        match self {
            State::Crowded(crowd) => Some(crowd),
            _ => None,
        }
    }

    /// Enters a task, once.
    fn note(&mut self, task: &Arc<Task>) {
        match self {
            State::Closed => *self = State::Awaited(Arc::clone(task)),
            State::Awaited(one) if one.id() == task.id() => {}
            _ => {
                if let Some(crowd) = self.crowd() {
                    crowd.note(task);
                }
            }
        }
    }

    fn forget(&mut self, task: &Task) {
        match self {
            State::Awaited(one) if one.id() == task.id() => *self = State::Closed,
            State::Crowded(crowd) => crowd.tasks.retain(|one| one.id() != task.id()),
            _ => {}
        }
    }
}

impl<L> Crowd<L> {
    fn of(tasks: Vec<Arc<Task>>) -> Crowd<L> {
        Crowd {
            tasks,
            links: Vec::new(),
            next_ticket: 0,
        }
    }

    fn note(&mut self, task: &Arc<Task>) {
        if self.tasks.iter().all(|one| one.id() != task.id()) {
            self.tasks.push(Arc::clone(task));
        }
    }

    fn link(&mut self, link: L) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.links.push((ticket, link));
        ticket
    }

    fn unlink(&mut self, ticket: u64) -> Option<L> {
        let place = self.links.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()?;
        Some(self.links.remove(place).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_kept_beside_who_waits_and_given_to_who_opens() {
        let latch = Latch::<u8, &str>::with_links();
        let task = Task::current();
        lock(&latch.state).note(&task);
        let tickets = ["first", "second", "third"].map(|link| latch.link(link).unwrap());
        lock(&latch.state).note(&task);
        assert!(matches!(&*lock(&latch.state), State::Crowded(crowd) if crowd.tasks.len() == 1));
        assert_eq!(latch.unlink(tickets[1]), Some("second"));
        assert_eq!(latch.unlink(tickets[1]), None);
        assert_eq!(latch.open(7), ["first", "third"]);
        assert_eq!(latch.link("late"), Err("late"));
        assert_eq!(latch.unlink(tickets[0]), None);
        assert_eq!(latch.peek(|value| *value), Some(7));
        assert_eq!(latch.take(), Some(7));
        assert_eq!(latch.peek(|value| *value), None);
    }

    #[test]
    fn what_every_coroutine_has_stays_small() {
        assert_eq!(
            size_of::<Latch<Result<(), Box<u8>>, Box<u8>>>(),
            size_of::<Latch<Result<(), Box<u8>>>>()
        );
        assert!(size_of::<Latch<(), Box<u8>>>() <= 24);
    }
}
