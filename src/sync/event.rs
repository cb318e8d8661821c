//! A flag that can be waited for.

use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use super::queue::{Granted, Source, WaitQueue, Waiting};
use super::shim::{Mutex, lock};
use crate::error::WaitError;
use crate::runtime::{NEVER, Task, after};

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
    waiting: WaitQueue<Arc<Task>, (), ()>,
}

impl Event {
    /// An event that is not set.
    pub const fn new() -> Self {
        Event {
            state: Mutex::new(State {
                set: false,
                waiting: WaitQueue::new(),
            }),
        }
    }

    /// Sets the flag and releases all who wait. Never waits itself.
    pub fn set(&self) {
        let released = {
            let mut state = lock(&self.state);
            state.set = true;
            state.waiting.grant_all(|()| ())
        };
        released.into_iter().for_each(Granted::wake);
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

    fn wait_until(&self, deadline: u64) -> Result<(), WaitError> {
        let place = {
            let mut state = lock(&self.state);
            if state.set {
                return Ok(());
            }
            state.waiting.enter(Task::current(), ())
        };
        Waiting::new(self, place).wait(deadline).map_err(|(err, ())| err)
    }
}

impl Source for Event {
    type Parker = Arc<Task>;
    type Offer = ();
    type Grant = ();

    fn with_queue<R>(&self, f: impl FnOnce(&mut WaitQueue<Arc<Task>, (), ()>) -> R) -> R {
        f(&mut lock(&self.state).waiting)
    }

    /// Everybody was released anyway.
    fn take_back(&self, (): ()) {}
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
