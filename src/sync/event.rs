//! A flag that can be waited for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::lookout::{Notice, Notices};
use super::shim::{Mutex, lock};
use crate::error::WaitError;
use crate::runtime::{Awaited, NEVER, Task, after};

/// A flag that can be waited for: `threading.Event`, `gevent.event.Event`.
///
/// [`set`](Event::set) releases everybody who waits at that moment, even if
/// [`clear`](Event::clear) follows before they have run.
///
/// ```
/// use greenserve::{runtime, sync::Event};
/// use std::sync::Arc;
///
/// let ready = Arc::new(Event::new());
/// let theirs = Arc::clone(&ready);
/// let waiter = runtime::spawn(move || theirs.wait())?;
/// ready.set();
/// waiter.join().expect("no panic")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Event {
    state: Mutex<State>,
}

struct State {
    set: bool,
    /// How often it was set: who waits since an earlier time is released.
    times: u64,
    next_ticket: u64,
    /// Those who wait, in the order of their tickets.
    waiting: VecDeque<(u64, Arc<Task>)>,
    /// Of those who wait for other things too.
    notices: Notices<Arc<Task>>,
}

impl Event {
    /// An event that is not set.
    pub const fn new() -> Self {
        Event {
            state: Mutex::new(State {
                set: false,
                times: 0,
                next_ticket: 0,
                waiting: VecDeque::new(),
                notices: Notices::new(),
            }),
        }
    }

    /// Sets the flag and releases all who wait. Never waits itself.
    pub fn set(&self) {
        let (released, notices) = {
            let mut state = lock(&self.state);
            state.set = true;
            state.times += 1;
            (std::mem::take(&mut state.waiting), state.notices.take())
        };
        released.into_iter().for_each(|(_, task)| task.wake());
        notices.serve();
    }

    /// Takes the flag back: later waits wait again.
    pub fn clear(&self) {
        lock(&self.state).set = false;
    }

    /// True from [`set`](Event::set) until [`clear`](Event::clear).
    pub fn is_set(&self) -> bool {
        lock(&self.state).set
    }

    /// Waits until the flag is set; returns at once when it is.
    ///
    /// # Errors
    /// An [`io::Error`] that carries a [`WaitError`], and only if the flag is
    /// not set: the caller was killed, the deadline of a surrounding
    /// [`Timeout`](super::Timeout) passed, or a panic is unwinding the
    /// coroutine.
    pub fn wait(&self) -> io::Result<()> {
        Ok(self.wait_until(NEVER)?)
    }

    /// Waits for at most `limit` and returns whether the flag was set by then:
    /// `wait(timeout)` in Python.
    ///
    /// # Errors
    /// As [`wait`](Event::wait). That `limit` passed is no error.
    pub fn wait_timeout(&self, limit: Duration) -> io::Result<bool> {
        match self.wait_until(after(limit)) {
            Ok(()) => Ok(true),
            Err(WaitError::Deadline) => Ok(false),
            Err(err) => Err(err.into()),
        }
    }

    /// Keeps a notice until the flag is set; serves it if it is.
    pub(super) fn watch(&self, notice: Notice<Arc<Task>>) -> Option<u64> {
        let mut state = lock(&self.state);
        if !state.set {
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

    fn wait_until(&self, deadline: u64) -> Result<(), WaitError> {
        let Some(waiting) = self.enter() else {
            return Ok(());
        };
        while !waiting.is_released() {
            if let Err(err) = waiting.task.park(deadline) {
                // Set at the last moment still counts.
                return if waiting.is_released() { Ok(()) } else { Err(err) };
            }
        }
        Ok(())
    }

    /// A place among those who wait; `None` when the flag is set.
    fn enter(&self) -> Option<Waiting<'_>> {
        let mut state = lock(&self.state);
        if state.set {
            return None;
        }
        let (task, ticket) = (Task::awaiting(Awaited::Event, self), state.next_ticket);
        state.next_ticket += 1;
        state.waiting.push_back((ticket, Arc::clone(&task)));
        Some(Waiting {
            event: self,
            task,
            ticket,
            since: state.times,
        })
    }
}

/// Somebody who waits; leaves when dropped, also by a panic.
struct Waiting<'a> {
    event: &'a Event,
    task: Arc<Task>,
    ticket: u64,
    since: u64,
}

impl Waiting<'_> {
    /// Whether the flag has been set since, even if it was cleared again.
    fn is_released(&self) -> bool {
        lock(&self.event.state).times != self.since
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.event.state);
        if let Ok(place) = state.waiting.binary_search_by_key(&self.ticket, |(ticket, _)| *ticket) {
            state.waiting.remove(place);
        }
    }
}

impl Default for Event {
    fn default() -> Self {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_send, assert_sync, reason, spawn, spawn_thread, until};
    use super::*;
    use std::time::Instant;

    fn waiting(event: &Event) -> usize {
        lock(&event.state).waiting.len()
    }

    #[test]
    fn an_event_goes_anywhere() {
        assert_send::<Event>();
        assert_sync::<Event>();
    }

    #[test]
    fn setting_releases_all_even_if_it_is_cleared_at_once() {
        let event = Arc::new(Event::new());
        let coroutines: Vec<_> = (0..50)
            .map(|_| {
                let theirs = Arc::clone(&event);
                spawn(move || theirs.wait())
            })
            .collect();
        let theirs = Arc::clone(&event);
        let (_, thread) = spawn_thread(move || theirs.wait_timeout(Duration::from_secs(60)));
        until(|| waiting(&event) == 51);
        event.set();
        event.clear();
        for coroutine in coroutines {
            coroutine.join().unwrap().unwrap();
        }
        assert!(thread.join().unwrap().unwrap());
        assert!(!event.is_set());
    }

    #[test]
    fn an_event_that_is_set_holds_nobody_up() {
        let event = Event::default();
        event.set();
        assert!(event.is_set());
        event.wait().unwrap();
        assert!(event.wait_timeout(Duration::ZERO).unwrap());
    }

    #[test]
    fn a_limit_that_passes_is_no_error() {
        let event = Event::new();
        let begin = Instant::now();
        assert!(!event.wait_timeout(Duration::from_millis(30)).unwrap());
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(30), "{took:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert_eq!(waiting(&event), 0);
    }

    #[test]
    fn a_killed_waiter_says_so() {
        let event = Arc::new(Event::new());
        let theirs = Arc::clone(&event);
        let waiter = spawn(move || reason(theirs.wait_timeout(Duration::from_secs(60))));
        until(|| waiting(&event) == 1);
        waiter.kill();
        assert_eq!(waiter.join().unwrap(), Some(WaitError::Killed));
        assert_eq!(waiting(&event), 0);
    }
}
