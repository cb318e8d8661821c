//! The scheduler underneath, behind one small interface.
//!
//! Two engines are built in and one is chosen when the runtime starts:
//! [`pinned`], on which a coroutine never leaves its thread, and [`may`]. What
//! stands here is all that the rest of the crate knows of either:
//!
//! - [`start`] once, then [`spawn`] a body at a [`Place`];
//! - a [`Seat`] is what the engine keeps for each coroutine: it parks there,
//!   and from anywhere it is woken there;
//! - an [`Interest`] is a descriptor that the engine watches;
//! - [`owner`] is the one value that belongs to the running coroutine: the
//!   layer above hangs its task there.
//!
//! Nothing here knows what a task is, what a kill is or what a deadline is
//! for: those end a wait by waking the seat, and look at their own reasons.

pub(super) mod alarm;
mod body;
mod choice;
mod edges;
mod interest;
mod may;
mod pinned;
mod place;
pub(super) mod post;
pub(super) mod pulse;
mod readout;
mod seat;
mod settings;
mod stack_usage;

use std::io;
use std::ptr::NonNull;

pub(super) use body::{Body, Unstarted};
use choice::chosen;
pub use choice::{Engine, UnknownEngine};
pub(crate) use edges::{Direction, Mark};
pub(super) use interest::Interest;
pub(super) use may::Foreign;
pub(super) use place::{Place, ThisThread};
pub(super) use seat::Seat;
pub(super) use settings::Settings;
use settings::WARM_STACKS;
pub use stack_usage::StackUsage;

/// Starts the workers of the engine that was chosen.
///
/// # Errors
/// When the system refuses a thread, a descriptor or a mapping.
pub(super) fn start(settings: Settings) -> io::Result<()> {
    match settings.engine {
        Engine::Pinned => pinned::start(settings)?,
        Engine::May => may::start(settings, WARM_STACKS)?,
    }
    choice::choose(settings.engine);
    Ok(())
}

/// Whether this engine is the one that runs.
pub(super) fn is(engine: Engine) -> bool {
    chosen() == engine
}

/// How many workers run coroutines.
pub(super) fn workers() -> usize {
    match chosen() {
        Engine::Pinned => pinned::workers(),
        Engine::May => may::workers(),
    }
}

/// True when the caller runs on a coroutine's stack.
///
/// Never inlined, as whatever reads a thread-local above the seam: a coroutine
/// of `may` comes back from a switch on another thread, and the address of a
/// thread-local must then not be one that the compiler kept.
#[inline(never)]
pub(super) fn in_coroutine() -> bool {
    match chosen() {
        Engine::Pinned => pinned::in_coroutine(),
        Engine::May => may::in_coroutine(),
    }
}

/// What was [`adopt`]ed by the running coroutine; `None` on a thread.
///
/// A coroutine that something else started through `may` has adopted nothing:
/// `foreign` makes what it then keeps until its end.
#[inline(never)]
pub(super) fn owner(foreign: fn(Seat) -> Foreign) -> Option<NonNull<()>> {
    match chosen() {
        Engine::Pinned => pinned::owner(),
        Engine::May => may::owner(|seat| foreign(Seat::May(seat))),
    }
}

/// As [`owner`], for a signal handler: takes no lock and allocates nothing, and
/// knows nothing of foreign coroutines.
pub(super) fn owner_in_fault() -> Option<NonNull<()>> {
    match chosen() {
        Engine::Pinned => pinned::owner(),
        Engine::May => may::owner_in_fault(),
    }
}

/// Makes `owner` the value of the running coroutine, which keeps it valid
/// until its end or until it adopts another. To be its first step.
pub(super) fn adopt(seat: &Seat, owner: NonNull<()>) {
    match seat {
        Seat::Pinned(_) => pinned::adopt(owner),
        Seat::May(seat) => may::adopt(seat, owner),
    }
}

/// Takes away what was [`adopt`]ed, before it goes: from here on a signal
/// handler finds nothing. To be the running coroutine's last step.
pub(super) fn disown(seat: &Seat) {
    match seat {
        Seat::Pinned(_) => pinned::disown(),
        Seat::May(seat) => may::disown(seat),
    }
}

/// As [`owner`], for a signal handler that has interrupted the thread of worker
/// `index`.
pub(super) fn owner_in_signal(index: usize) -> Option<NonNull<()>> {
    match chosen() {
        Engine::Pinned => pinned::owner(),
        Engine::May => NonNull::new(may::running(index)),
    }
}

/// How a worker is watched: the `index`-th of them, and after them the thread
/// that accepts for them, if there is one.
pub(super) fn post(index: usize) -> Option<&'static post::Post> {
    match chosen() {
        Engine::Pinned => pinned::post(index),
        Engine::May => may::post(index),
    }
}

/// Starts a coroutine. The seat is one of this engine's, belongs to nobody
/// else, and is kept alive by the body.
///
/// # Errors
/// When no stack can be mapped; the body comes back.
pub(super) fn spawn<B: Body>(place: Place, seat: &Seat, body: B) -> Result<(), Unstarted<B>> {
    match seat {
        Seat::Pinned(seat) => pinned::spawn(place, seat, body),
        Seat::May(seat) => may::spawn(place, seat, body),
    }
}

/// The worker whose thread the caller's coroutine never leaves; `None` on a
/// thread, and where coroutines change theirs.
pub(super) fn this_thread() -> Option<ThisThread> {
    let index = match chosen() {
        Engine::Pinned => pinned::this_thread(),
        Engine::May => may::this_thread(),
    };
    index.map(ThisThread::new)
}

/// The place that means elsewhere what `place` means to the caller.
pub(super) fn as_meant_here(place: Place) -> Place {
    match (place, this_thread()) {
        (Place::Here, Some(here)) if here.index() < workers() => Place::Worker(here.index()),
        (Place::Here, _) => Place::Anywhere,
        (place, _) => place,
    }
}

/// Whether [`Place::Acceptor`] is where the running coroutine is; true also
/// where there is no such place apart.
pub(super) fn is_acceptor() -> bool {
    match chosen() {
        Engine::Pinned => pinned::is_acceptor(),
        Engine::May => true,
    }
}

/// The size of every stack.
pub(super) fn stack_bytes() -> usize {
    match chosen() {
        Engine::Pinned => pinned::stack_bytes(),
        Engine::May => may::stack_bytes(),
    }
}

/// What the stacks of `live` coroutines take.
pub(super) fn stack_usage(live: usize) -> StackUsage {
    match chosen() {
        Engine::Pinned => pinned::stack_usage(),
        Engine::May => StackUsage::of(live * may::stack_bytes()),
    }
}

/// How many more coroutines the engine lets live, given the memory maps that
/// the process has left.
pub(super) fn stacks_within(engine: Engine, maps: usize) -> usize {
    match engine {
        Engine::Pinned => pinned::stacks_within(maps),
        Engine::May => maps / may::MAPS_A_STACK,
    }
}

/// How many timers are set.
pub(super) fn timers() -> usize {
    match chosen() {
        Engine::Pinned => pinned::timers(),
        Engine::May => may::timers(),
    }
}

/// What a user should know of how the engine runs on this system.
pub(super) fn remark() -> Option<&'static str> {
    match chosen() {
        Engine::Pinned => pinned::remark(),
        Engine::May => None,
    }
}

/// Gives memory back that stacks no longer need.
pub(super) fn trim() {
    if chosen() == Engine::Pinned {
        pinned::trim();
    }
}

/// Gives memory back that the running coroutine's stack no longer needs.
#[cfg(feature = "tls")]
pub(super) fn release_unused() {
    if chosen() == Engine::Pinned {
        pinned::release_unused();
    }
}
