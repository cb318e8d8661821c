//! One way to perform an operation on a socket.
//!
//! In a coroutine an operation that cannot proceed suspends, and the descriptor
//! is registered for it; a stream's first operations are tried before that. In
//! a thread it is an ordinary blocking descriptor and the kernel blocks, until
//! it first has a deadline to keep. Which of the two it is, is decided at each
//! call, so a socket may move from one to the other.

use std::io;
use std::os::fd::AsFd;

use super::polling::Polling;
use super::socket::Socket;
use super::time_limits::Due;
use crate::error::WaitError;
use crate::runtime::{self, Direction, NEVER, Outcome, Readiness, Task, earlier, passed, poll_thread};

impl<S: AsFd> Socket<S> {
    /// Performs `operation`, waiting as long as it would block.
    pub(super) fn perform<R>(&self, direction: Direction, operation: impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        self.perform_judged(&mut Due::new(direction), operation, |_| false)
    }

    /// As [`perform`](Socket::perform), as a part of an operation that is due;
    /// `took_all` says of a result that the kernel has no more, so that the
    /// next operation waits first.
    pub(super) fn perform_judged<R>(
        &self,
        due: &mut Due,
        mut operation: impl FnMut(&S) -> io::Result<R>,
        took_all: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        self.check_may_begin(due.direction())?;
        let result = match self.registration()? {
            Some(readiness) => self.perform_registered(readiness, due, operation, took_all),
            None if self.is_watched() => self.perform_watched(due, &mut operation),
            None => self.perform_blocking(due, &mut operation),
        };
        // Who kills shuts the socket down, and then a write fails with EPIPE.
        result.or_else(|err| self.check_killed().and(Err(self.named(err, due))))
    }

    /// What never had to wait is not registered yet, and need not be if this
    /// does not have to either: a short connection, whose request comes with
    /// it, is answered and closed without. `operation` must not block; `None`
    /// if it would, and for every socket but a new one in a coroutine.
    pub(super) fn perform_unregistered<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<Option<R>> {
        if self.registered().is_some() || !runtime::in_coroutine() {
            return Ok(None);
        }
        self.check_may_begin(direction)?;
        match operation(self.system()) {
            Ok(done) => {
                self.turns.count_operation();
                Ok(Some(done))
            }
            Err(err) if matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(err) => self.check_killed().and(Err(err)),
        }
    }

    fn check_may_begin(&self, direction: Direction) -> io::Result<()> {
        self.check_killed()?;
        self.limits.check(direction)?;
        if self.is_watched() && self.turns.is_first() {
            // A client that never has to be waited for grows old too.
            self.check_age()?;
        }
        Ok(())
    }

    /// By when the next wait must have ended, with the deadlines of the
    /// connection.
    fn next_wait(&self, due: &mut Due) -> u64 {
        let limit = self.limits.next_wait(due);
        match self.is_watched() {
            true => earlier(limit, self.pace.next_wait(due.direction(), &mut due.progress)),
            false => limit,
        }
    }

    fn named(&self, err: io::Error, due: &Due) -> io::Error {
        match WaitError::of(&err) {
            Some(WaitError::Deadline) if self.is_watched() => {
                let missed = self.pace.missed(&due.progress);
                missed.map_or(err, |deadline| self.overdue(deadline))
            }
            _ => err,
        }
    }

    /// Performs `operation`, waiting as long as it would block, where the
    /// kernel does not report when it no longer does.
    pub(super) fn perform_polling<R>(
        &self,
        direction: Direction,
        mut operation: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let deadline = self.limits.next_wait(&mut Due::new(direction));
        let scope = Task::with_current(|task| task.scope());
        if self.registration()?.is_none() && runtime::earlier(deadline, scope) != NEVER {
            self.never_block()?;
        }
        let mut polling = Polling::new();
        loop {
            self.check_killed()?;
            match operation(self.system()) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => polling.pause(deadline)?,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    self.turns.count_operation();
                    return result;
                }
            }
        }
    }

    fn perform_registered<R>(
        &self,
        readiness: &Readiness,
        due: &mut Due,
        mut operation: impl FnMut(&S) -> io::Result<R>,
        took_all: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        let direction = due.direction();
        let mut deadline = None;
        loop {
            if readiness.worth_trying(direction) {
                let mark = readiness.mark(direction);
                match operation(self.system()) {
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => readiness.would_block(direction, mark),
                    Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                    result => {
                        if result.as_ref().is_ok_and(&took_all) {
                            readiness.exhausted(direction, mark);
                        }
                        self.turns.count_operation();
                        return result;
                    }
                }
            }
            let deadline = *deadline.get_or_insert_with(|| self.next_wait(due));
            self.turns.begin_anew();
            if runtime::in_coroutine() {
                readiness.wait(direction, deadline)?;
            } else {
                poll_thread(self.as_fd(), direction, deadline)?;
                readiness.assume(direction);
            }
            self.check_killed()?;
        }
    }

    /// In a thread, with deadlines: they begin when the client is waited for.
    fn perform_watched<R>(&self, due: &mut Due, operation: &mut impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        Task::with_current(|task| task.may_wait(NEVER))?;
        self.never_block()?;
        let mut deadline = None;
        loop {
            match operation(self.system()) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                    let deadline = *deadline.get_or_insert_with(|| self.next_wait(due));
                    poll_thread(self.as_fd(), due.direction(), deadline)?;
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
            self.check_killed()?;
        }
    }

    /// In a thread: the kernel blocks, unless there is a deadline to keep or
    /// a duplicate of the descriptor was made non-blocking.
    ///
    /// poll(2) alone keeps no deadline: a blocking write that may begin blocks
    /// until the last byte has found room, and what was ready may be gone.
    /// After the deadline, what is ready is still taken, as in a coroutine.
    fn perform_blocking<R>(&self, due: &mut Due, operation: &mut impl FnMut(&S) -> io::Result<R>) -> io::Result<R> {
        let direction = due.direction();
        let deadline = self.limits.next_wait(due);
        let scope = Task::with_current(|task| task.may_wait(NEVER).map(|()| task.scope()))?;
        let is_limited = runtime::earlier(deadline, scope) != NEVER;
        if is_limited {
            self.never_block()?;
        }
        let mut poll_first = is_limited && !passed(deadline);
        loop {
            if poll_first {
                poll_thread(self.as_fd(), direction, deadline)?;
            }
            match operation(self.system()) {
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => poll_first = true,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
            self.check_killed()?;
        }
    }

    /// Waits until `direction` is worth a try without trying it; a coroutine
    /// may also be roused.
    pub(super) fn wait_or_roused(&self, direction: Direction, deadline: u64) -> io::Result<Outcome> {
        match self.registration()? {
            Some(readiness) if runtime::in_coroutine() => Ok(readiness.wait_or_roused(direction, deadline)?),
            _ => poll_thread(self.as_fd(), direction, deadline).map(|()| Outcome::Ready),
        }
    }

    /// The next wait for `direction` must wait for the kernel's word.
    pub(super) fn assume_busy(&self, direction: Direction) -> io::Result<()> {
        if let Some(readiness) = self.registration()? {
            readiness.exhausted(direction, readiness.mark(direction));
        }
        Ok(())
    }

    /// Waits until `direction` is worth a try without trying it, for as long as
    /// an operation would wait.
    pub(super) fn wait_for(&self, direction: Direction) -> io::Result<()> {
        let registration = self.registration()?;
        self.wait_bounded(direction, |deadline| match registration {
            Some(readiness) if runtime::in_coroutine() => Ok(readiness.wait(direction, deadline)?),
            _ => poll_thread(self.as_fd(), direction, deadline),
        })
    }

    /// Runs `wait` with the instant by which an operation's wait must have
    /// ended.
    pub(super) fn wait_bounded(
        &self,
        direction: Direction,
        wait: impl FnOnce(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        self.check_killed()?;
        self.limits.check(direction)?;
        let mut due = Due::new(direction);
        let deadline = self.next_wait(&mut due);
        self.turns.begin_anew();
        let waited = wait(deadline);
        self.check_killed()?;
        waited.map_err(|err| self.named(err, &due))
    }

    /// One try without waiting; `WouldBlock` when it would.
    pub(super) fn attempt<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        self.attempt_judged(direction, operation, |_| false)
    }

    /// As [`attempt`](Socket::attempt); `took_all` as in
    /// [`perform_judged`](Socket::perform_judged).
    pub(super) fn attempt_judged<R>(
        &self,
        direction: Direction,
        operation: impl FnOnce(&S) -> io::Result<R>,
        took_all: impl FnOnce(&R) -> bool,
    ) -> io::Result<R> {
        let Some(readiness) = self.registered() else {
            return operation(self.system());
        };
        let mark = readiness.mark(direction);
        let result = operation(self.system());
        match &result {
            Ok(result) if took_all(result) => readiness.exhausted(direction, mark),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => readiness.would_block(direction, mark),
            _ => {}
        }
        result
    }
}
