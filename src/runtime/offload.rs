//! Calls that block a thread, run on threads of their own.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use std::{io, thread};

use super::clock::NEVER;
use super::crew::StandsBy;
use super::latch::Latch;
use super::lock::lock;
use super::task::{Awaited, Task};
use super::{engine, running};
use crate::error::WaitError;

/// How long an off-load thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(5);
const STACK: usize = 1024 * 1024;

type Call = Box<dyn FnOnce() + Send>;

static POOL: Pool = Pool {
    state: Mutex::new(State {
        queue: VecDeque::new(),
        threads: 0,
        idle: 0,
        waiting_for_room: VecDeque::new(),
    }),
    work: Condvar::new(),
};

struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    queue: VecDeque<Call>,
    threads: usize,
    idle: usize,
    waiting_for_room: VecDeque<Arc<Task>>,
}

impl State {
    fn stands_in_line(&self, task: &Task) -> bool {
        self.waiting_for_room.iter().any(|waiting| waiting.id() == task.id())
    }

    /// False when the task had been called already, or never stood there.
    fn leave_line(&mut self, task: &Task) -> bool {
        let before = self.waiting_for_room.len();
        self.waiting_for_room.retain(|waiting| waiting.id() != task.id());
        self.waiting_for_room.len() < before
    }

    /// Wakes who waits longest for room in the queue.
    fn call_next(&mut self) {
        if let Some(task) = self.waiting_for_room.pop_front() {
            task.wake();
        }
    }
}

/// Runs a call that blocks its thread (a file, a database driver, a long
/// computation) on a pool of threads and suspends only the caller.
///
/// In a thread it simply runs the call. The pool holds at most
/// [`Config::offload_threads`](super::Config::offload_threads) threads and
/// [`Config::offload_queue`](super::Config::offload_queue) waiting calls; a
/// caller beyond that waits for room. A panic in the call continues in the
/// caller.
///
/// # Errors
/// An [`io::Error`] carrying a [`WaitError`] when the caller is killed or a
/// surrounding timeout passes. The call itself cannot be interrupted: it runs
/// to its end and its result is dropped. Any other error is the system's
/// refusal to start a thread.
///
/// ```
/// use greenserve::runtime::{offload, spawn};
///
/// let text = spawn(|| offload(|| std::fs::read_to_string("Cargo.toml")))?;
/// assert!(text.join().expect("no panic")??.contains("greenserve"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn offload<F, T>(f: F) -> io::Result<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if !engine::in_coroutine() {
        return Ok(f());
    }
    let done = Arc::new(Latch::new());
    let theirs = Arc::clone(&done);
    POOL.submit(Box::new(move || drop(theirs.open(catch_unwind(AssertUnwindSafe(f))))))?;
    done.wait(&Task::awaiting(Awaited::Call, &*done), NEVER)?;
    match done.take() {
        Some(Ok(result)) => Ok(result),
        Some(Err(payload)) => resume_unwind(payload),
        None => Err(WaitError::Disconnected.into()),
    }
}

/// What the off-load pool has to do; see [`offload_load`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffloadLoad {
    /// Its threads, also those that wait for a call.
    pub threads: usize,
    /// Those that wait for a call.
    pub idle: usize,
    /// Calls that wait for a thread.
    pub queued: usize,
    /// Callers that wait for room in the queue.
    pub waiting: usize,
}

/// What the threads of [`offload`] have to do now. A queue that does not empty
/// wants more threads ([`Config::offload_threads`](super::Config::offload_threads)),
/// or fewer calls.
///
/// ```
/// let load = greenserve::runtime::offload_load();
/// assert!(load.idle <= load.threads);
/// ```
pub fn offload_load() -> OffloadLoad {
    let state = lock(&POOL.state);
    OffloadLoad {
        threads: state.threads,
        idle: state.idle,
        queued: state.queue.len(),
        waiting: state.waiting_for_room.len(),
    }
}

impl Pool {
    fn submit(&'static self, call: Call) -> io::Result<()> {
        let config = &running().map_err(io::Error::other)?.config;
        let task = Task::awaiting(Awaited::Call, self);
        let mut stood = false;
        loop {
            let mut state = lock(&self.state);
            if state.queue.len() < config.offload_queue_limit() {
                if stood {
                    // Still, if it was for another reason that it woke.
                    state.leave_line(&task);
                }
                state.queue.push_back(call);
                return self.find_a_thread(state, config.offload_thread_limit());
            }
            // Once only, however often it wakes for nothing: a second place
            // would take somebody else's wake-up.
            if !stood || !state.stands_in_line(&task) {
                state.waiting_for_room.push_back(Arc::clone(&task));
                stood = true;
            }
            drop(state);
            if let Err(err) = task.park(NEVER) {
                self.give_up(&task);
                return Err(err.into());
            }
        }
    }

    /// Leaves without the room that was waited for; if it had been this
    /// task's turn already, it is the next one's.
    fn give_up(&self, task: &Task) {
        let mut state = lock(&self.state);
        if !state.leave_line(task) {
            state.call_next();
        }
    }

    /// Sees to it that somebody takes the call just queued.
    fn find_a_thread(&'static self, mut state: std::sync::MutexGuard<'_, State>, limit: usize) -> io::Result<()> {
        if state.idle >= state.queue.len() || state.threads >= limit {
            self.work.notify_one();
            return Ok(());
        }
        state.threads += 1;
        let spawned = thread::Builder::new()
            .name("greenserve-offload".to_owned())
            .stack_size(STACK)
            .spawn(move || self.serve());
        let Err(err) = spawned else {
            return Ok(());
        };
        state.threads -= 1;
        if state.threads > 0 {
            log::warn!(
                "cannot start another off-load thread, {} carry on: {err}",
                state.threads
            );
            return Ok(());
        }
        // Nobody would ever take it: the newest call is the one just queued.
        state.queue.pop_back();
        Err(err)
    }

    fn serve(&self) {
        while let Some(call) = self.next() {
            call();
        }
    }

    fn next(&self) -> Option<Call> {
        let mut state = lock(&self.state);
        loop {
            if let Some(call) = state.queue.pop_front() {
                state.call_next();
                return Some(call);
            }
            state.idle += 1;
            let stands_by = StandsBy::new();
            let (woken, waited) = self
                .work
                .wait_timeout(state, IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            drop(stands_by);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}
