//! The runtime's settings.

use std::time::Duration;

use super::engine::Engine;
use crate::error::{Error, Result};

/// The smallest stack [`Config::stack_size`] takes: 16 KiB of address space.
///
/// Formatting a floating-point number or a backtrace already needs several
/// kilobytes, and there is no way to grow a stack later.
pub const MIN_STACK_SIZE: usize = 16 * 1024;

/// The largest stack [`Config::stack_size`] takes: 64 MiB of address space.
pub const MAX_STACK_SIZE: usize = 64 * 1024 * 1024;

/// The variable that chooses the engine where the program does not.
pub(super) const ENGINE_VARIABLE: &str = "GREENSERVE_ENGINE";

const MOST_WORKERS: usize = 512;

const PAGE: usize = 4096;

/// How the coroutine runtime is set up; see [`configure`](super::configure).
///
/// ```
/// use greenserve::runtime::Config;
///
/// let config = Config::new().workers(1).stack_size(128 * 1024);
/// assert_eq!(config.stack_bytes(), 128 * 1024);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a configuration does nothing until it is given to `configure`"]
pub struct Config {
    engine: Option<Engine>,
    may_change_threads: bool,
    workers: usize,
    stack_size: usize,
    pin_workers: bool,
    offload_threads: usize,
    offload_queue: usize,
    stall_after: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            engine: None,
            may_change_threads: false,
            workers: 0,
            stack_size: 256 * 1024,
            pin_workers: false,
            offload_threads: 16,
            offload_queue: 4096,
            stall_after: Some(Duration::from_millis(100)),
        }
    }
}

impl Config {
    /// The defaults, each named at its method.
    pub fn new() -> Self {
        Self::default()
    }

    /// What runs the coroutines. Defaults to what the environment variable
    /// `GREENSERVE_ENGINE` says (`pinned` or `may`), and to
    /// [`Engine::Pinned`] without it.
    ///
    /// The log line at the runtime's start says which engine runs.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Lets [`Engine::May`] run with several workers. With
    /// [`Engine::Pinned`] it changes nothing.
    ///
    /// # Safety
    /// A coroutine of `may` may go on on another thread after any call that
    /// waits, which neither the compiler nor this crate can see. From here on
    /// the program promises that nothing on a coroutine's stack depends on the
    /// thread across such a call:
    ///
    /// - no reference into a thread-local, as `LocalKey::with` lends it, and
    ///   no guard or `Ref` of a cell in one;
    /// - no `Rc`, and nothing else that is not `Send`, of which another part
    ///   is reached through a thread-local or left behind;
    /// - no guard of a `std::sync` lock;
    /// - nothing of a library that keeps its state in thread-locals and lends
    ///   it (spans of a tracer, handles of a random number generator).
    ///
    /// The compiler may also keep the address of a thread-local from before a
    /// wait in code that it inlines; access them in functions that are never
    /// inlined.
    ///
    /// ```
    /// use greenserve::runtime::{Config, Engine};
    ///
    /// // SAFETY: no handler of this program keeps anything of its thread.
    /// let config = unsafe { Config::new().engine(Engine::May).may_change_threads() }.workers(4);
    /// assert_eq!(config.worker_count(), 4);
    /// ```
    #[allow(unsafe_code, reason = "only the caller can keep this promise")]
    pub unsafe fn may_change_threads(mut self) -> Self {
        self.may_change_threads = true;
        self
    }

    /// The number of worker threads that run coroutines. Defaults to 0: one a
    /// core this process may use; with [`Engine::May`], one alone unless
    /// [`may_change_threads`](Config::may_change_threads) was called.
    ///
    /// With 1, all coroutines share one thread, as in gevent. With several, an
    /// acceptor thread beside them takes servers' clients.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The stack of each coroutine in bytes, rounded up to whole pages.
    /// Defaults to 256 KiB.
    ///
    /// This is address space, the guard page at its end included: memory is
    /// taken a page at a time as the stack is touched, 4 KiB for most clients
    /// that wait. Allowed are [`MIN_STACK_SIZE`] to [`MAX_STACK_SIZE`];
    /// anything else is refused by [`configure`](super::configure).
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Binds worker *n* to the *n*-th core of this process. Defaults to false:
    /// two pinned programs on one machine would share a core and leave others
    /// idle.
    pub fn pin_workers(mut self, pin: bool) -> Self {
        self.pin_workers = pin;
        self
    }

    /// The most threads that [`offload`](super::offload) runs blocking calls
    /// on. Defaults to 16; they start when needed and end when idle for 5 s.
    pub fn offload_threads(mut self, threads: usize) -> Self {
        self.offload_threads = threads;
        self
    }

    /// How many calls may wait for an off-load thread before
    /// [`offload`](super::offload) makes its caller wait for room. Defaults to
    /// 4096.
    pub fn offload_queue(mut self, calls: usize) -> Self {
        self.offload_queue = calls;
        self
    }

    /// After how long a worker that does not come back to its loop is reported,
    /// as a warning with the coroutine's name and its calls; `None` for never.
    /// Defaults to 100 ms.
    ///
    /// A thread of its own watches, and looks at a worker that stalls by the
    /// signal SIGURG: see [`stalls`](super::stalls). With `None` there is
    /// neither. Less than 1 ms is refused.
    pub fn stall_after(mut self, limit: Option<Duration>) -> Self {
        self.stall_after = limit;
        self
    }

    /// After how long a worker is reported, if at all.
    pub fn stall_limit(&self) -> Option<Duration> {
        self.stall_after
    }

    /// The number of workers that will run: what was set, or the number of
    /// cores this process may use.
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 if self.stays_alone() => 1,
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        }
    }

    /// With `may`, more than one worker only on request.
    fn stays_alone(&self) -> bool {
        self.engine == Some(Engine::May) && !self.may_change_threads
    }

    /// The same settings with the engine decided: what was set, or what the
    /// environment says.
    pub(super) fn resolved(&self) -> Result<Config> {
        let engine = match self.engine {
            Some(engine) => engine,
            None => engine_of_environment()?,
        };
        let resolved = self.clone().engine(engine);
        resolved.check()?;
        Ok(resolved)
    }

    /// The engine that was set.
    pub(super) fn chosen_engine(&self) -> Engine {
        self.engine.unwrap_or_default()
    }

    /// The stack size in bytes after rounding up to whole pages.
    pub fn stack_bytes(&self) -> usize {
        self.stack_size.next_multiple_of(PAGE)
    }

    /// Whether workers are bound to cores.
    pub fn pins_workers(&self) -> bool {
        self.pin_workers
    }

    /// The bound on off-load threads.
    pub fn offload_thread_limit(&self) -> usize {
        self.offload_threads
    }

    /// The bound on calls that wait for an off-load thread.
    pub fn offload_queue_limit(&self) -> usize {
        self.offload_queue
    }

    pub(super) fn say_what_was_rounded(&self) {
        if self.stack_bytes() != self.stack_size {
            log::info!(
                "a stack size of {} bytes is no multiple of the page size; stacks have {}",
                self.stack_size,
                self.stack_bytes()
            );
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.stack_size < MIN_STACK_SIZE || self.stack_size > MAX_STACK_SIZE {
            return Err(Error::InvalidOption {
                option: "stack_size",
                value: format!("{} bytes", self.stack_size),
                reason: format!("a stack takes {MIN_STACK_SIZE} to {MAX_STACK_SIZE} bytes; it cannot grow later"),
            });
        }
        if self.workers > MOST_WORKERS {
            return Err(refused(
                "workers",
                self.workers,
                "more than 512 worker threads are never faster; use 0 for one a core",
            ));
        }
        if self.workers > 1 && self.stays_alone() {
            return Err(refused(
                "workers",
                self.workers,
                "on the engine `may` coroutines would change threads; call Config::may_change_threads if they may, \
                 or use the engine `pinned`",
            ));
        }
        if self.stall_after.is_some_and(|limit| limit.as_millis() < 1) {
            return Err(refused("stall_after", 0, "at least 1 ms; None watches none"));
        }
        if self.offload_threads == 0 {
            return Err(refused(
                "offload_threads",
                0,
                "name resolution needs at least one thread",
            ));
        }
        if self.offload_queue == 0 {
            return Err(refused(
                "offload_queue",
                0,
                "a call must be able to wait for a free thread",
            ));
        }
        Ok(())
    }
}

fn engine_of_environment() -> Result<Engine> {
    let Some(name) = std::env::var_os(ENGINE_VARIABLE).filter(|name| !name.is_empty()) else {
        return Ok(Engine::default());
    };
    let name = name.to_string_lossy().into_owned();
    name.parse().map_err(|_| Error::InvalidOption {
        option: ENGINE_VARIABLE,
        value: format!("{name:?}"),
        reason: format!("there is no such engine; there are {}", Engine::NAMES),
    })
}

fn refused(option: &'static str, value: usize, reason: &str) -> Error {
    Error::InvalidOption {
        option,
        value: value.to_string(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_stacks_are_refused_with_the_limits() {
        for bytes in [0, 1, MIN_STACK_SIZE - 1, MAX_STACK_SIZE + 1, usize::MAX] {
            let message = Config::new().stack_size(bytes).check().unwrap_err().to_string();
            assert!(message.contains(&bytes.to_string()), "{message}");
            assert!(message.contains("16384"), "{message}");
        }
        assert!(Config::new().stack_size(MIN_STACK_SIZE).check().is_ok());
    }

    #[test]
    fn stacks_are_whole_pages() {
        assert_eq!(Config::new().stack_size(20_000).stack_bytes(), 20_480);
    }

    #[test]
    fn several_workers_of_may_are_refused_without_the_promise() {
        let config = Config::new().engine(Engine::May);
        assert_eq!(config.worker_count(), 1);
        let message = config.clone().workers(2).check().unwrap_err().to_string();
        assert!(
            message.contains("workers") && message.contains("may_change_threads"),
            "{message}"
        );
        assert!(config.workers(1).check().is_ok());
    }

    #[test]
    fn pools_without_room_are_refused() {
        assert!(Config::new().offload_threads(0).check().is_err());
        assert!(Config::new().offload_queue(0).check().is_err());
        assert!(Config::new().workers(513).check().is_err());
    }

    #[test]
    fn no_time_at_all_is_no_stall() {
        let refused = Config::new().stall_after(Some(Duration::ZERO)).check();
        assert!(refused.unwrap_err().to_string().contains("stall_after"));
        assert!(Config::new().stall_after(None).check().is_ok());
    }
}
