//! Coroutines that may borrow from who spawns them, since they end before.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::builder::Builder;
use super::children::{Children, Presence};
use super::engine;
use super::join::{JoinError, JoinHandle, Packet};
use super::life::{Beginning, outcome};
use super::task::Task;
use crate::error::{Error, Result, WaitError};

/// Calls `f` with a [`Scope`] in which coroutines may borrow from outside, and
/// returns when all that were spawned there have ended: [`std::thread::scope`].
///
/// ```
/// use greenserve::runtime;
///
/// let words = vec!["green", "serve"];
/// let mut longest = 0;
/// let total: usize = runtime::scope(|scope| {
///     scope.spawn(|| longest = words.iter().map(|word| word.len()).max().unwrap_or(0))?;
///     let letters = scope.spawn(|| words.iter().map(|word| word.len()).sum())?;
///     Ok::<_, greenserve::Error>(letters.join().expect("no panic"))
/// })?;
/// assert_eq!((total, longest), (10, 5));
/// # Ok::<(), greenserve::Error>(())
/// ```
///
/// From a coroutine the wait suspends, from a thread it blocks. It cannot be
/// given up, as the coroutines borrow from the frames below. So when the caller
/// is killed, when the deadline of a surrounding
/// [`Timeout`](crate::sync::Timeout) passes or when `f` panics, the coroutines
/// are killed, for the caller's reason if there is one, and waited for
/// regardless. **One that computes and never waits holds the scope up**, also
/// past the grace of a server. The scope then returns what `f` returned; the
/// caller's next wait fails.
///
/// Each coroutine is a task of its own: a timeout inside `f` holds for `f`.
///
/// # Panics
/// As `std::thread::scope`: with the panic of `f`, or with one of its own when a
/// coroutine panicked and nobody joined it.
///
/// What borrows from inside, and so from what is gone when the coroutine still
/// runs, does not compile:
///
/// ```compile_fail,E0373
/// greenserve::runtime::scope(|scope| {
///     let inside = String::from("gone before the scope ends");
///     scope.spawn(|| println!("{inside}")).map(drop).ok();
/// });
/// ```
///
/// Nor does a handle that leaves the scope, or a borrow that ends before it:
///
/// ```compile_fail
/// let text = String::from("outside");
/// let escaped = greenserve::runtime::scope(|scope| scope.spawn(|| text.len()));
/// ```
///
/// ```compile_fail,E0505
/// let text = String::from("outside");
/// greenserve::runtime::scope(|scope| {
///     scope.spawn(|| text.len()).map(drop).ok();
///     drop(text);
/// });
/// ```
///
/// ```compile_fail,E0499
/// let mut count = 0;
/// greenserve::runtime::scope(|scope| {
///     scope.spawn(|| count += 1).map(drop).ok();
///     scope.spawn(|| count += 1).map(drop).ok();
/// });
/// ```
///
/// Nor what must not go to another thread:
///
/// ```compile_fail,E0277
/// let count = std::rc::Rc::new(1);
/// greenserve::runtime::scope(|scope| scope.spawn(|| drop(count.clone())).map(drop).ok());
/// ```
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let task = Task::current();
    let scope = Scope {
        refusal: refusal(&task),
        children: Children::of(task),
        scope: PhantomData,
        env: PhantomData,
    };
    // Caught, since a coroutine cannot wait while a panic unwinds it.
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    if result.is_err() {
        scope.children.doom();
    }
    let unwound = scope.children.wait_for_end();
    match (result, unwound) {
        (Err(panic), _) | (Ok(_), Some(panic)) => resume_unwind(panic),
        (Ok(_), None) if scope.children.panics() > 0 => panic!("a scoped coroutine panicked"),
        (Ok(result), None) => result,
    }
}

/// Why a scope of this task could not wait for what is spawned in it.
fn refusal(task: &Task) -> Option<WaitError> {
    if !task.is_somebody() {
        Some(WaitError::Killed)
    } else if engine::in_coroutine() && std::thread::panicking() {
        Some(WaitError::Unwinding)
    } else {
        None
    }
}

/// Where coroutines are spawned that may borrow; see [`scope`].
///
/// They may be given it to spawn others.
pub struct Scope<'scope, 'env: 'scope> {
    children: Arc<Children>,
    refusal: Option<WaitError>,
    /// Invariant, as `std::thread::Scope`: a longer or a shorter lifetime would
    /// let in what ends before the scope does.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope> Scope<'scope, '_> {
    /// Runs `f` on a new coroutine, which ends before the scope returns.
    ///
    /// The handle may be dropped.
    ///
    /// # Errors
    /// As [`spawn`](super::spawn). [`Error::System`] with
    /// [`WaitError::Unwinding`] in a scope that was entered while a panic
    /// unwinds the coroutine, since it could not be waited for; with
    /// [`WaitError::Killed`] in what is dropped after the end of a coroutine.
    pub fn spawn<F, T>(&'scope self, f: F) -> Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_with(Builder::new(), f)
    }

    /// As [`spawn`](Scope::spawn), with a name, a worker or a time of one's
    /// choice: `std::thread::Builder::spawn_scoped`.
    ///
    /// # Errors
    /// As [`spawn`](Scope::spawn).
    pub fn spawn_with<F, T>(&'scope self, builder: Builder, f: F) -> Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        if let Some(refusal) = self.refusal {
            return Err(Error::System {
                action: "spawn in this scope",
                source: refusal.into(),
            });
        }
        let presence = self.children.enter();
        let key = presence.key();
        let packet = Arc::new(Packet::new(true));
        let child = Child {
            f,
            packet: Arc::clone(&packet),
            presence,
        };
        let cargo: Box<dyn FnOnce(Beginning) + Send + 'scope> = Box::new(|beginning| child.run(beginning));
        // SAFETY: only the lifetime changes. What lives for 'scope only, `f`,
        // what it captured and its result, is reached by the coroutine through
        // `child` alone. `Child::run`, or its drop, gives all of it up before
        // `presence`, and nothing after. `scope` returns and unwinds only when
        // every presence is gone, which it waits for in all cases, or aborts.
        // The handle may keep the result too, but ends with 'scope itself.
        let cargo = unsafe {
            std::mem::transmute::<Box<dyn FnOnce(Beginning) + Send + 'scope>, Box<dyn FnOnce(Beginning) + Send + 'static>>(
                cargo,
            )
        };
        let started = builder.spawn_detached(cargo, |cargo, beginning| cargo(beginning));
        let task = started.map_err(|refused| refused.error)?;
        self.children.started(key, &task);
        Ok(ScopedJoinHandle {
            handle: JoinHandle::new(task, packet),
            children: Arc::clone(&self.children),
            scope: PhantomData,
        })
    }

    /// How many of its coroutines have not ended.
    pub fn len(&self) -> usize {
        self.children.count()
    }

    /// True when none of its coroutines runs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A coroutine of a scope. The fields are dropped in this order.
struct Child<F, T> {
    f: F,
    packet: Arc<Packet<T>>,
    presence: Presence,
}

impl<F: FnOnce() -> T, T> Child<F, T> {
    fn run(self, beginning: Beginning) {
        // In this order, so that the presence goes last, also by a panic.
        let presence = self.presence;
        let packet = self.packet;
        let outcome = outcome(self.f, beginning);
        if matches!(outcome, Err(JoinError::Panicked(_))) {
            presence.children().panicked();
        }
        packet.fulfil(outcome);
        drop(packet);
        drop(presence);
    }
}

/// Waits for the result of a coroutine of a [`Scope`].
///
/// Dropping it is no loss: the scope waits.
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<T>,
    children: Arc<Children>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// The coroutine itself.
    pub fn task(&self) -> &Arc<Task> {
        self.handle.task()
    }

    /// As [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// As [`JoinHandle::kill`].
    pub fn kill(&self) {
        self.handle.kill();
    }

    /// Waits for the coroutine to end and returns its result. A panic that is
    /// returned here is none of the scope's any more.
    ///
    /// # Errors
    /// As [`JoinHandle::join`]; when the caller's own wait ends, the scope still
    /// waits for the coroutine.
    pub fn join(self) -> Result<T, JoinError> {
        let result = self.handle.join();
        if matches!(result, Err(JoinError::Panicked(_))) {
            self.children.forgive();
        }
        result
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("task", self.task())
            .finish_non_exhaustive()
    }
}
