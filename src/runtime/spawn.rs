//! Starting coroutines.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::engine::{self, Interest};
use super::join::{JoinHandle, Packet};
use super::lock::lock;
use super::name::Name;
use super::panic::Panic;
use super::registry::{Entry, Reservation};
use super::task::Task;
use super::{running, worker};
use crate::error::{Error, Result};

/// A refused spawn hands back what was to be worked on.
pub(crate) struct Refused<C> {
    pub(crate) error: Error,
    pub(crate) cargo: C,
}

/// Runs `f` on a new coroutine, on whichever worker is next.
///
/// Dropping the handle lets the coroutine run on unobserved; a panic in it is
/// then logged, with its name. It must not keep thread-locals, `Rc`s or std's
/// lock guards across a call that waits, unless there is one worker only: see
/// the [module's documentation](super).
///
/// # Errors
/// [`Error::Capacity`] when this process can hold no more coroutines,
/// [`Error::RuntimeStart`] when the runtime cannot start.
///
/// ```
/// let answer = greenserve::runtime::spawn(|| 42)?;
/// assert_eq!(answer.join().expect("no panic"), 42);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn spawn<F, T>(f: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f)
}

/// A coroutine's name and place, before it starts.
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
    worker: Option<usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            name: Name::Static("coroutine"),
            worker: None,
        }
    }
}

impl Builder {
    /// A coroutine called `coroutine`, on whichever worker is next.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the coroutine. Defaults to `coroutine`.
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Starts the coroutine on worker `index`, taken modulo their number.
    /// Defaults to one after the other.
    pub fn worker(mut self, index: usize) -> Self {
        self.worker = Some(index);
        self
    }

    /// Starts the coroutine on the worker that waits for `descriptor`, so that
    /// its waits for it never change the thread.
    pub(crate) fn beside(self, descriptor: std::os::fd::RawFd) -> Self {
        match worker::count() {
            0 => self,
            count => self.worker(Interest::worker_of(descriptor, count)),
        }
    }

    /// Starts the coroutine; see [`spawn`].
    ///
    /// # Errors
    /// As [`spawn`].
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

    fn spawn_into<F, T, W>(self, packet: Packet<T>, f: F, ended: W) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
        W: FnOnce(Option<String>) + Send + 'static,
    {
        let packet = Arc::new(packet);
        let result = Arc::clone(&packet);
        let deliver = move || {
            let outcome =
                catch_unwind(AssertUnwindSafe(f)).map_err(|payload| Panic::new(Task::current().name(), payload));
            let panic = outcome.as_ref().err().map(ToString::to_string);
            result.fulfil(outcome);
            // A result that nobody wants is dropped here, and may take a while.
            drop(result);
            ended(panic);
        };
        match self.spawn_detached(deliver, |deliver| deliver()) {
            Ok(task) => Ok(JoinHandle::new(task, packet)),
            Err(refused) => Err(refused.error),
        }
    }

    /// Starts a coroutine that runs `work` on `cargo`, without a handle to its
    /// result. A panic in it is logged.
    pub(crate) fn spawn_detached<C, W>(self, cargo: C, work: W) -> std::result::Result<Arc<Task>, Refused<C>>
    where
        C: Send + 'static,
        W: FnOnce(C) + Send + 'static,
    {
        let reservation = match reserve() {
            Ok(reservation) => reservation,
            Err(error) => return Err(Refused { error, cargo }),
        };
        let home = self.worker.unwrap_or_else(next_worker) % worker::count();
        let task = Task::for_coroutine(self.name, home);
        // The cargo travels where both sides can reach it, because the engine
        // consumes what it fails to start.
        let cargo = Arc::new(Mutex::new(Some(cargo)));
        let (running, theirs) = (Arc::clone(&task), Arc::clone(&cargo));
        match engine::spawn(home, move || run(&running, theirs, work, reservation)) {
            Ok(()) => Ok(task),
            Err(source) => match lock(&cargo).take() {
                Some(cargo) => Err(Refused {
                    error: Error::System {
                        action: "start a coroutine",
                        source,
                    },
                    cargo,
                }),
                None => Ok(task),
            },
        }
    }
}

fn reserve() -> Result<Reservation> {
    let capacity = running()?.capacity;
    Reservation::take(capacity.coroutines).map_err(|live| Error::Capacity {
        live,
        limit: capacity.coroutines,
        cause: format!("two memory maps each, vm.max_map_count is {}", capacity.map_limit),
    })
}

fn next_worker() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The life of a coroutine, on its own stack.
fn run<C>(task: &Arc<Task>, cargo: Arc<Mutex<Option<C>>>, work: impl FnOnce(C), reservation: Reservation) {
    let taken = lock(&cargo).take();
    drop(cargo);
    engine::adopt(Arc::clone(task));
    task.begin();
    task.own_stack();
    let entry = Entry::new(task);
    if !worker::may_go_on() {
        task.step_aside();
    }
    if let Some(cargo) = taken
        && let Err(payload) = catch_unwind(AssertUnwindSafe(|| work(cargo)))
    {
        log::error!("{}", Panic::new(task.name(), payload));
    }
    task.finish();
    drop(entry);
    engine::before_the_end();
    drop(reservation);
}
