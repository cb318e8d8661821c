//! What other threads may touch of a worker, and where the workers are.

use std::io;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam::queue::SegQueue;
use crossbeam::utils::CachePadded;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use once_cell::sync::OnceCell;

use super::inbox::Inbox;
use super::interest::Record;
use super::local::Local;
use super::poll::Poll;
use super::seat::Seat;
use super::stacks;
use crate::runtime::engine::post::Post;
use crate::runtime::engine::settings::{Settings, WARM_STACKS};

static WORKERS: OnceCell<Box<[CachePadded<Worker>]>> = OnceCell::new();
/// How many of them run coroutines of users: all but the acceptor.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// What an inbox holds.
#[derive(Debug)]
pub(super) enum Delivery {
    /// This coroutine goes on, or begins.
    Woken(NonNull<Seat>),
    /// There is a coroutine among the arrivals, unless another worker took it.
    Arrival,
    /// The registration is over: nothing points at the record any more.
    Retired(Arc<Record>),
}

// SAFETY: who sends `Woken` has moved the seat to `queued`: until the worker
// takes it out and runs it, its coroutine takes no step and so keeps it alive.
unsafe impl Send for Delivery {}

/// A coroutine that was placed on a worker and has not begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) seat: NonNull<Seat>,
    pub(super) is_client: bool,
}

// SAFETY: as for `Delivery::Woken`; what is on its stack is `Send`, since it
// was given to a place that may be any worker.
unsafe impl Send for Arrival {}

/// The shared part of one worker; the rest is its thread's [`Local`].
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) inbox: Inbox<Delivery>,
    pub(super) arrivals: SegQueue<Arrival>,
    pub(super) poll: Poll,
    pub(super) post: Post,
    pub(super) load: Load,
}

/// How much was placed on a worker, and how many timers it has.
#[derive(Debug, Default)]
pub(super) struct Load {
    coroutines: AtomicUsize,
    clients: AtomicUsize,
    /// As many as there were when it last looked at its sockets. Its thread
    /// alone writes it.
    timers: AtomicUsize,
}

impl Load {
    pub(super) fn enter(&self, is_client: bool) {
        self.coroutines.fetch_add(1, Ordering::Relaxed);
        if is_client {
            self.clients.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn leave(&self, is_client: bool) {
        self.coroutines.fetch_sub(1, Ordering::Relaxed);
        if is_client {
            self.clients.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn hold_timers(&self, count: usize) {
        self.timers.store(count, Ordering::Relaxed);
    }

    pub(super) fn coroutines(&self) -> usize {
        self.coroutines.load(Ordering::Relaxed)
    }

    pub(super) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }
}

/// Starts the workers, and an acceptor when there are several: with one there
/// is nobody else to give a client to.
pub(in crate::runtime::engine) fn start(settings: Settings) -> io::Result<()> {
    stacks::configure(settings.stack_bytes, WARM_STACKS);
    let count = settings.workers;
    let threads = if count > 1 { count + 1 } else { count };
    let workers = (0..threads)
        .map(|_| Worker::new().map(CachePadded::new))
        .collect::<io::Result<_>>()?;
    if WORKERS.set(workers).is_err() {
        return Err(io::Error::other("an earlier start failed half-way"));
    }
    COUNT.store(count, Ordering::Release);
    for (index, worker) in all().iter().enumerate() {
        let name = match index {
            index if index < count => format!("greenserve-{index}"),
            _ => "greenserve-acceptor".to_owned(),
        };
        let core = settings.pin_workers.then_some(index).filter(|index| *index < count);
        thread::Builder::new().name(name).spawn(move || {
            if let Some(core) = core {
                stay_on(core);
            }
            Local::new(index, worker).run();
        })?;
    }
    Ok(())
}

/// The workers that run coroutines of users.
pub(in crate::runtime::engine) fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// The timers of all workers.
pub(in crate::runtime::engine) fn timers() -> usize {
    let counts = all().iter().map(|worker| worker.load.timers.load(Ordering::Relaxed));
    counts.sum()
}

/// Every worker, the acceptor last if there is one.
pub(super) fn all() -> &'static [CachePadded<Worker>] {
    WORKERS.get().map_or(&[], |workers| workers)
}

/// The thread of worker `index`; the acceptor's comes last.
pub(in crate::runtime::engine) fn post(index: usize) -> Option<&'static Post> {
    all().get(index).map(|worker| &worker.post)
}

/// Where clients are accepted.
pub(super) fn acceptor() -> usize {
    all().len().saturating_sub(1)
}

/// Has `delivery` carried out on worker `index`.
pub(super) fn send(index: usize, delivery: Delivery) {
    if let Some(worker) = all().get(index)
        && worker.inbox.send(delivery)
    {
        worker.ring(index);
    }
}

impl Worker {
    fn new() -> io::Result<Worker> {
        Ok(Worker {
            inbox: Inbox::new(),
            arrivals: SegQueue::new(),
            poll: Poll::new()?,
            post: Post::new(),
            load: Load::default(),
        })
    }

    pub(super) fn ring(&self, index: usize) {
        if let Err(err) = self.poll.ring() {
            log::error!("cannot ring worker {index}: {err}; it may sleep through a wake-up");
        }
    }
}

/// Binds this thread to the `index`-th core that the process may use.
fn stay_on(index: usize) {
    let this = Pid::from_raw(0);
    let bound = sched_getaffinity(this).and_then(|allowed| {
        let cores: Vec<_> = (0..CpuSet::count())
            .filter(|core| allowed.is_set(*core).unwrap_or(false))
            .collect();
        let mut one = CpuSet::new();
        one.set(cores[index % cores.len().max(1)])?;
        sched_setaffinity(this, &one)
    });
    if let Err(err) = bound {
        log::warn!("worker {index} is not bound to a core: {err}");
    }
}
