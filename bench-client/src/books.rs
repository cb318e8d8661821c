//! The books of a run: what both ends and the kernel count, read at its turns.

use std::time::{Duration, Instant};

use crate::account::{Account, Reading};
use crate::failure::Failure;
use crate::host;
use crate::outcome::Window;
use crate::saved::{Host, Usage};
use crate::series::Tick;

/// Whose account is kept, and since when the kernel's.
#[derive(Debug)]
pub(crate) struct Books {
    server: Option<Account>,
    own: Account,
    host: host::Reading,
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

impl Books {
    /// Of the server whose account is `server`, from now on.
    ///
    /// # Errors
    /// When the kernel shows a process not even itself.
    pub(crate) fn open(server: Option<Account>) -> Result<Books, Failure> {
        Ok(Books {
            server,
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

    /// The end of a second of the window that began with `start`.
    pub(crate) fn tick(&self, start: &Opening) -> Tick {
        Tick {
            at: start.at.elapsed(),
            server: self.server.and_then(|server| server.glance().ok()),
            own: self.own.glance().ok(),
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
        ..account.read().since(&start.reading, length)
    }
}
