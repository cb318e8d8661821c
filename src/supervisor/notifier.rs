//! What systemd is told: sd_notify(3).
//!
//! A datagram of a few lines. The crate `sd-notify` would send it too, but
//! waits without a bound while systemd does not read, and knows no abstract
//! names.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// How long systemd may take to make room for a datagram.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to whoever started this process, if that wants to be told.
#[derive(Debug)]
pub(super) struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that this process is alive.
    every: Option<Duration>,
    next: Instant,
}

impl Notifier {
    /// As the environment says. What cannot be used is logged and left alone:
    /// a service must not fail for it.
    pub(super) fn of_this_process() -> Notifier {
        let to = env::var_os("NOTIFY_SOCKET").and_then(|name| match connect(&name) {
            Ok(to) => Some(to),
            Err(err) => {
                log::warn!("cannot tell systemd anything through NOTIFY_SOCKET={name:?}: {err}");
                None
            }
        });
        let read = |name| env::var(name).ok();
        Notifier {
            every: to
                .as_ref()
                .and_then(|_| watchdog(read("WATCHDOG_USEC"), read("WATCHDOG_PID"))),
            to,
            next: Instant::now(),
        }
    }

    /// All workers serve; also the end of a [`reloading`](Notifier::reloading).
    pub(super) fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
    }

    pub(super) fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}\n"));
    }

    /// Workers are replaced, until [`ready`](Notifier::ready).
    pub(super) fn reloading(&self) {
        // systemd tells by the clock which of its signals this answers.
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from);
        let now = now.unwrap_or_default().as_micros();
        self.tell(&format!(
            "RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=workers are replaced\n"
        ));
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=workers drain\n");
    }

    /// Says that this process is alive if it is time to, and returns when it
    /// will be again.
    pub(super) fn alive(&mut self, now: Instant) -> Option<Instant> {
        // Twice as often as asked, as sd_watchdog_enabled(3) recommends.
        let every = self.every? / 2;
        if now >= self.next {
            self.tell("WATCHDOG=1\n");
            self.next = now + every;
        }
        Some(self.next)
    }

    fn tell(&self, lines: &str) {
        if let Some((socket, address)) = &self.to
            && let Err(err) = socket.send_to_addr(lines.as_bytes(), address)
        {
            log::warn!("cannot tell systemd {lines:?}: {err}");
        }
    }
}

fn connect(name: &OsString) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "neither a path nor an abstract name",
            ));
        }
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok((socket, address))
}

/// The interval, if it is meant for this process.
fn watchdog(microseconds: Option<String>, process: Option<String>) -> Option<Duration> {
    let every: u64 = microseconds?.parse().ok().filter(|every| *every > 0)?;
    let meant = process.is_none_or(|process| process.parse() == Ok(process::id()));
    meant.then(|| Duration::from_micros(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_is_fed_only_by_whom_it_watches() {
        let of = |every: &str, process: Option<u32>| watchdog(Some(every.to_owned()), process.map(|id| id.to_string()));
        let second = Some(Duration::from_secs(1));
        assert_eq!(of("1000000", None), second);
        assert_eq!(of("1000000", Some(process::id())), second);
        assert_eq!(of("1000000", Some(process::id() + 1)), None);
        assert_eq!(of("0", None), None);
        assert_eq!(of("soon", None), None);
        assert_eq!(watchdog(None, None), None);
    }

    #[test]
    fn both_kinds_of_names_are_understood_and_others_refused() {
        let name = format!("greenserve-test-notifier-{}", process::id());
        let there = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name.as_bytes()).unwrap()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let here = UnixDatagram::bind(&path).unwrap();
        for (socket, name) in [(there, format!("@{name}").into()), (here, path.into_os_string())] {
            let notifier = Notifier {
                to: Some(connect(&name).unwrap()),
                every: None,
                next: Instant::now(),
            };
            notifier.ready("4 of 4 workers serve");
            let mut heard = [0; 128];
            let count = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..count], b"READY=1\nSTATUS=4 of 4 workers serve\n");
        }
        assert!(connect(&"vsock:2:1".into()).is_err());
    }
}
