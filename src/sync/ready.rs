//! Waiting for several things at once.

use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, mem};

use super::lookout::{Lookout, Notice};
use super::waitable::{Waitable, Watched};
use crate::error::WaitError;
use crate::runtime::{Awaited, NEVER, Task, after};

/// Waits until one of `objects` has come, and returns its place among them:
/// `gevent.wait(objects, count=1)`, `select` of Go.
///
/// If several have come already, it is the first of the list. So put what ends
/// a loop before what it works on.
///
/// ```
/// use greenserve::sync::{Event, channel, wait_any};
///
/// let stop = Event::new();
/// let (sender, orders) = channel(8);
/// sender.send("tea")?;
/// let mut served = Vec::new();
/// while wait_any(&[&stop, &orders])? == 1 {
///     served.push(orders.recv()?);
///     stop.set();
/// }
/// assert_eq!(served, ["tea"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WaitError`], and only if none of them has come: the caller was killed,
/// the deadline of a surrounding [`Timeout`](super::Timeout) passed, or a
/// panic is unwinding the coroutine. [`WaitError::Disconnected`] for no
/// objects at all: that wait could never end.
pub fn wait_any(objects: &[&dyn Waitable]) -> Result<usize, WaitError> {
    first_until(objects, NEVER)
}

/// As [`wait_any`], for at most `limit`: `gevent.wait(objects, timeout,
/// count=1)`.
///
/// ```
/// use greenserve::{WaitError, sync::{Event, wait_any_timeout}};
/// use std::time::Duration;
///
/// let never = Event::new();
/// let ended = wait_any_timeout(&[&never], Duration::from_millis(1));
/// assert_eq!(ended, Err(WaitError::Deadline));
/// ```
///
/// # Errors
/// As [`wait_any`], and [`WaitError::Deadline`] when the limit passes.
pub fn wait_any_timeout(objects: &[&dyn Waitable], limit: Duration) -> Result<usize, WaitError> {
    first_until(objects, after(limit))
}

/// Waits until each of `objects` has come: `gevent.wait(objects)`.
///
/// Each counts from when it comes, even if it is gone again before the last
/// one has: an event that was cleared, a value that somebody else received.
///
/// ```
/// use greenserve::{runtime::spawn, sync::{AsyncResult, wait_all}};
///
/// let answer: AsyncResult<u8> = AsyncResult::new();
/// let worker = spawn(|| ())?;
/// answer.set(42).expect("it is not set");
/// wait_all(&[&answer, &worker])?;
/// assert!(worker.is_finished());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WaitError`], and only if one has not come: the caller was killed, the
/// deadline of a surrounding [`Timeout`](super::Timeout) passed, or a panic is
/// unwinding the coroutine.
pub fn wait_all(objects: &[&dyn Waitable]) -> Result<(), WaitError> {
    all_until(objects, NEVER)
}

/// As [`wait_all`], for at most `limit`. To know which have come by then, use
/// [`ready`] with [`timeout`](Ready::timeout).
///
/// # Errors
/// As [`wait_all`], and [`WaitError::Deadline`] when the limit passes.
pub fn wait_all_timeout(objects: &[&dyn Waitable], limit: Duration) -> Result<(), WaitError> {
    all_until(objects, after(limit))
}

/// Whatever comes first, then whatever comes next, until all of `objects` have:
/// `gevent.iwait(objects)`, `concurrent.futures.as_completed`.
///
/// Yields the place of each among the objects, once. What had come before the
/// first step comes first, in the order of the list. `take(count)` ends it
/// after so many (`count=...` in gevent), [`timeout`](Ready::timeout) after a
/// while.
///
/// ```
/// use greenserve::{runtime::{sleep, spawn}, sync};
/// use std::time::Duration;
///
/// let slow = spawn(|| sleep(Duration::from_millis(20)))?;
/// let fast = spawn(|| sleep(Duration::from_millis(1)))?;
/// let order: Result<Vec<usize>, _> = sync::ready(&[&slow, &fast]).collect();
/// assert_eq!(order?, [1, 0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "iwait")]
pub fn ready<'a>(objects: &[&'a dyn Waitable]) -> Ready<'a> {
    Ready {
        objects: objects.to_vec(),
        lookout: Lookout::new(),
        tickets: Vec::new(),
        asked: Vec::new(),
        left: objects.len(),
        begun: false,
        deadline: NEVER,
    }
}

fn first_until(objects: &[&dyn Waitable], deadline: u64) -> Result<usize, WaitError> {
    if let Some(first) = objects.iter().position(|object| object.is_ready()) {
        return Ok(first);
    }
    if objects.is_empty() {
        return Err(WaitError::Disconnected);
    }
    ready(objects).wait_until(deadline)
}

fn all_until(objects: &[&dyn Waitable], deadline: u64) -> Result<(), WaitError> {
    let mut coming = ready(objects);
    while coming.left > 0 {
        coming.wait_until(deadline)?;
    }
    Ok(())
}

/// The order in which things come; made by [`ready`].
///
/// Each item is the place of what has come. An item is an error, the last one,
/// when the caller was killed, the deadline of a surrounding
/// [`Timeout`](super::Timeout) passed, or a panic is unwinding the coroutine.
/// To be used by the task that made it, or by one after the other.
#[must_use = "an iterator waits for nothing until it is asked"]
pub struct Ready<'a> {
    objects: Vec<&'a dyn Waitable>,
    lookout: Arc<Lookout<Arc<Task>>>,
    /// Where its notices are kept: the place of an object and the ticket there.
    tickets: Vec<(usize, u64)>,
    /// The places of those that keep no notices and have not come.
    asked: Vec<usize>,
    left: usize,
    begun: bool,
    deadline: u64,
}

impl Ready<'_> {
    /// Ends the iterator when `limit` has passed from now, without an error:
    /// `timeout=...` in gevent. There is no limit by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = after(limit);
        self
    }

    fn wait_until(&mut self, deadline: u64) -> Result<usize, WaitError> {
        self.begin();
        let number = self.next_to_come(deadline)?;
        self.left -= 1;
        self.asked.retain(|asked| *asked != number);
        Ok(number)
    }

    /// Gives each object its notice, once.
    fn begin(&mut self) {
        if mem::replace(&mut self.begun, true) {
            return;
        }
        for (number, object) in self.objects.iter().enumerate() {
            match object.watch(Notice::new(&self.lookout, number)) {
                Watched::Served => {}
                Watched::Kept(ticket) => self.tickets.push((number, ticket)),
                Watched::Asked if object.is_ready() => self.lookout.tell(number),
                Watched::Asked => self.asked.push(number),
            }
        }
    }

    fn next_to_come(&self, deadline: u64) -> Result<usize, WaitError> {
        if let Some(number) = self.lookout.told().or_else(|| self.ask()) {
            return Ok(number);
        }
        let task = Task::awaiting(Awaited::Several, &*self.lookout);
        let _attending = Attending::begin(self, &task);
        self.lookout.wait(deadline, &task, || self.ask())
    }

    fn ask(&self) -> Option<usize> {
        let mut asked = self.asked.iter().copied();
        asked.find(|number| self.objects[*number].is_ready())
    }
}

impl Iterator for Ready<'_> {
    type Item = Result<usize, WaitError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let next = self.wait_until(self.deadline);
        if next.is_err() {
            self.left = 0;
        }
        (next != Err(WaitError::Deadline)).then_some(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl FusedIterator for Ready<'_> {}

impl Drop for Ready<'_> {
    fn drop(&mut self) {
        for (number, ticket) in self.tickets.drain(..) {
            self.objects[number].unwatch(ticket);
        }
    }
}

impl fmt::Debug for Ready<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("objects", &self.objects.len())
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// One wait, during which those that keep no notices wake the task; over when
/// dropped, also by a panic.
struct Attending<'a> {
    ready: &'a Ready<'a>,
    task: &'a Task,
}

impl<'a> Attending<'a> {
    fn begin(ready: &'a Ready<'a>, task: &'a Arc<Task>) -> Self {
        let attending = Attending { ready, task };
        for number in &ready.asked {
            ready.objects[*number].attend(task);
        }
        attending
    }
}

impl Drop for Attending<'_> {
    fn drop(&mut self) {
        for number in &self.ready.asked {
            self.ready.objects[*number].leave(self.task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{spawn, until};
    use super::super::{AsyncResult, Event, Group, Pool, channel};
    use super::*;
    use crate::runtime;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    const LONG: Duration = Duration::from_secs(600);

    /// Lets `wait` begin to wait for one of each kind, and looks whether it
    /// has left all of them when it has returned.
    fn leaves_all(wait: impl FnOnce(Ready<'_>)) {
        let never = Arc::new(Event::new());
        let sleep = || {
            let theirs = Arc::clone(&never);
            move || theirs.wait()
        };
        let (coroutine, shared) = (spawn(sleep()), spawn(sleep()).share());
        let (event, result) = (Event::new(), AsyncResult::<u8, u8>::new());
        let (_sender, receiver) = channel::<u8>(1);
        let (group, pool) = (
            Group::new().kill_on_drop(true),
            Pool::new(1).unwrap().kill_on_drop(true),
        );
        group.spawn(sleep()).unwrap();
        pool.spawn(sleep()).unwrap();
        let ready = ready(&[&coroutine, &shared, &event, &result, &receiver, &group, &pool]);
        let lookout = Arc::downgrade(&ready.lookout);
        let pointed_at = Arc::strong_count(&Task::current());
        wait(ready);
        assert!(lookout.upgrade().is_none(), "a notice was left behind");
        assert_eq!(Arc::strong_count(&Task::current()), pointed_at);
        never.set();
    }

    #[test]
    fn a_wait_that_ended_is_remembered_by_nobody() {
        leaves_all(|ready| drop(ready));
        leaves_all(|ready| assert!(ready.timeout(Duration::from_millis(2)).next().is_none()));
        spawn(|| {
            leaves_all(|mut ready| {
                Task::current().kill();
                assert_eq!(ready.next(), Some(Err(WaitError::Killed)));
                assert_eq!(ready.next(), None);
            });
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_panic_leaves_all_too() {
        leaves_all(|ready| {
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                let mut ready = ready.timeout(Duration::from_millis(2));
                ready.begin();
                let task = Task::current();
                let _attending = Attending::begin(&ready, &task);
                std::panic::resume_unwind(Box::new("on purpose"));
            }));
            assert!(panicked.is_err());
        });
    }

    #[test]
    fn what_another_receiver_took_has_not_come() {
        let (sender, receiver) = channel(1);
        let mut coming = ready(&[&receiver]).timeout(Duration::from_millis(5));
        coming.begin();
        sender.try_send(1).unwrap();
        assert_eq!(receiver.try_recv(), Ok(Some(1)));
        assert_eq!(coming.next(), None);
    }

    #[test]
    fn the_iterator_may_go_from_one_task_to_the_next() {
        static EVENTS: [Event; 2] = [const { Event::new() }; 2];
        let coming = Arc::new(std::sync::Mutex::new(Vec::new()));
        let theirs = Arc::clone(&coming);
        spawn(move || {
            let mut ready = ready(&[&EVENTS[0], &EVENTS[1]]);
            EVENTS[1].set();
            assert_eq!(ready.next(), Some(Ok(1)));
            // On the same thread, where what is not `Send` may go.
            let Ok(other) = runtime::spawn_local(move || ready.timeout(LONG).next()) else {
                return EVENTS[0].set();
            };
            runtime::yield_now();
            EVENTS[0].set();
            theirs.lock().unwrap().push(other.join().unwrap());
        })
        .join()
        .unwrap();
        until(|| EVENTS[0].is_set());
        assert!(matches!(coming.lock().unwrap()[..], [Some(Ok(0))] | []));
    }
}
