//! Who runs in a scope, and the wait for their end.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{process, thread};

use super::clock::NEVER;
use super::lock::lock;
use super::task::{Task, Wait};

/// How long a wait that can no longer suspend blocks its thread before it gives
/// the process up.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// The coroutines of one scope.
pub(super) struct Children {
    /// Who entered the scope, and waits at its end.
    owner: Arc<Task>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the order in which they were spawned; without a task while that is
    /// being done.
    running: BTreeMap<u64, Option<Arc<Task>>>,
    spawned: u64,
    /// All are killed, also those that come yet.
    are_doomed: bool,
    are_awaited: bool,
    /// Ended by panics that no join has taken.
    panics: usize,
}

/// A child's presence. As long as there is one, the scope does not return, so
/// it goes last of all that a child has.
pub(super) struct Presence {
    children: Arc<Children>,
    key: u64,
}

impl Children {
    pub(super) fn of(owner: Arc<Task>) -> Arc<Children> {
        Arc::new(Children {
            owner,
            state: Mutex::default(),
        })
    }

    pub(super) fn enter(self: &Arc<Self>) -> Presence {
        let mut state = lock(&self.state);
        let key = state.spawned;
        state.spawned += 1;
        state.running.insert(key, None);
        Presence {
            children: Arc::clone(self),
            key,
        }
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.state).running.len()
    }

    /// Notes which task a child is, unless it has ended already.
    pub(super) fn started(&self, key: u64, task: &Arc<Task>) {
        let is_doomed = {
            let mut state = lock(&self.state);
            match state.running.get_mut(&key) {
                Some(child) => *child = Some(Arc::clone(task)),
                None => return,
            }
            state.are_doomed
        };
        if is_doomed {
            self.kill(task);
        }
    }

    pub(super) fn panicked(&self) {
        lock(&self.state).panics += 1;
    }

    /// Somebody was told of one panic.
    pub(super) fn forgive(&self) {
        lock(&self.state).panics -= 1;
    }

    pub(super) fn panics(&self) -> usize {
        lock(&self.state).panics
    }

    /// Kills all there are and all that come.
    pub(super) fn doom(&self) {
        let running: Vec<_> = {
            let mut state = lock(&self.state);
            state.are_doomed = true;
            state.running.values().flatten().cloned().collect()
        };
        running.iter().for_each(|task| self.kill(task));
    }

    /// For the reason for which the owner was killed, if it was.
    fn kill(&self, child: &Arc<Task>) {
        match self.owner.kill_reason() {
            Some(reason) => child.kill_for(reason),
            None => child.kill(),
        }
    }

    /// Waits until all have ended, whatever becomes of the owner: once it is
    /// killed or late they are killed, and waited for all the same. Never
    /// unwinds; what unwound its wait is returned.
    pub(super) fn wait_for_end(&self) -> Option<Box<dyn Any + Send>> {
        let mut unwound = None;
        while !self.have_ended() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.wait())) {
                self.doom();
                self.wait_blocking();
                unwound = Some(payload);
            }
        }
        unwound
    }

    fn have_ended(&self) -> bool {
        let mut state = lock(&self.state);
        state.are_awaited = true;
        state.running.is_empty()
    }

    fn wait(&self) {
        self.owner
            .note(Wait::Group, (std::ptr::from_ref(self).addr() >> 4) as u32);
        let are_doomed = lock(&self.state).are_doomed;
        if are_doomed {
            self.owner.park_regardless();
        } else if self.owner.park(NEVER).is_err() {
            self.doom();
        }
    }

    /// For a coroutine that `may` has cancelled: `may` lets it wait no more,
    /// and its frames cannot go, since the children borrow them. Those on other
    /// workers may end; for one on this worker there is no way out.
    fn wait_blocking(&self) {
        let begin = Instant::now();
        while !self.have_ended() {
            if begin.elapsed() > LAST_PATIENCE {
                log::error!(
                    "{}: cancelled by `may` in a scope whose coroutines run and borrow its frames; the process ends",
                    self.owner.name()
                );
                process::abort();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn leave(&self, key: u64) {
        let (gone, is_last) = {
            let mut state = lock(&self.state);
            let gone = state.running.remove(&key);
            (gone, state.are_awaited && state.running.is_empty())
        };
        if is_last {
            self.owner.wake();
        }
        drop(gone);
    }
}

impl Presence {
    pub(super) fn children(&self) -> &Arc<Children> {
        &self.children
    }

    pub(super) fn key(&self) -> u64 {
        self.key
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.children.leave(self.key);
    }
}
