//! How a coroutine is started.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock;
use super::engine::{self, Place, Unstarted};
use super::join::{JoinError, JoinHandle, Packet};
use super::later::{self, Later};
use super::life::{Beginning, Life, outcome};
use super::name::Name;
use super::registry::Reservation;
use super::running;
use super::task::Task;
use crate::error::{Error, Result};

/// A refused spawn hands back what was to be worked on.
pub(crate) struct Refused<C> {
    pub(crate) error: Error,
    pub(crate) cargo: C,
}

/// A coroutine's name, place and time, before it starts.
///
/// ```
/// use greenserve::runtime::{Builder, Task};
///
/// let name = Builder::new()
///     .name("accountant".to_owned())
///     .spawn(|| Task::current().name().to_string())?
///     .join()
///     .expect("no panic");
/// assert_eq!(name, "accountant");
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder starts nothing until `spawn`"]
pub struct Builder {
    name: Name,
    place: Place,
    begin: Begin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begin {
    Now,
    After(Duration),
    At(Instant),
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            name: Name::Static("coroutine"),
            place: Place::Here,
            begin: Begin::Now,
        }
    }
}

impl Builder {
    /// A coroutine called `coroutine`, where [`spawn`](super::spawn) puts it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the coroutine. Defaults to `coroutine`.
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Starts the coroutine on the caller's worker: the default. Called by a
    /// thread, the same as [`anywhere`](Builder::anywhere).
    pub fn here(mut self) -> Self {
        self.place = Place::Here;
        self
    }

    /// Starts the coroutine on the worker with the fewest coroutines, of those
    /// that are not held up by one that computes: for work that shall spread
    /// over the cores.
    pub fn anywhere(mut self) -> Self {
        self.place = Place::Anywhere;
        self
    }

    /// Starts the coroutine on worker `index`, taken modulo their number.
    pub fn worker(mut self, index: usize) -> Self {
        self.place = Place::Worker(index);
        self
    }

    /// Has the coroutine begin `delay` after it is spawned, by whatever spawns
    /// it; see [`spawn_later`](super::spawn_later). Defaults to at once.
    ///
    /// ```
    /// use greenserve::{runtime::Builder, sync::Group};
    /// use std::time::Duration;
    ///
    /// let group = Group::new();
    /// let late = Builder::new().name("late").after(Duration::from_millis(1));
    /// group.spawn_with(late, || ())?;
    /// group.join()?;
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    pub fn after(mut self, delay: Duration) -> Self {
        self.begin = Begin::After(delay);
        self
    }

    /// As [`after`](Builder::after), for an instant; one that has passed means
    /// at once.
    pub fn at(mut self, instant: Instant) -> Self {
        self.begin = Begin::At(instant);
        self
    }

    /// Starts the coroutine of a server's client, which will mostly wait for
    /// `descriptor`.
    pub(crate) fn client(mut self, descriptor: Option<RawFd>) -> Self {
        self.place = Place::Client(descriptor);
        self
    }

    /// Starts the coroutine of an accept loop, which waits for `listener`,
    /// where no handler can hold it up.
    pub(crate) fn acceptor(mut self, listener: Option<RawFd>) -> Self {
        self.place = Place::Acceptor(listener);
        self
    }

    /// Starts the coroutine; see [`spawn`](super::spawn).
    ///
    /// # Errors
    /// As [`spawn`](super::spawn).
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_into(Packet::new(true), f, |_| ())
    }

    /// As [`spawn`](Builder::spawn), and calls `ended` on the coroutine once
    /// its result can be joined, with the text of the panic if that ended it;
    /// to log it is then up to `ended`, which is dropped without a call if the
    /// coroutine never starts.
    pub(crate) fn spawn_watched<F, T, W>(self, f: F, ended: W) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        W: FnOnce(Option<String>) + Send + 'static,
    {
        self.spawn_into(Packet::new(false), f, ended)
    }

    /// As [`spawn_local`](super::spawn_local).
    ///
    /// # Errors
    /// As [`spawn_local`](super::spawn_local); also when the builder names another worker or a time.
    pub fn spawn_local<F, T>(mut self, f: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        let Some(here) = engine::this_thread() else {
            return Err(Error::NotLocal);
        };
        if self.place != Place::Here || self.begin != Begin::Now {
            return Err(Error::InvalidOption {
                option: "the place and time of a local coroutine",
                value: "another one than here and now".to_owned(),
                reason: "what is not Send stays on the caller's worker".to_owned(),
            });
        }
        self.place = Place::HereOnly(here);
        // SAFETY: the place is this thread, which the coroutine never leaves,
        // and the handle that shares the result is not `Send` either.
        unsafe { self.spawn_unchecked(Packet::new(true), f, |_| ()) }
    }

    fn spawn_into<F, T, W>(self, packet: Packet<T>, f: F, ended: W) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        W: FnOnce(Option<String>) + Send + 'static,
    {
        // SAFETY: all of it may go to another thread.
        unsafe { self.spawn_unchecked(packet, f, ended) }
    }

    /// # Safety
    /// What is not `Send` is given to a place on this thread only.
    unsafe fn spawn_unchecked<F, T, W>(self, packet: Packet<T>, f: F, ended: W) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
        W: FnOnce(Option<String>) + 'static,
    {
        let packet = Arc::new(packet);
        let cargo = (f, Arc::clone(&packet), ended);
        let work = |(f, result, ended): (F, Arc<Packet<T>>, W), beginning| {
            let outcome = outcome(f, beginning);
            let panic = outcome.as_ref().err().and_then(JoinError::panic_text);
            result.fulfil(outcome);
            // A result that nobody wants is dropped here, and may take a while.
            drop(result);
            ended(panic);
        };
        // SAFETY: the caller's promise.
        match unsafe { self.start(cargo, work) } {
            Ok(task) => Ok(JoinHandle::new(task, packet)),
            Err(refused) => Err(refused.error),
        }
    }

    /// Starts a coroutine that runs `work` on `cargo`, without a handle to its
    /// result; if it is killed before it begins, `work` has to let go of the
    /// cargo. A panic in it is logged.
    pub(crate) fn spawn_detached<C, W>(self, cargo: C, work: W) -> std::result::Result<Arc<Task>, Refused<C>>
    where
        C: Send + 'static,
        W: FnOnce(C, Beginning) + Send + 'static,
    {
        // SAFETY: all of it may go to another thread.
        unsafe { self.start(cargo, work) }
    }

    /// # Safety
    /// What is not `Send` is given to a place on this thread only.
    unsafe fn start<C, W>(self, cargo: C, work: W) -> std::result::Result<Arc<Task>, Refused<C>>
    where
        C: 'static,
        W: FnOnce(C, Beginning) + 'static,
    {
        let reservation = match reserve() {
            Ok(reservation) => reservation,
            Err(error) => return Err(Refused { error, cargo }),
        };
        let heirlooms = Task::with_current(|task| task.heirlooms());
        let task = Task::for_coroutine(self.name);
        task.inherit(heirlooms);
        let life = Life {
            task: Arc::clone(&task),
            cargo,
            work,
            reservation,
        };
        let started = match self.begin {
            Begin::Now => life.begin(&task, self.place),
            Begin::After(delay) => later::enter(clock::after(delay), Later::new(self.place, life)),
            Begin::At(instant) => later::enter(clock::ticks(instant), Later::new(self.place, life)),
        };
        match started {
            Ok(()) => Ok(task),
            Err(Unstarted { error: source, body }) => Err(Refused {
                error: Error::System {
                    action: "start a coroutine",
                    source,
                },
                cargo: body.cargo,
            }),
        }
    }
}

fn reserve() -> Result<Reservation> {
    let capacity = running()?.capacity;
    Reservation::take(capacity.coroutines).map_err(|live| Error::Capacity {
        live,
        limit: capacity.coroutines,
        cause: capacity.ceiling(),
    })
}
