//! Tasks as the runtime promises them to be: who is roused while it does not
//! wait does not wait the next time, and a kill or a dismissal ends all waits.

use std::sync::Arc;
use std::time::Duration;

use greenserve::WaitError;
use loom::sync::{Condvar, Mutex};

pub const NEVER: u64 = 0;
/// A deadline that has passed.
const PAST: u64 = 1;

/// Times that are over are told from all others, which never come.
pub fn after(limit: Duration) -> u64 {
    if limit.is_zero() { PAST } else { NEVER }
}

pub fn passed(deadline: u64) -> bool {
    deadline == PAST
}

pub fn earlier(one: u64, other: u64) -> u64 {
    one.max(other)
}

pub fn yield_now() {
    loom::thread::yield_now();
}

#[derive(Debug)]
pub struct Task {
    signals: Mutex<Signals>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Signals {
    roused: bool,
    killed: bool,
    dismissed: bool,
}

impl Signals {
    fn end(&self) -> Result<(), WaitError> {
        match (self.killed, self.dismissed) {
            (true, _) => Err(WaitError::Killed),
            (_, true) => Err(WaitError::Draining),
            _ => Ok(()),
        }
    }
}

loom::thread_local! {
    static CURRENT: Arc<Task> = Arc::new(Task {
        signals: Mutex::default(),
        changed: Condvar::new(),
    });
}

impl Task {
    /// Each of loom's threads is a task.
    pub fn current() -> Arc<Task> {
        CURRENT.with(Arc::clone)
    }

    pub fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub fn park(&self, deadline: u64) -> Result<(), WaitError> {
        let mut signals = self.signals.lock().unwrap();
        while !signals.roused && signals.end().is_ok() && !passed(deadline) {
            signals = self.changed.wait(signals).unwrap();
        }
        let roused = std::mem::take(&mut signals.roused);
        signals.end()?;
        if roused { Ok(()) } else { Err(WaitError::Deadline) }
    }

    pub fn kill(self: &Arc<Task>) {
        self.tell(|signals| signals.killed = true);
    }

    pub fn is_killed(&self) -> bool {
        self.signals.lock().unwrap().killed
    }

    pub fn dismiss(&self) {
        self.tell(|signals| signals.dismissed = true);
    }

    pub fn recall(&self) {
        self.signals.lock().unwrap().dismissed = false;
    }

    pub fn rouse(&self) {
        self.tell(|_| {});
    }

    fn tell(&self, what: impl FnOnce(&mut Signals)) {
        let mut signals = self.signals.lock().unwrap();
        what(&mut signals);
        signals.roused = true;
        drop(signals);
        self.changed.notify_one();
    }
}
