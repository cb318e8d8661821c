//! A flag that can be waited for.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::flag::{Flag, State};
use super::lookout::Notice;
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
    flag: Flag<Arc<Task>>,
}

impl Event {
    /// An event that is not set.
    pub const fn new() -> Self {
        Event {
            flag: Flag::new(std::sync::Mutex::new(State::new())),
        }
    }

    /// Sets the flag and releases all who wait. Never waits itself.
    pub fn set(&self) {
        self.flag.set();
    }

    /// Takes the flag back: later waits wait again.
    pub fn clear(&self) {
        self.flag.clear();
    }

    /// True from [`set`](Event::set) until [`clear`](Event::clear).
    pub fn is_set(&self) -> bool {
        self.flag.is_set()
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

    pub(super) fn watch(&self, notice: Notice<Arc<Task>>) -> Option<u64> {
        self.flag.watch(notice)
    }

    pub(super) fn unwatch(&self, ticket: u64) {
        self.flag.unwatch(ticket);
    }

    fn wait_until(&self, deadline: u64) -> Result<(), WaitError> {
        self.flag.wait(deadline, || Task::awaiting(Awaited::Event, self))
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
        event.flag.waiting()
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
