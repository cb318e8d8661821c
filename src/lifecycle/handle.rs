//! The remote control of a server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ConnectionState, Counts, DrainReport, Lifecycle, Metrics, Phase, drain, wait_for_change};
use crate::error::{Error, Result, WaitError};
use crate::limits::{Limits, Refused};
use crate::net::{Address, Deadlines, Overdue};
use crate::runtime::{self, passed};

/// Ends, pauses and watches a server from anywhere: another thread, a
/// coroutine, one of its own handlers.
///
/// Cheap to clone; it does not keep the server alive.
///
/// ```
/// use greenserve::{TcpServer, net::TcpStream};
///
/// let mut server = TcpServer::bind("127.0.0.1:0", |_: &mut TcpStream| std::io::Result::Ok(()))?;
/// let handle = server.handle();
/// handle.shutdown(); // even before it serves: it then returns at once
/// server.serve_forever()?;
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    lifecycle: Arc<Lifecycle>,
}

impl ServerHandle {
    pub(crate) fn new(lifecycle: Arc<Lifecycle>) -> Self {
        ServerHandle { lifecycle }
    }

    /// Ends the accept loop: at once, and without waiting for it.
    ///
    /// Safe anywhere, also in a handler of the server itself, and as often as
    /// you like; only in a [forked](crate::Fork) child it does not reach the
    /// server, which is the parent's. Before the loop has begun it makes the next one return at
    /// once. Requests in flight go on; see
    /// [`Server::stop`](crate::Server::stop) for how to wait for them.
    /// (`shutdown()` of Python waits, and deadlocks when a handler calls it.)
    pub fn shutdown(&self) {
        self.lifecycle.request_shutdown();
    }

    /// Waits until the accept loop has ended, for at most `limit`.
    ///
    /// # Errors
    /// [`Error::Elapsed`] when it has not; a server in the
    /// [inline](crate::Inline) model never has while one of its handlers waits
    /// here.
    pub fn wait(&self, limit: Duration) -> Result<()> {
        let deadline = runtime::after(limit);
        let elapsed = || Error::Elapsed {
            what: "the accept loop".to_owned(),
            after: limit,
        };
        let watcher = self.lifecycle.watch();
        while self.lifecycle.phase() == Phase::Serving {
            match watcher.task().park(deadline) {
                Ok(()) => {}
                Err(WaitError::Deadline) if !passed(deadline) => {}
                Err(_) => return Err(elapsed()),
            }
        }
        Ok(())
    }

    /// Stops accepting without closing: clients wait in the kernel's queue
    /// (`stop_accepting` of gevent).
    pub fn pause(&self) {
        self.lifecycle.set_paused(true);
    }

    /// Accepts again after [`pause`](ServerHandle::pause) (`start_accepting`
    /// of gevent).
    pub fn resume(&self) {
        self.lifecycle.set_paused(false);
    }

    /// True between [`pause`](ServerHandle::pause) and
    /// [`resume`](ServerHandle::resume).
    pub fn is_paused(&self) -> bool {
        self.lifecycle.is_paused()
    }

    /// The phase the server is in.
    pub fn phase(&self) -> Phase {
        self.lifecycle.phase()
    }

    /// Where the server is bound, with the real port; `None` before that.
    pub fn address(&self) -> Option<Address> {
        self.lifecycle.address()
    }

    /// How many requests are in flight.
    pub fn in_flight(&self) -> usize {
        self.lifecycle.connections().count()
    }

    /// The most that may be in flight before accepting pauses.
    pub fn max_connections(&self) -> usize {
        self.lifecycle.connections().limit()
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        Limits::clone(&self.lifecycle.gate().limits())
    }

    /// Puts other limits in force, for every request from now on; what is in
    /// flight stays. A limit on connections that the new ones do not name
    /// stays as it was.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for limits that would serve nobody; nothing is
    /// changed then.
    pub fn set_limits(&self, limits: Limits) -> Result<()> {
        limits.check()?;
        self.lifecycle.set_limits(limits);
        Ok(())
    }

    /// The deadlines that new connections are given.
    pub fn deadlines(&self) -> Deadlines {
        let rules = self.lifecycle.rules();
        rules.map_or_else(Deadlines::none, |rules| rules.deadlines.clone())
    }

    /// Gives other deadlines to every connection from now on; those that are in
    /// flight keep theirs.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for deadlines that no client could keep;
    /// nothing is changed then.
    pub fn set_deadlines(&self, deadlines: Deadlines) -> Result<()> {
        deadlines.check()?;
        self.lifecycle.set_deadlines(deadlines);
        Ok(())
    }

    /// How often clients of this server missed a deadline, whether the connection
    /// keeps it or a protocol: TLS, HTTP, WebSockets, the PROXY header. Each miss
    /// is counted once. A [forked](crate::Fork) child counts its own, which its
    /// parent does not see.
    pub fn overdue(&self, deadline: Overdue) -> u64 {
        self.lifecycle.overdue().of(deadline)
    }

    /// What the server has done since it was made, and does now.
    ///
    /// ```
    /// use greenserve::{TcpServer, net::TcpStream};
    ///
    /// let server = TcpServer::bind("127.0.0.1:0", |_: &mut TcpStream| std::io::Result::Ok(()))?;
    /// let metrics = server.handle().metrics();
    /// assert_eq!((metrics.accepted, metrics.in_flight), (0, 0));
    /// # Ok::<(), greenserve::Error>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics::of(&self.lifecycle)
    }

    /// How many requests were refused, by the limit they were beyond or by who did
    /// not welcome them.
    pub fn refused(&self) -> Refused {
        self.lifecycle.gate().refused()
    }

    /// The requests in flight.
    pub fn connections(&self) -> Vec<ConnectionState> {
        self.lifecycle.connections().list()
    }

    /// What became of its requests so far.
    pub fn counts(&self) -> Counts {
        self.lifecycle.tally().counts()
    }

    /// Ends one request: its socket is shut down and whatever its handler
    /// waits for fails with [`WaitError::Killed`]. False when it is no longer
    /// in flight.
    pub fn kill(&self, id: u64) -> bool {
        self.lifecycle.connections().kill(id)
    }

    /// Ends all requests in flight, as [`kill`](ServerHandle::kill) does one.
    pub fn kill_all(&self) {
        self.lifecycle.connections().kill_all();
    }

    pub(crate) fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// Kills what is in flight and tells what became of it; the drain to come
    /// will tell it too.
    pub(crate) fn kill_and_report(&self) -> DrainReport {
        let watcher = self.lifecycle.watch();
        let wait = |deadline| wait_for_change(&watcher, deadline);
        let report = drain(&self.lifecycle, Some(Duration::ZERO), wait, || false);
        self.lifecycle.connections().remember_killed(&report.killed);
        report
    }

    /// True once the server has been asked to end, until it serves again.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }
}

/// What a person wants to know of a server: where, how far, how much.
impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address().map(|address| address.to_string());
        f.debug_struct("ServerHandle")
            .field("address", &format_args!("{}", address.as_deref().unwrap_or("none yet")))
            .field("phase", &self.phase())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
