//! One parent, several worker processes of the same program.

mod crew;
mod ending;
mod environment;
mod inherited;
mod label;
mod launch;
mod notifier;
mod parent;
mod process;
mod program;
mod restarts;
mod rollover;
mod settings;
mod signals;
mod slot;
mod socket;
mod worker;

use std::fmt;
use std::time::{Duration, Instant};

pub use ending::Ending;
pub use worker::Worker;

use self::crew::Crew;
use self::parent::Parent;
use self::program::Program;
use self::settings::{FOREVER, Settings};
use self::signals::Signals;
use self::socket::{Kind, Socket, Wanted};
use crate::error::{Error, Result};
use crate::lifecycle::DrainReport;
use crate::net::{Address, IntoAddress, SocketOptions};

/// Binds sockets and has several processes of this program serve them, so that
/// a crash costs the connections of one of them (gunicorn's master and
/// workers; a `prefork` server).
///
/// ```no_run
/// use greenserve::{Ending, Supervisor, TcpServer, net::TcpStream};
/// use std::io;
///
/// fn echo(client: &mut TcpStream) -> io::Result<()> {
///     io::copy(&mut &*client, &mut &*client).map(drop)
/// }
///
/// fn main() -> greenserve::Result<Ending> {
///     Supervisor::new()
///         .listen("127.0.0.1:8000")
///         .workers(4)
///         .run(|worker| worker.serve(TcpServer::bind(worker.address(), echo)?))
/// }
/// ```
///
/// The program runs once as the supervisor and once for each worker, from the
/// beginning of its `main`: [`run`](Supervisor::run) finds out which of them
/// this process is. The supervisor calls no closure, starts no thread and no
/// coroutine; a worker executes the program anew (fork(2) and execve(2), with
/// the same arguments) and inherits the sockets, standard output and error,
/// and nothing else. Open what workers need in the closure.
///
/// # What it does
///
/// | when | then |
/// | --- | --- |
/// | a worker dies | another one is started: at once, then after 100 ms, doubling up to 5 s ([`restart_delay`](Supervisor::restart_delay)) |
/// | no worker serves and 5 starts in a row failed | all ends with [`Error::Supervise`] ([`max_failed_starts`](Supervisor::max_failed_starts)) |
/// | SIGTERM, SIGINT | the sockets are closed, workers drain for the [`grace`](Supervisor::grace); what is left 2 s later is killed |
/// | the same again | workers kill what is in flight |
/// | SIGHUP | workers are replaced one after the other; see below |
/// | SIGUSR1, SIGUSR2 | passed on to the workers that handle them |
/// | the supervisor is killed | so are the workers (`PR_SET_PDEATHSIG`) |
///
/// A start has failed when the worker ends, or 30 s pass
/// ([`ready_within`](Supervisor::ready_within)), before it says that it is
/// ready. A worker that dies after that never makes the supervisor give up,
/// however often it happens: clients may be the cause, and must not be able to
/// end the service.
///
/// A killed supervisor takes its workers with it rather than have them drain:
/// nobody would be left to kill one that hangs, and that one would keep the
/// port.
///
/// # New programs
///
/// On SIGHUP a new worker is started beside the first old one. When it is ready
/// the old one is told to drain; when that one has ended, the next is replaced.
/// The sockets stay open throughout, so no client is refused. Workers execute
/// the path by which this program was started: put another program there, or
/// turn a symbolic link of that path. If a new worker does not come to be
/// ready, the old ones stay and the rest is not tried. The supervisor itself
/// goes on as the old program; a new number of workers, other settings or other
/// sockets take a restart.
///
/// # Status
///
/// | status | of [`Ending`] or [`Error::exit_code`] |
/// | --- | --- |
/// | 0 | all that was in flight has ended by itself |
/// | 1, 2 | it could not start: see [`Error::exit_code`] |
/// | 3 | something was cut short |
/// | 4 | it gave up |
///
/// # With systemd
///
/// Addresses such as `systemd:http` take over sockets of a `.socket` unit; see
/// [`Address`]. `READY=1` is sent when all workers are ready,
/// `RELOADING=1` and `READY=1` around a replacement of the workers,
/// `STOPPING=1` at the end, `WATCHDOG=1` twice as often as `WatchdogSec=` asks:
/// use `Type=notify-reload` (or `notify`) and `KillMode=mixed`, since SIGTERM
/// to every process would reach workers twice. Workers see none of systemd's
/// variables but their own `LISTEN_FDS`, which is as sd_listen_fds(3) demands.
///
/// As process 1 of a container it reaps its workers only; if workers leave
/// processes behind, run it under an init such as `tini`.
#[derive(Default)]
#[must_use = "a supervisor does nothing until `run`"]
pub struct Supervisor {
    wanted: Vec<Result<Wanted>>,
    options: SocketOptions,
    settings: Settings,
    on_ready: Option<OnReady>,
}

type OnReady = Box<dyn FnOnce(&[Address])>;

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("wanted", &self.wanted)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Supervisor {
    /// A supervisor without sockets, with the defaults of each method.
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens on `address`: with TCP, or with a Unix stream socket if the
    /// address is of one. May be called several times; the first socket is
    /// [`Worker::address`].
    ///
    /// An address that cannot be read is an error of [`run`](Supervisor::run).
    pub fn listen(self, address: impl IntoAddress) -> Self {
        self.want(address, Kind::Stream)
    }

    /// Receives datagrams at `address`: UDP, or those of a Unix datagram socket
    /// if the address is of one. Each goes to any one of the workers.
    ///
    /// An address that cannot be read is an error of [`run`](Supervisor::run).
    pub fn listen_datagrams(self, address: impl IntoAddress) -> Self {
        self.want(address, Kind::Datagram)
    }

    /// The options of the sockets that are named after this call. Defaults to
    /// [`SocketOptions::new`].
    pub fn socket_options(mut self, options: SocketOptions) -> Self {
        self.options = options;
        self
    }

    fn want(mut self, address: impl IntoAddress, kind: Kind) -> Self {
        let options = self.options.clone();
        self.wanted
            .push(address.into_address().map(|address| Wanted { address, kind, options }));
        self
    }

    /// How many worker processes serve. Defaults to one a core.
    ///
    /// Each has as many threads for coroutines as
    /// [`runtime::Config::workers`](crate::runtime::Config::workers) says, one
    /// a core by default: with one process a core, `Config::new().workers(1)`
    /// does.
    pub fn workers(mut self, processes: usize) -> Self {
        self.settings.workers = processes;
        self
    }

    /// How long what is in flight may take when a worker is told to end.
    /// Defaults to 25 s, which with all that follows is within the 30 s of
    /// Kubernetes. [`Worker::serve`] keeps to it; 2 s later the worker is
    /// killed.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.settings.grace = grace.min(FOREVER);
        self
    }

    /// How long a worker may take until it is ready. Defaults to 30 s.
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.settings.ready_within = limit.min(FOREVER);
        self
    }

    /// How long the place of a dead worker stays empty: not at all the first
    /// time, then `least`, doubling with each death up to `most`; who has lived
    /// longer than `most` counts as the first again. Defaults to 100 ms and
    /// 5 s.
    pub fn restart_delay(mut self, least: Duration, most: Duration) -> Self {
        self.settings.least_delay = least.min(FOREVER);
        self.settings.most_delay = most.min(FOREVER);
        self
    }

    /// After how many failed starts in a row, of whichever worker, a supervisor
    /// gives up of which no worker serves, nor may still come to. Defaults to
    /// 5.
    pub fn max_failed_starts(mut self, starts: usize) -> Self {
        self.settings.most_failures = starts;
        self
    }

    /// Calls `told` in the supervisor when all workers are ready for the first
    /// time, with where the sockets are bound: real ports for port 0. Defaults
    /// to nothing.
    pub fn on_ready(mut self, told: impl FnOnce(&[Address]) + 'static) -> Self {
        self.on_ready = Some(Box::new(told));
        self
    }

    /// Supervises until SIGTERM or SIGINT; or, in a worker, calls `work`.
    ///
    /// What stands after this call runs in the supervisor and in each worker,
    /// as does what stands before it. In both the [`Ending`] is to be returned
    /// from `main`, and so is the error.
    ///
    /// # Errors
    /// In the supervisor: a setting or an address that makes no sense, or no
    /// socket at all; an address that cannot be bound;
    /// [`Error::Supervise`] when it gave up. In a worker: what `work` returned;
    /// [`Error::Supervise`] when the program that runs as the supervisor passes
    /// another number of sockets, or when a supervisor has run before in this
    /// worker.
    pub fn run(self, work: impl FnOnce(&Worker) -> Result<DrainReport>) -> Result<Ending> {
        match Worker::of_this_process(self.wanted.len())? {
            Some(worker) => work(&worker).map(Ending::of_worker),
            None => self.supervise(),
        }
    }

    fn supervise(self) -> Result<Ending> {
        self.settings.check()?;
        let wanted = self.wanted.into_iter().collect::<Result<Vec<_>>>()?;
        if wanted.is_empty() {
            let reason = "a supervisor has no socket: name one with listen or listen_datagrams".to_owned();
            return Err(Error::Supervise { reason, status: 1 });
        }
        let program = Program::of_this_process().map_err(|source| Error::System {
            action: "find out the path of this program",
            source,
        })?;
        // Before the sockets: whoever finds one bound may send a signal.
        let signals = Signals::register()?;
        let sockets = wanted.iter().map(Socket::open).collect::<Result<Vec<_>>>()?;
        let addresses = sockets.iter().map(Socket::address).collect::<Result<Vec<_>>>()?;
        let crew = Crew::new(self.settings, program, sockets, Instant::now());
        let on_ready = self.on_ready;
        Parent::new(crew, signals).run(|| {
            if let Some(told) = on_ready {
                told(&addresses);
            }
        })
    }
}
