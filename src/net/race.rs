//! Several attempts to connect, of which the first to succeed wins: the second
//! half of RFC 8305, "Happy Eyeballs".

use std::io;
use std::net::{SocketAddr, TcpStream as System};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::socket::Socket;
use super::unreached::Unreached;
use crate::error::WaitError;
use crate::runtime::{self, Direction, NEVER, earlier, passed};

/// How long an attempt is alone before the next one begins beside it; RFC 8305
/// recommends 250 ms in section 8.
const HEAD_START: Duration = Duration::from_millis(250);

/// How an attempt stands once connect(2) has returned.
#[derive(Debug)]
pub(super) enum Begun {
    Connected(System),
    Pending(System),
}

/// Takes turns between the families, the first address's first; within each the
/// order stays that of the resolver.
pub(super) fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

/// Connects to one of `addresses`, tried in this order: the next as soon as one
/// fails, or has not answered for [`HEAD_START`]. The losers are closed.
pub(super) fn first(
    addresses: &[SocketAddr],
    begin: impl Fn(SocketAddr) -> io::Result<Begun>,
    deadline: u64,
) -> Result<System, Unreached> {
    let mut race = Race::default();
    let mut waiting = addresses.iter().copied();
    loop {
        let started = match waiting.next() {
            Some(address) => race.start(address, begin(address)),
            None if race.running.is_empty() => return Err(race.lost(None)),
            None => Ok(None),
        };
        let until = match started {
            Ok(Some(winner)) => return Ok(winner),
            // It failed at once, and so the next one begins at once.
            Err(()) => continue,
            Ok(None) if waiting.len() == 0 => NEVER,
            Ok(None) => runtime::after(HEAD_START),
        };
        match race.wait(until, deadline) {
            Ok(Some(winner)) => return Ok(winner),
            Ok(None) => {}
            Err(why) => return Err(race.lost(Some(why))),
        }
    }
}

/// What runs and what has failed.
#[derive(Default)]
struct Race {
    /// Made for the first attempt that does not succeed at once.
    watch: Option<Socket<Watch>>,
    running: Vec<(SocketAddr, System)>,
    failed: Vec<(SocketAddr, io::Error)>,
}

/// An epoll instance for the attempts. It is a descriptor itself, and so a
/// coroutine or a thread waits for all of them as for one.
#[derive(Debug)]
struct Watch(Epoll);

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}

impl Race {
    /// Takes an attempt in; returns it if it has won already.
    fn start(&mut self, address: SocketAddr, begun: io::Result<Begun>) -> Result<Option<System>, ()> {
        let watched = begun.and_then(|begun| match begun {
            Begun::Connected(system) => Ok(Some(system)),
            Begun::Pending(system) => {
                self.watch(address, system)?;
                Ok(None)
            }
        });
        watched.map_err(|err| self.failed.push((address, err)))
    }

    fn watch(&mut self, address: SocketAddr, system: System) -> io::Result<()> {
        let watch = match self.watch.take() {
            Some(watch) => watch,
            None => Socket::new(Watch(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?)),
        };
        let watch = self.watch.insert(watch);
        let event = EpollEvent::new(EpollFlags::EPOLLOUT, 0);
        watch.system().0.add(&system, event)?;
        self.running.push((address, system));
        Ok(())
    }

    /// Waits until an attempt has won, until one has failed, or for `until`.
    fn wait(&mut self, until: u64, deadline: u64) -> io::Result<Option<System>> {
        let failures = self.failed.len();
        while let Some(watch) = &self.watch {
            match watch.wait_or_roused(Direction::Read, earlier(until, deadline)) {
                Ok(_) => {}
                Err(err) if is_turn(&err, until, deadline) => break,
                Err(err) => return Err(err),
            }
            // Before the look at the attempts, or a report between would be lost.
            watch.assume_busy(Direction::Read)?;
            let winner = self.sort_out();
            if winner.is_some() || self.failed.len() > failures {
                return Ok(winner);
            }
        }
        Ok(None)
    }

    /// Looks at every attempt whether it has ended. One that has failed is
    /// closed, which takes it out of the epoll instance.
    fn sort_out(&mut self) -> Option<System> {
        let mut at = 0;
        while let Some((_, system)) = self.running.get(at) {
            match outcome(system) {
                None => at += 1,
                Some(Ok(())) => return Some(self.running.swap_remove(at).1),
                Some(Err(err)) => self.failed.push((self.running.remove(at).0, err)),
            }
        }
        None
    }

    fn lost(self, ended: Option<io::Error>) -> Unreached {
        Unreached {
            failed: self.failed,
            unanswered: self.running.into_iter().map(|(address, _)| address).collect(),
            ended,
        }
    }
}

/// How an attempt has ended; `None` while it goes on.
fn outcome(system: &System) -> Option<io::Result<()>> {
    match system.take_error() {
        Ok(Some(err)) | Err(err) => Some(Err(err)),
        Ok(None) => system.peer_addr().is_ok().then_some(Ok(())),
    }
}

/// True if a wait ended since the next attempt is to begin.
fn is_turn(err: &io::Error, until: u64, deadline: u64) -> bool {
    WaitError::of(err) == Some(WaitError::Deadline) && passed(until) && !passed(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_first_begins() {
        let found = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"]);
        let order = addresses(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"]);
        assert_eq!(interleaved(found), order);
        let found = addresses(&["1.0.0.1:1", "1.0.0.2:1", "[::1]:1"]);
        let order = addresses(&["1.0.0.1:1", "[::1]:1", "1.0.0.2:1"]);
        assert_eq!(interleaved(found), order);
        assert_eq!(interleaved(Vec::new()), []);
    }
}
