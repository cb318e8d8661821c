//! The books of a run: what both ends and the kernel count, read at its turns.

use std::time::{Duration, Instant};

use crate::base::failure::Failure;
use crate::machine::account::{Account, Reading};
use crate::machine::host;
use crate::run::outcome::Window;
use crate::run::series::{Spent, Tick};
use crate::saved::{Host, Usage};

/// Whose account is kept, and since when the kernel's.
#[derive(Debug)]
pub(crate) struct Books {
    server: Option<Account>,
    members: Members,
    own: Account,
    host: host::Reading,
}

/// The server's processes and when they were found. Finding them takes
/// milliseconds, too many for every short interval.
#[derive(Debug, Default)]
struct Members {
    at: Option<Instant>,
    pids: Vec<i32>,
}

/// For so long the server's processes are taken to be the same.
const SAME_FAMILY: Duration = Duration::from_millis(900);

impl Members {
    fn of(&mut self, server: &Account) -> &[i32] {
        if self.at.is_none_or(|at| at.elapsed() >= SAME_FAMILY) {
            *self = Members {
                at: Some(Instant::now()),
                pids: server.members(),
            };
        }
        &self.pids
    }
}

/// Both accounts at the begin of the window.
#[derive(Debug)]
pub(crate) struct Opening {
    /// When it began.
    pub(crate) at: Instant,
    server: Option<Side>,
    own: Option<Side>,
}

#[derive(Debug)]
struct Side {
    cpu: Duration,
    reading: Reading,
}

impl Opening {
    /// The processor time of both ends until then.
    pub(crate) fn spent(&self) -> Spent {
        let cpu = |side: &Option<Side>| side.as_ref().map(|side| side.cpu);
        Spent {
            at: Duration::ZERO,
            server: cpu(&self.server),
            own: cpu(&self.own),
        }
    }
}

impl Books {
    /// Of the server whose account is `server`, from now on.
    ///
    /// # Errors
    /// When the kernel shows a process not even itself.
    pub(crate) fn open(server: Option<Account>) -> Result<Books, Failure> {
        Ok(Books {
            server,
            members: Members::default(),
            own: Account::own()?,
            host: host::Reading::now(),
        })
    }

    /// The server's account, if there is one.
    pub(crate) fn server(&self) -> Option<Account> {
        self.server
    }

    /// What the kernel counted until now.
    pub(crate) fn host(&self) -> Host {
        host::Reading::now().since(&self.host)
    }

    /// The begin of the window. What takes long to read is read before it.
    pub(crate) fn begin(&self) -> Opening {
        let reading = self.server.map(|server| server.read());
        let own = self.own.read();
        let cpu = self.server.and_then(|server| server.cpu().ok());
        Opening {
            at: Instant::now(),
            server: cpu.zip(reading).map(|(cpu, reading)| Side { cpu, reading }),
            own: self.own.cpu().ok().map(|cpu| Side { cpu, reading: own }),
        }
    }

    /// The end of an interval of the window that began with `start`.
    pub(crate) fn tick(&mut self, start: &Opening) -> Tick {
        let server = self.server.map(|server| (server, self.members.of(&server)));
        Tick {
            at: start.at.elapsed(),
            server: server.and_then(|(server, members)| server.glance(members).ok()),
            own: self.own.glance(&[self.own.pid()]).ok(),
        }
    }

    /// The window from `start` until now. What takes long to read is read after
    /// it.
    pub(crate) fn since(&self, start: &Opening) -> Window {
        let length = start.at.elapsed();
        let cpus = (self.server.and_then(|server| server.cpu().ok()), self.own.cpu().ok());
        Window {
            length,
            server: self
                .server
                .and_then(|server| Some(used(server, start.server.as_ref()?, cpus.0?, length))),
            client: start
                .own
                .as_ref()
                .zip(cpus.1)
                .map(|(start, cpu)| used(self.own, start, cpu, length)),
        }
    }
}

fn used(account: Account, start: &Side, cpu: Duration, length: Duration) -> Usage {
    let cpu_s = cpu.saturating_sub(start.cpu).as_secs_f64();
    Usage {
        pid: account.pid(),
        cpu_s,
        cpu_share: cpu_s / length.as_secs_f64().max(f64::MIN_POSITIVE),
        resident_bytes: account.resident().ok(),
        ..account.read().since(&start.reading)
    }
}
