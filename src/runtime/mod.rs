//! Green threads: coroutines that block like threads and cost like futures.
//!
//! A coroutine has a stack of its own, so a call ten frames deep may wait for
//! a socket; while it waits, its worker thread runs others. Nothing is marked
//! `async`, and the same code runs in a plain thread, where the same calls
//! block the thread.
//!
//! ```
//! use greenserve::runtime;
//! use std::time::Duration;
//!
//! let sum = runtime::spawn(|| {
//!     runtime::sleep(Duration::from_millis(1)).expect("nobody kills this one");
//!     1 + 1
//! })?;
//! assert_eq!(sum.join().expect("it does not panic"), 2);
//! # Ok::<(), greenserve::Error>(())
//! ```
//!
//! # What may live across a wait
//!
//! Whatever Rust lets live on a stack. A coroutine stays on the thread where
//! it began, so a borrowed thread-local, an `Rc` and a guard of `std::sync`
//! are still what they were when a call that suspended comes back.
//!
//! One thing remains to be known: **a std lock held across a wait** is held by
//! the thread, and if another coroutine of the same worker then asks for it,
//! that thread blocks and nobody is left to release it. Release it before you
//! wait, or use [`sync::Mutex`](crate::sync::Mutex), which suspends.
//!
//! The engine `may` keeps this promise with one worker. With several it does
//! not, and choosing that takes an `unsafe` call:
//! [`Config::may_change_threads`].
//!
//! A coroutine is not preempted. One that computes for a second keeps its
//! worker for a second; call [`yield_now`] in long loops and [`offload`] for
//! calls that block.
//!
//! # When a worker does not come back
//!
//! A handler that computes, sits in a call that blocks, or waits for a std lock
//! of its own worker holds up all others of that worker. After 100 ms that is a
//! warning in the log, with the coroutine's name and the calls it is in; so are
//! coroutines that all wait for each other: see [`stalls`].
//!
//! What every coroutine does, [`dump`](dump()) shows at any time, and
//! [`dump_on_signal`] when a signal comes.
//!
//! # When a stack overflows
//!
//! The process ends, after saying which coroutine it was: see
//! [`Config::stack_size`].

mod builder;
mod capacity;
mod cell;
mod children;
mod clock;
mod config;
mod crew;
mod dump;
mod ended;
mod engine;
mod holder;
mod join;
mod latch;
mod later;
mod life;
mod local;
mod lock;
mod metrics;
mod name;
mod offload;
mod overflow;
mod panic;
mod readiness;
mod registry;
mod resolve;
mod scope;
mod shared;
mod shared_cell;
mod shim;
mod sleep;
mod spawn;
mod task;
mod task_cell;
mod trace;
mod watch;

use std::io;
use std::sync::Mutex;

use once_cell::sync::OnceCell;

pub use builder::Builder;
pub use capacity::Capacity;
pub use config::{Config, MAX_STACK_SIZE, MIN_STACK_SIZE};
pub use dump::{
    Activity, Census, CoroutineState, Descriptor, Dump, DumpOnSignal, DumpTo, census, dump, dump_on_signal, dump_to,
};
pub use ended::{End, Ended};
pub use engine::{Engine, StackUsage, UnknownEngine};
pub use join::{JoinError, JoinHandle};
pub(crate) use life::Beginning;
pub use local::Local;
pub use metrics::{RuntimeMetrics, metrics};
pub use name::Name;
pub use offload::{OffloadLoad, offload, offload_load};
pub use panic::Panic;
pub use registry::{TaskState, live_count, tasks};
pub use resolve::resolve;
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use shared::SharedJoinHandle;
pub use sleep::{sleep, sleep_until, yield_now};
pub use spawn::{spawn, spawn_at, spawn_later, spawn_local};
pub use task::{Awaited, Task};
pub use trace::Trace;
pub use watch::{Stalls, stalls};

pub(crate) use cell::{Claim, Claimable};
#[cfg(any(feature = "http", feature = "tls"))]
pub(crate) use clock::stamp;
pub(crate) use clock::{NEVER, after, earlier, now, passed, since, ticks};
pub(crate) use ended::Link;
pub(crate) use engine::Direction;
pub(crate) use lock::lock;
pub(crate) use readiness::{Outcome, Readiness, poll_thread, poll_timeout};
pub(crate) use shared_cell::{Exclusive, Share, SharedCell};
pub(crate) use task_cell::{Entry, TaskCell};

pub use crate::error::KillReason;
use crate::error::{Error, Result};

static SETTINGS: Mutex<Option<Config>> = Mutex::new(None);
static RUNTIME: OnceCell<Runtime> = OnceCell::new();

struct Runtime {
    config: Config,
    capacity: Capacity,
}

/// Sets the runtime up. Call it before anything starts a coroutine.
///
/// One process has one runtime, and it starts with its first coroutine; later
/// settings could not take effect and are refused.
///
/// # Errors
/// [`Error::RuntimeStarted`] when it runs already, [`Error::InvalidOption`]
/// when a value is out of range.
///
/// ```
/// use greenserve::runtime::{self, Config};
///
/// runtime::configure(Config::new().workers(2))?;
/// assert!(runtime::configure(Config::new().stack_size(100)).is_err());
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn configure(config: Config) -> Result<()> {
    config.resolved().map(drop)?;
    if is_running() {
        return Err(Error::RuntimeStarted {
            setting: "its configuration",
        });
    }
    *lock(&SETTINGS) = Some(config);
    Ok(())
}

/// True once the first coroutine has been asked for: from then on worker
/// threads exist and this process must not fork.
pub fn is_running() -> bool {
    RUNTIME.get().is_some()
}

/// Starts the worker threads now rather than with the first coroutine.
///
/// # Errors
/// [`Error::RuntimeStart`] when the system refuses a thread or a descriptor.
pub fn start() -> Result<()> {
    running().map(drop)
}

fn running() -> Result<&'static Runtime> {
    RUNTIME.get_or_try_init(|| {
        let config = settings().resolved()?;
        overflow::remember_previous();
        if config.stall_limit().is_some() {
            watch::prepare().map_err(cannot_start)?;
        }
        let started = engine::start(engine::Settings {
            engine: config.chosen_engine(),
            workers: config.worker_count(),
            stack_bytes: config.stack_bytes(),
            pin_workers: config.pins_workers(),
        });
        started.and_then(|()| overflow::install()).map_err(cannot_start)?;
        if let Some(limit) = config.stall_limit() {
            watch::start(limit).map_err(cannot_start)?;
        }
        let capacity = Capacity::measure(config.chosen_engine());
        say_what_runs(&config, &capacity);
        Ok(Runtime { config, capacity })
    })
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn cannot_start(err: io::Error) -> Error {
    Error::RuntimeStart {
        reason: err.to_string(),
    }
}

fn say_what_runs(config: &Config, capacity: &Capacity) {
    config.say_what_was_rounded();
    if let Some(remark) = engine::remark() {
        log::info!("{remark}");
    }
    log::info!(
        "coroutine runtime: engine {}, {} workers, stacks of {} KiB, at most {} coroutines ({}) and {} descriptors \
         (RLIMIT_NOFILE {})",
        config.chosen_engine(),
        config.worker_count(),
        config.stack_bytes() / 1024,
        capacity.coroutines,
        capacity.ceiling(),
        capacity.descriptors,
        capacity.descriptor_limit,
    );
}

fn settings() -> Config {
    lock(&SETTINGS).clone().unwrap_or_default()
}

/// The ceilings of this process: read at the runtime's start, or now if it has
/// not started.
pub fn capacity() -> Capacity {
    RUNTIME.get().map_or_else(
        || Capacity::measure(settings().resolved().unwrap_or_default().chosen_engine()),
        |runtime| runtime.capacity,
    )
}

/// The number of workers that run, or would run, coroutines.
pub fn workers() -> usize {
    match RUNTIME.get() {
        Some(_) => engine::workers(),
        None => settings().resolved().unwrap_or_default().worker_count(),
    }
}

/// Gives back to the system the memory of stacks that no coroutine uses.
///
/// The runtime keeps some of them as they are for the next coroutines, and
/// about a second after a coroutine's end gives back what its deep calls
/// touched. Call this after a peak, to have all of it back at once. With the
/// engine `may` it does nothing.
pub fn trim() {
    engine::trim();
}

/// Gives back what calls that have returned touched of the caller's own stack,
/// after a deep one that does not come again. A system call, and a fault for
/// each page that is touched again.
#[cfg(feature = "tls")]
pub(crate) fn release_unused_stack() {
    engine::release_unused();
}

/// Whether a descriptor has room for one waiting coroutine alone, be it for
/// reading or for writing.
#[cfg(feature = "websocket")]
pub(crate) fn one_waits_at_a_descriptor() -> bool {
    engine::is(Engine::May)
}

/// True when the caller runs on a coroutine, false on a thread.
pub fn in_coroutine() -> bool {
    engine::in_coroutine()
}

/// True for a coroutine in whose place an accept loop may run: no handler can
/// hold it up there, or there is no better place.
pub(crate) fn may_accept_here() -> bool {
    engine::in_coroutine() && engine::is_acceptor()
}

/// Why the caller was killed, if [`Task::kill_with`] did it: for code that has
/// no [`io::Error`] at hand, in which
/// [`WaitError::reason`](crate::WaitError::reason) finds it.
pub fn kill_reason() -> Option<KillReason> {
    Task::with_current(|task| task.kill_reason())
}
