//! The members of a group, by their places and by their tasks.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::KillReason;
use crate::runtime::Task;

pub(super) struct Members {
    /// By a number of the group's own, so that the first spawned come first.
    places: BTreeMap<u64, Member>,
    /// The key of each member whose task is known, by the task's number.
    keys: BTreeMap<u64, u64>,
    next_key: u64,
}

pub(super) enum Member {
    /// Being spawned, so there is no task to point at yet.
    Starting,
    /// Killed while it was being spawned.
    Doomed(Option<KillReason>),
    Running(Arc<Task>),
    /// Spawned elsewhere; it tells its end by the notice of this ticket.
    Added(Arc<Task>, u64),
}

impl Members {
    pub(super) fn new() -> Members {
        Members {
            places: BTreeMap::new(),
            keys: BTreeMap::new(),
            next_key: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn new_key(&mut self) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        key
    }

    pub(super) fn take_place(&mut self) -> u64 {
        let key = self.new_key();
        self.places.insert(key, Member::Starting);
        key
    }

    /// Notes which coroutine has the place, and returns what stood there;
    /// `None` if it has already ended.
    pub(super) fn started(&mut self, key: u64, task: &Arc<Task>) -> Option<Member> {
        let member = self.places.get_mut(&key)?;
        let before = std::mem::replace(member, Member::Running(Arc::clone(task)));
        self.keys.insert(task.id(), key);
        Some(before)
    }

    /// Takes in who was spawned elsewhere; `at_end` has its end told for the
    /// key that it is given. False if it is a member already or has ended.
    pub(super) fn add(&mut self, task: &Arc<Task>, at_end: impl FnOnce(u64) -> Option<u64>) -> bool {
        if self.keys.contains_key(&task.id()) {
            return false;
        }
        let key = self.new_key();
        let Some(ticket) = at_end(key) else {
            return false;
        };
        self.places.insert(key, Member::Added(Arc::clone(task), ticket));
        self.keys.insert(task.id(), key);
        true
    }

    pub(super) fn key_of(&self, task: &Task) -> Option<u64> {
        self.keys.get(&task.id()).copied()
    }

    pub(super) fn remove(&mut self, key: u64) -> Option<Member> {
        let member = self.places.remove(&key)?;
        if let Member::Running(task) | Member::Added(task, _) = &member {
            self.keys.remove(&task.id());
        }
        Some(member)
    }

    /// Those to be killed; those that are being spawned will be.
    pub(super) fn condemn(&mut self, reason: Option<&KillReason>) -> Vec<Arc<Task>> {
        let mut running = Vec::new();
        for member in self.places.values_mut() {
            match member {
                Member::Running(task) | Member::Added(task, _) => running.push(Arc::clone(task)),
                Member::Starting => *member = Member::Doomed(reason.cloned()),
                Member::Doomed(_) => {}
            }
        }
        running
    }
}
