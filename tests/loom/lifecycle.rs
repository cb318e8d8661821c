//! A server's life as far as what is in flight has a part in it.

#[path = "../../src/lifecycle/connection.rs"]
mod connection;
#[path = "../../src/lifecycle/connections.rs"]
mod connections;
#[path = "../../src/lifecycle/drain.rs"]
mod drain;
#[path = "../../src/lifecycle/ending.rs"]
mod ending;
#[path = "../../src/lifecycle/idle.rs"]
mod idle;
#[path = "../../src/lifecycle/reservation.rs"]
mod reservation;
#[path = "../../src/lifecycle/room.rs"]
mod room;
#[path = "../../src/lifecycle/watcher.rs"]
mod watcher;

#[path = "drains.rs"]
mod drains;
#[path = "in_flight.rs"]
mod in_flight;
#[path = "places.rs"]
mod places;

/// What `src/lifecycle/shim.rs` is to the crate.
mod shim {
    pub use crate::atomics::{AtomicUsize, Ordering};
    pub use loom::sync::Mutex;

    pub fn lock<T>(mutex: &Mutex<T>) -> loom::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::{fmt, io};

use crate::atomics::{AtomicBool, AtomicU64};
use crate::limits::{Gate, Limits};
use crate::net::Peer;
use crate::runtime::{NEVER, Task};
use connection::{Connection, ConnectionState};
use connections::{Connections, InFlight, Kill};
use drain::{DrainReport, drain, wait_for_change};
use idle::Idle;
use loom::sync::{Condvar, Mutex};
use reservation::{EndsAwaited, Reservation};
use room::Room;
use watcher::Watcher;

/// The part of the crate's that the included files look at.
#[derive(Debug)]
pub struct Lifecycle {
    shutdown: AtomicBool,
    was_shut_down: AtomicBool,
    ends: AtomicBool,
    drain_sign: DrainSign,
    is_child: AtomicBool,
    connections: Connections,
    gate: Gate,
    watchers: Mutex<Vec<Arc<Task>>>,
    bell: Bell,
    polled: AtomicBool,
    signal_grace: AtomicU64,
    kill_at: AtomicU64,
}

impl Lifecycle {
    fn of(limit: usize) -> Arc<Lifecycle> {
        Arc::new(Lifecycle {
            shutdown: AtomicBool::new(false),
            was_shut_down: AtomicBool::new(false),
            ends: AtomicBool::new(false),
            drain_sign: DrainSign,
            is_child: AtomicBool::new(false),
            connections: Connections::new(limit),
            gate: Gate::default(),
            watchers: Mutex::default(),
            bell: Bell(Mutex::new(false), Condvar::new()),
            polled: AtomicBool::new(false),
            signal_grace: AtomicU64::new(u64::MAX),
            kill_at: AtomicU64::new(NEVER),
        })
    }

    fn connections(&self) -> &Connections {
        &self.connections
    }

    fn gate(&self) -> &Gate {
        &self.gate
    }
}

/// Nobody waits for it here: it is a descriptor, which does not forget.
#[derive(Debug)]
struct DrainSign;

impl DrainSign {
    fn raise(&self) {}

    fn lower(&self) {}

    fn is_raised(&self) -> bool {
        false
    }

    fn wait_unless_raised(&self, _: BorrowedFd<'_>, _: u64) -> io::Result<()> {
        unreachable!("a thread's wait, in poll(2)")
    }
}

/// A pipe to oneself: what is rung before the wait ends it too.
#[derive(Debug)]
struct Bell(Mutex<bool>, Condvar);

impl Bell {
    fn ring(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }

    /// As poll(2) and then `hear` do.
    fn wait(&self) {
        let mut rung = self.0.lock().unwrap();
        while !*rung {
            rung = self.1.wait(rung).unwrap();
        }
        *rung = false;
    }
}

/// What a proxy said: nothing here.
#[derive(Debug)]
struct Forwarded(Peer);

impl Forwarded {
    fn client(&self) -> &Peer {
        &self.0
    }
}

/// A request that has been accepted.
fn begin(lifecycle: &Arc<Lifecycle>) -> InFlight {
    request(Reservation::take(lifecycle).unwrap())
}

fn request(place: Reservation) -> InFlight {
    InFlight::begin(place, Connection::new("loom", "model", Peer::Unnamed), None)
}

/// As an accept loop does: looks for room and, when there is none, waits for a
/// change.
fn accept(lifecycle: &Arc<Lifecycle>) -> Reservation {
    let (watcher, mut room) = (lifecycle.watch(), Room::default());
    loop {
        if room.is_there(lifecycle) {
            if let Some(place) = Reservation::take(lifecycle) {
                return place;
            }
            continue; // another loop was faster
        }
        watcher.task().park(NEVER).unwrap();
    }
}

/// As one that waits in poll(2).
fn accept_in_poll(lifecycle: &Arc<Lifecycle>) -> Reservation {
    lifecycle.set_polled(true);
    let mut room = Room::default();
    while !room.is_there(lifecycle) {
        lifecycle.bell.wait();
    }
    Reservation::take(lifecycle).unwrap()
}

/// Nobody is in flight, and as many may be as ever.
fn assert_free(lifecycle: &Arc<Lifecycle>, limit: usize) {
    assert_eq!(lifecycle.connections().count(), 0);
    assert!(lifecycle.connections().list().is_empty());
    let places: Vec<_> = std::iter::from_fn(|| Reservation::take(lifecycle)).collect();
    assert_eq!(places.len(), limit);
}
