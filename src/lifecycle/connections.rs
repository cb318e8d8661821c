//! What is in flight: counted, listed and killed through guards.

use std::fmt;
use std::sync::Arc;

use super::connection::{Connection, ConnectionState};
use super::shim::{AtomicUsize, Mutex, Ordering, lock};
use super::{Lifecycle, Reservation};
use crate::limits::{PeerKey, Refusal};
use crate::runtime::Task;

/// Ends a request from outside.
#[doc(hidden)]
pub trait Kill: fmt::Debug + Send + Sync {
    /// Makes the request end soon; never waits.
    fn kill(&self);
    /// The bytes that were received and sent so far.
    fn traffic(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// All requests in flight of one server.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: AtomicUsize,
    /// Places under the limit that are taken: by requests in flight, and by
    /// who is about to accept one.
    reserved: AtomicUsize,
    count: AtomicUsize,
    /// Those that are in flight no longer and have not told of it yet.
    leaving: AtomicUsize,
    slots: Mutex<Slots>,
    /// The names of those that a second signal killed.
    killed_early: Mutex<Vec<String>>,
    /// How many wait for one to end.
    awaiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct Slots {
    entries: Vec<Option<Entry>>,
    vacant: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    connection: Arc<Connection>,
    task: Option<Arc<Task>>,
    killer: Option<Box<dyn Kill>>,
    /// For the task that has yet to come.
    killed: bool,
}

impl Entry {
    fn kill(&mut self) {
        self.killed = true;
        // The connection first: what its task then does fails at once.
        if let Some(killer) = &self.killer {
            killer.kill();
        }
        if let Some(task) = &self.task {
            task.kill();
        }
    }
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Connections {
            limit: AtomicUsize::new(limit),
            reserved: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            slots: Mutex::default(),
            killed_early: Mutex::default(),
            awaiting: AtomicUsize::new(0),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Whether anything is in flight, or just leaving. In this order: who leaves
    /// is in one of the two.
    pub(super) fn are_busy(&self) -> bool {
        self.count() > 0 || self.leaving.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::SeqCst)
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.reserved.load(Ordering::SeqCst) >= self.limit()
    }

    /// Takes a place; false when all are taken.
    pub(super) fn reserve(&self) -> bool {
        let limit = self.limit();
        let next = |reserved: usize| (reserved < limit).then(|| reserved + 1);
        self.reserved
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next)
            .is_ok()
    }

    pub(super) fn release(&self) {
        self.reserved.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn await_ends(&self) {
        self.awaiting.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn await_ends_no_more(&self) {
        self.awaiting.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn are_ends_awaited(&self) -> bool {
        self.awaiting.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn list(&self) -> Vec<ConnectionState> {
        self.each(|entry| ConnectionState {
            id: entry.connection.id,
            peer: entry.connection.peer().clone(),
            name: entry.connection.to_string(),
            age: entry.connection.since.elapsed(),
            idle: entry.connection.idle.is_set(),
        })
    }

    /// Ends the waits of those that are idle.
    pub(super) fn dismiss_idle(&self) {
        self.each(|entry| entry.connection.idle.dismiss());
    }

    /// The bytes that those in flight have received and sent.
    pub(super) fn traffic(&self) -> (u64, u64) {
        let each = self.each(|entry| entry.killer.as_ref().map_or((0, 0), |killer| killer.traffic()));
        each.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Kills all and returns their names.
    pub(crate) fn kill_all(&self) -> Vec<String> {
        self.each(|entry| {
            entry.kill();
            entry.connection.to_string()
        })
    }

    /// Kills all, and keeps their names for a drain to come.
    pub(super) fn kill_early(&self) {
        // Locked first: a drain may begin as soon as the first of them ends.
        let mut killed = lock(&self.killed_early);
        killed.extend(self.kill_all());
    }

    /// Keeps the names of those that were killed for a drain to come.
    pub(super) fn remember_killed(&self, names: &[String]) {
        lock(&self.killed_early).extend_from_slice(names);
    }

    /// The names of those killed early, once.
    pub(super) fn take_killed_early(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.killed_early))
    }

    /// Kills one; false when it is no longer in flight.
    pub(crate) fn kill(&self, id: u64) -> bool {
        self.each(|entry| {
            let found = entry.connection.id == id;
            if found {
                entry.kill();
            }
            found
        })
        .contains(&true)
    }

    fn each<R>(&self, f: impl FnMut(&mut Entry) -> R) -> Vec<R> {
        lock(&self.slots).entries.iter_mut().flatten().map(f).collect()
    }
}

/// A request's place among those in flight. The request owns it: however the
/// request ends, the place is free again.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// In the list of those in flight; `None` once it has left that. Half a word,
    /// since a request is passed on as it is.
    slot: Option<u32>,
    connection: Arc<Connection>,
    // Given back after this request has left the list and the count.
    reservation: Reservation,
}

impl InFlight {
    pub(crate) fn begin(reservation: Reservation, connection: Connection, killer: Option<Box<dyn Kill>>) -> Self {
        let connection = Arc::new(connection);
        let connections = reservation.lifecycle().connections();
        connections.count.fetch_add(1, Ordering::SeqCst);
        let mut slots = lock(&connections.slots);
        let slot = slots.vacant.pop().unwrap_or_else(|| {
            slots.entries.push(None);
            slots.entries.len() - 1
        });
        slots.entries[slot] = Some(Entry {
            connection: Arc::clone(&connection),
            task: None,
            killer,
            killed: false,
        });
        drop(slots);
        InFlight {
            // There is no memory for four billion requests.
            slot: Some(slot as u32),
            connection,
            reservation,
        }
    }

    /// The request is over, which is still to be told: it leaves the list and the
    /// count, and keeps its place under the limit. A drain waits for it until this
    /// is dropped.
    pub(crate) fn leave(&mut self) {
        let Some(slot) = self.slot.take().map(|slot| slot as usize) else {
            return;
        };
        let connections = self.reservation.lifecycle().connections();
        connections.leaving.fetch_add(1, Ordering::SeqCst);
        let entry = {
            let mut slots = lock(&connections.slots);
            slots.vacant.push(slot);
            slots.entries[slot].take()
        };
        drop(entry);
        connections.count.fetch_sub(1, Ordering::SeqCst);
    }

    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(crate) fn lifecycle(&self) -> &Arc<Lifecycle> {
        self.reservation.lifecycle()
    }

    /// As [`Reservation::admit_peer`], for a client that is known only now.
    pub(crate) fn admit_peer(&mut self, key: impl FnOnce() -> Option<PeerKey>) -> Result<(), Refusal> {
        self.reservation.admit_peer(key)
    }

    /// Records the task that runs the request, so that it can be killed, also
    /// if that has been tried already.
    pub(crate) fn run_by(&self, task: Arc<Task>) {
        self.with_entry(|entry| {
            if entry.killed {
                task.kill();
            }
            entry.task = Some(task);
        });
    }

    /// Whether the server has ended it.
    pub(crate) fn was_killed(&self) -> bool {
        self.with_entry(|entry| entry.killed) == Some(true)
    }

    /// Replaces what ends the request, also if that has been tried already.
    pub(crate) fn killed_by(&self, killer: Box<dyn Kill>) {
        self.with_entry(|entry| {
            if entry.killed {
                killer.kill();
            }
            entry.killer = Some(killer);
        });
    }

    fn with_entry<R>(&self, f: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let slot = self.slot? as usize;
        lock(&self.lifecycle().connections.slots).entries[slot].as_mut().map(f)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.leave();
        self.lifecycle().connections().leaving.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Peer;

    fn begin(lifecycle: &Arc<Lifecycle>) -> InFlight {
        let place = Reservation::take(lifecycle).unwrap();
        InFlight::begin(place, Connection::new("inline", "test", Peer::Unnamed), None)
    }

    #[test]
    fn a_place_is_free_again_however_its_request_ends() {
        let lifecycle = Lifecycle::new(2).unwrap();
        let one = begin(&lifecycle);
        let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _two = begin(&lifecycle);
            assert!(lifecycle.connections().is_full());
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
        assert_eq!(lifecycle.connections().count(), 1);
        drop(one);
        assert_eq!(lifecycle.connections().count(), 0);
        assert!(lifecycle.connections().list().is_empty());
    }

    #[test]
    fn who_leaves_is_in_flight_no_longer_and_is_waited_for() {
        let lifecycle = Lifecycle::new(1).unwrap();
        let mut one = begin(&lifecycle);
        let connections = lifecycle.connections();
        let id = one.connection().id();
        one.leave();
        one.leave();
        assert_eq!((connections.count(), connections.list().len()), (0, 0));
        assert!(connections.are_busy() && connections.is_full());
        assert!(!connections.kill(id) && !one.was_killed());
        drop(one);
        assert!(!connections.are_busy() && !connections.is_full());
    }

    #[test]
    fn the_list_does_not_grow_with_finished_requests() {
        let lifecycle = Lifecycle::new(10).unwrap();
        for _ in 0..1000 {
            drop(begin(&lifecycle));
        }
        assert_eq!(lock(&lifecycle.connections().slots).entries.len(), 1);
    }

    #[test]
    fn who_is_killed_before_it_runs_is_killed_when_it_does() {
        let lifecycle = Lifecycle::new(10).unwrap();
        let place = begin(&lifecycle);
        assert!(lifecycle.connections().kill(place.connection().id()));
        // In a thread of its own, which stays killed.
        std::thread::spawn(move || {
            place.run_by(Task::current());
            assert!(Task::current().is_killed());
        })
        .join()
        .unwrap();
    }

    #[test]
    fn only_one_of_several_is_killed() {
        let lifecycle = Lifecycle::new(10).unwrap();
        let one = begin(&lifecycle);
        assert!(lifecycle.connections().kill(one.connection().id()));
        assert!(!lifecycle.connections().kill(u64::MAX));
    }
}
