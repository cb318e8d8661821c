//! What the runtime does, in numbers.

use super::engine::{self, StackUsage};
use super::offload::{OffloadLoad, offload_load};
use super::registry::live_count;
use super::watch::{Stalls, stalls};

/// What the runtime has done since its start, and does now; see [`metrics`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RuntimeMetrics {
    /// Coroutines that live, those that have not begun included:
    /// [`live_count`].
    pub coroutines: usize,
    /// Timers that are set: of sleeps, timeouts and deadlines, at most one a
    /// coroutine. That of a wait which ended early stays until it is due, or
    /// until its coroutine ends. On the engine `pinned` a worker counts when it
    /// looks at its sockets, so one that does not come back to its loop is late
    /// with it.
    pub timers: usize,
    /// How often each worker has gone on with a coroutine: because it was woken,
    /// had stepped aside, or began. With several workers on the engine `pinned`
    /// the last number is that of the thread that accepts for them. Empty before
    /// the runtime's start.
    ///
    /// A worker counts at the end of a turn of its loop, so one that does not
    /// come back to it is late with some.
    pub wake_ups: Vec<u64>,
    /// What the stacks take.
    pub stacks: StackUsage,
    /// How often workers did not come back to their loop.
    pub stalls: Stalls,
    /// What the threads of [`offload`](super::offload()) have to do.
    pub offload: OffloadLoad,
}

/// The numbers of the runtime, of the whole process: what it has done since its
/// start, and does now. They are counted in any case, so to ask costs next to
/// nothing, and nobody is stopped for it. What its coroutines wait for is counted
/// by [`census`](super::census).
///
/// ```
/// use greenserve::runtime;
///
/// runtime::spawn(|| ())?.join().expect("it does not panic");
/// let metrics = runtime::metrics();
/// assert!(metrics.wake_ups.len() >= runtime::workers());
/// assert!(metrics.stacks.mapped >= metrics.stacks.in_use);
/// # Ok::<(), greenserve::Error>(())
/// ```
pub fn metrics() -> RuntimeMetrics {
    let coroutines = live_count();
    let workers = (0..).map_while(engine::post);
    RuntimeMetrics {
        coroutines,
        timers: engine::timers(),
        wake_ups: workers.map(engine::post::Post::runs).collect(),
        stacks: engine::stack_usage(coroutines),
        stalls: stalls(),
        offload: offload_load(),
    }
}
