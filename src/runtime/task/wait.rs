//! How a task waits, what ends its wait, and where it then goes on.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{Parker, Task};
use crate::error::WaitError;
use crate::runtime::clock::{self, NEVER};
use crate::runtime::engine;
use crate::runtime::lock::lock;
use crate::runtime::worker::{self, Delivery};

impl Task {
    /// What forbids waiting now: the task was killed, a deadline lies behind
    /// us, or a panic is unwinding (its count belongs to the thread, and a
    /// switch could continue on another).
    pub(crate) fn may_wait(&self, deadline: u64) -> Result<(), WaitError> {
        if self.is_killed() {
            return Err(WaitError::Killed);
        }
        if clock::passed(self.scope()) {
            return Err(WaitError::Timeout);
        }
        if clock::passed(deadline) {
            return Err(WaitError::Deadline);
        }
        if std::thread::panicking() && self.is_coroutine() {
            return Err(WaitError::Unwinding);
        }
        Ok(())
    }

    /// Suspends until [`wake`](Task::wake); may also return early, so the
    /// caller looks again at what it waits for.
    ///
    /// Must be called by the task itself.
    ///
    /// # Errors
    /// [`WaitError`] when the task is killed, when `deadline` passes, or when
    /// the deadline of a surrounding timeout does.
    pub(crate) fn park(self: &Arc<Task>, deadline: u64) -> Result<(), WaitError> {
        self.may_wait(deadline)?;
        let until = clock::earlier(deadline, self.scope());
        match &self.parker {
            Parker::Coroutine(_) => {
                self.arm(until);
                engine::park();
                self.disarm();
                self.settle();
            }
            Parker::Thread { token, given } => park_thread(token, given, until),
        }
        self.may_wait(deadline)
    }

    /// As [`park`](Task::park), for a wait that nothing may cut short.
    pub(in crate::runtime) fn park_regardless(&self) {
        match &self.parker {
            // A switch could end this unwinding on another thread.
            Parker::Coroutine(_) if std::thread::panicking() => std::thread::yield_now(),
            Parker::Coroutine(_) => {
                engine::park();
                self.settle();
            }
            Parker::Thread { token, given } => park_thread(token, given, NEVER),
        }
    }

    /// Goes to the end of the line, behind the sockets that are ready: the way
    /// through the inbox is also the way past epoll.
    pub(in crate::runtime) fn step_aside(self: &Arc<Task>) {
        let here = engine::current_worker().unwrap_or_else(|| self.home.load(Ordering::Relaxed));
        worker::deliver(here, Delivery::Wake(Arc::clone(self)));
        engine::park();
        self.settle();
    }

    /// Goes on on worker `target`.
    ///
    /// More than one attempt is needed when a wake-up that was left over ends
    /// the park on the spot, or when the scheduler was built to steal.
    pub(in crate::runtime) fn move_to(self: &Arc<Task>, target: usize) {
        loop {
            match engine::current_worker() {
                Some(here) if here == target => return,
                Some(here) => worker::send_on(here, self, target),
                None => worker::deliver(target, Delivery::Wake(Arc::clone(self))),
            }
            engine::park();
            self.settle();
        }
    }

    /// Ends the present or the next [`park`](Task::park).
    pub(crate) fn wake(self: &Arc<Task>) {
        match &self.parker {
            Parker::Thread { token, given } => {
                *lock(token) = true;
                given.notify_one();
            }
            Parker::Coroutine(_) => {
                let home = self.home.load(Ordering::Relaxed);
                if worker::may_wake_here(home) {
                    self.deliver_wake();
                } else {
                    worker::deliver(home, Delivery::Wake(Arc::clone(self)));
                }
            }
        }
    }

    /// Ends whatever wait the task is in, of any kind; it finds out why itself.
    pub(crate) fn rouse(self: &Arc<Task>) {
        match &self.parker {
            Parker::Thread { .. } => self.wake(),
            Parker::Coroutine(_) => {
                let home = self.home.load(Ordering::Relaxed);
                if engine::current_worker() == Some(home) {
                    self.deliver_rouse();
                } else {
                    worker::deliver(home, Delivery::Rouse(Arc::clone(self)));
                }
            }
        }
    }

    /// The wake-up itself, on the thread of the worker it was sent to.
    pub(in crate::runtime) fn deliver_wake(&self) {
        if let Parker::Coroutine(handle) = &self.parker
            && let Some(handle) = handle.get()
        {
            handle.unpark();
        }
    }

    /// As [`deliver_wake`](Task::deliver_wake), for both kinds of wait.
    pub(in crate::runtime) fn deliver_rouse(&self) {
        if let Some(waker) = lock(&self.interest).as_ref() {
            waker.wake();
        }
        self.deliver_wake();
    }

    /// Records what a wait for a descriptor must be ended with.
    pub(in crate::runtime) fn note_interest(&self, waker: &Arc<engine::Waker>) {
        let key = Arc::as_ptr(waker).cast_mut();
        // The stored waker keeps its address taken, so an equal key is the
        // same waker and not a successor at the same place.
        if self.interest_key.load(Ordering::Relaxed) != key {
            *lock(&self.interest) = Some(Arc::clone(waker));
            self.interest_key.store(key, Ordering::Relaxed);
        }
    }

    /// Sees to it that the task is roused at `deadline`.
    #[inline]
    pub(in crate::runtime) fn arm(self: &Arc<Task>, deadline: u64) {
        if deadline != NEVER {
            self.wake_at.store(deadline, Ordering::SeqCst);
            worker::arm(self, deadline);
        }
    }

    /// The wait is over: a timer entry that is still queued will find nothing.
    pub(in crate::runtime) fn disarm(&self) {
        if self.wake_at.load(Ordering::Relaxed) != NEVER {
            self.wake_at.store(NEVER, Ordering::Relaxed);
        }
    }

    /// After a switch: this worker is where the coroutine lives now.
    pub(in crate::runtime) fn settle(&self) -> Option<usize> {
        let here = engine::current_worker()?;
        if self.home.load(Ordering::Relaxed) != here {
            self.home.store(here, Ordering::Relaxed);
        }
        Some(here)
    }
}

impl From<WaitError> for io::Error {
    fn from(err: WaitError) -> io::Error {
        io::Error::new(err.kind(), err)
    }
}

fn park_thread(token: &Mutex<bool>, given: &Condvar, until: u64) {
    let mut held = lock(token);
    while !*held {
        held = match clock::remaining(until) {
            None => given.wait(held).unwrap_or_else(PoisonError::into_inner),
            Some(left) if left.is_zero() => return,
            Some(left) => given.wait_timeout(held, left).unwrap_or_else(PoisonError::into_inner).0,
        };
    }
    *held = false;
}
