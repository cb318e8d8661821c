//! A server's life: its phases, what is in flight, and how it ends.
//!
//! Who may end a server holds a [`ServerHandle`]; who may only know whether it
//! is ending asks a [`Context`](crate::Context). Both look at the same
//! [`Lifecycle`], which counts what is in flight by guards that the requests
//! themselves own.

mod bell;
mod connection;
mod connections;
mod counts;
mod drain;
mod drain_sign;
mod ending;
mod event;
mod folding;
mod forwarded;
mod handle;
mod idle;
mod metrics;
mod observers;
mod phase;
mod reservation;
mod room;
mod shim;
mod signals;
mod watcher;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use connection::{Connection, ConnectionState};
pub use counts::Counts;
pub use drain::DrainReport;
pub use event::{Event, Observer, Outcome};
pub use forwarded::Forwarded;
pub use handle::ServerHandle;
pub use metrics::{Metrics, RequestTimes};
pub use phase::Phase;

pub(crate) use bell::Bell;
pub(crate) use connections::InFlight;
#[expect(unreachable_pub, reason = "named by a sealed public trait")]
pub use connections::Kill;
pub(crate) use counts::Ending;
pub(crate) use drain::{CUT, drain, wait_for_change};
pub(crate) use drain_sign::is_readable;
pub(crate) use idle::Idle;
pub(crate) use reservation::{EndsAwaited, Reservation};
pub(crate) use room::Room;
pub(crate) use signals::{ChildSignal, Signals, Watch};
pub(crate) use watcher::Watcher;

use self::connections::Connections;
use self::counts::Tally;
use self::drain_sign::DrainSign;
use self::folding::Folding;
use self::metrics::Meter;
use self::observers::Observers;
use crate::error::{Error, Result};
use crate::limits::Gate;
use crate::net::{Address, Deadlines, OverdueCounts, Rules};
use crate::runtime::{NEVER, Task, lock};

/// What one server and all its handles share.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: Mutex<Phase>,
    /// Asked to leave the accept loop; stays until a loop has left.
    shutdown: AtomicBool,
    /// The loop has left because it was asked to, and none has begun since.
    was_shut_down: AtomicBool,
    /// Draining or closed.
    ends: AtomicBool,
    drain_sign: DrainSign,
    /// In a forked child: the server is the parent's.
    is_child: AtomicBool,
    paused: AtomicBool,
    address: Mutex<Option<Address>>,
    connections: Connections,
    gate: Gate,
    tally: Tally,
    folding: Folding,
    /// What new connections are given; `None` for no deadlines.
    rules: Mutex<Option<Arc<Rules>>>,
    overdue: Arc<OverdueCounts>,
    meter: Meter,
    observers: Observers,
    /// Tasks to be woken by any change: the accept loop and who drains.
    watchers: Mutex<Vec<Arc<Task>>>,
    /// For loops that wait in poll(2), and only while one does.
    bell: Bell,
    polled: AtomicBool,
    /// Set by the signal handlers that ring the bell, and by who kills early.
    signalled: Arc<AtomicBool>,
    handles_signals: AtomicBool,
    /// How long after a signal what is in flight may go on, in nanoseconds;
    /// `u64::MAX` for as long as who drains says.
    signal_grace: AtomicU64,
    /// When that is over.
    kill_at: AtomicU64,
}

impl Lifecycle {
    pub(crate) fn new(max_connections: usize) -> Result<Arc<Lifecycle>> {
        let no_pipe = |source| Error::System {
            action: "open the server's wake-up pipe",
            source,
        };
        Ok(Arc::new(Lifecycle {
            phase: Mutex::new(Phase::Created),
            shutdown: AtomicBool::new(false),
            was_shut_down: AtomicBool::new(false),
            ends: AtomicBool::new(false),
            drain_sign: DrainSign::new().map_err(no_pipe)?,
            is_child: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            address: Mutex::new(None),
            connections: Connections::new(max_connections),
            gate: Gate::default(),
            tally: Tally::default(),
            folding: Folding::default(),
            rules: Mutex::new(None),
            overdue: Arc::default(),
            meter: Meter::default(),
            observers: Observers::default(),
            watchers: Mutex::new(Vec::new()),
            bell: Bell::new().map_err(no_pipe)?,
            polled: AtomicBool::new(false),
            signalled: Arc::default(),
            handles_signals: AtomicBool::new(false),
            signal_grace: AtomicU64::new(u64::MAX),
            kill_at: AtomicU64::new(NEVER),
        }))
    }

    pub(crate) fn phase(&self) -> Phase {
        *lock(&self.phase)
    }

    /// Moves on to `next`.
    ///
    /// # Errors
    /// When no server goes from the present phase to that one.
    pub(crate) fn advance(self: &Arc<Self>, next: Phase, action: &'static str) -> Result<()> {
        {
            let mut phase = lock(&self.phase);
            if !phase.may_become(next) {
                return Err(Error::Phase {
                    action,
                    phase: phase.describe(),
                });
            }
            *phase = next;
            if matches!(next, Phase::Draining | Phase::Closed) {
                self.ends.store(true, Ordering::SeqCst);
            }
        }
        if next == Phase::Draining {
            self.begin_drain();
        }
        self.changed();
        self.tell(|| Event::PhaseChanged { phase: next });
        Ok(())
    }

    pub(crate) fn address(&self) -> Option<Address> {
        lock(&self.address).clone()
    }

    pub(crate) fn set_address(&self, address: Address) {
        *lock(&self.address) = Some(address);
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
        self.changed();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The deadlines of new connections; `None` for none.
    pub(crate) fn rules(&self) -> Option<Arc<Rules>> {
        lock(&self.rules).clone()
    }

    pub(crate) fn set_deadlines(&self, deadlines: Deadlines) {
        let rules = (deadlines != Deadlines::none()).then(|| Rules {
            deadlines,
            counts: Arc::clone(&self.overdue),
        });
        *lock(&self.rules) = rules.map(Arc::new);
    }

    /// How often each deadline was missed.
    pub(crate) fn overdue(&self) -> &Arc<OverdueCounts> {
        &self.overdue
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn observers(&self) -> &Observers {
        &self.observers
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn folding(&self) -> &Folding {
        &self.folding
    }

    /// True when SIGTERM and SIGINT ring the bell.
    pub(crate) fn handles_signals(&self) -> bool {
        self.handles_signals.load(Ordering::SeqCst)
    }

    pub(crate) fn set_handles_signals(&self, handles: bool) {
        self.handles_signals.store(handles, Ordering::SeqCst);
    }

    /// True once for each time a signal rang the bell, or had all killed.
    pub(crate) fn take_signal(&self) -> bool {
        self.signalled.swap(false, Ordering::SeqCst)
    }

    /// Kills what is in flight before its time; the drain will report it.
    pub(crate) fn kill_early(&self) {
        self.connections.kill_early();
        self.signalled.store(true, Ordering::SeqCst);
        self.changed();
    }
}
