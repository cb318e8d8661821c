//! Connecting, without blocking other coroutines.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::errno::Errno;
use socket2::{Domain, SockAddr, Socket as System, Type};

use super::open::{abstract_address, candidates};
use super::polling::Polling;
use super::socket::Socket;
use super::stream::{Stream, SystemStream};
use super::{Address, TcpStream, UnixStream};
use crate::runtime::{self, Direction, NEVER, Outcome, Task};

/// Tries the addresses of `address` one after the other.
pub(super) fn tcp(address: &Address, limit: Option<Duration>) -> io::Result<TcpStream> {
    let deadline = limit.map_or(NEVER, runtime::after);
    let mut refused = None;
    for candidate in candidates(address).map_err(io::Error::other)? {
        match tcp_one(candidate, deadline) {
            Ok(stream) => return Ok(stream),
            Err(err) => refused = Some(err),
        }
    }
    Err(refused.unwrap_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address")))
}

fn tcp_one(address: SocketAddr, deadline: u64) -> io::Result<TcpStream> {
    // Port 0 is nobody's; connect(2) would report a refusal at best.
    let system = System::new(Domain::for_address(address), Type::STREAM, None)?;
    complete(system, &address.into(), deadline)
}

pub(super) fn unix(address: &Address) -> io::Result<UnixStream> {
    let target = match address {
        Address::Unix(path) => SockAddr::unix(path)?,
        Address::Abstract(name) => abstract_address(name)?,
        _ => {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{address} is no Unix socket; write unix:/PATH or unix-abstract:NAME"),
            ));
        }
    };
    let system = System::new(Domain::UNIX, Type::STREAM, None)?;
    let interruptible = runtime::in_coroutine() || Task::with_current(|task| task.scope()) != NEVER;
    if interruptible {
        system.set_nonblocking(true)?;
    }
    let mut polling = Polling::new();
    while let Err(err) = system.connect(&target) {
        // A full backlog, and nothing reports when there is room: see connect(2).
        if !(interruptible && err.raw_os_error() == Some(Errno::EAGAIN as i32)) {
            return Err(err);
        }
        polling.pause(NEVER)?;
    }
    if interruptible && !runtime::in_coroutine() {
        system.set_nonblocking(false)?;
    }
    Ok(Stream::from(std::os::unix::net::UnixStream::from(system)))
}

/// Connects with the descriptor non-blocking and waits for the outcome.
fn complete<S>(system: System, target: &SockAddr, deadline: u64) -> io::Result<Stream<S>>
where
    S: SystemStream + From<System>,
{
    system.set_nonblocking(true)?;
    let pending = match system.connect(target) {
        Ok(()) => false,
        Err(err) if err.raw_os_error() == Some(Errno::EINPROGRESS as i32) => true,
        Err(err) => return Err(err),
    };
    if !runtime::in_coroutine() && !pending {
        system.set_nonblocking(false)?;
        return Ok(Stream::from(S::from(system)));
    }
    let stream = Stream::from_socket(Socket::new(S::from(system)));
    if pending {
        await_outcome(&stream, deadline)?;
    }
    if !runtime::in_coroutine() {
        socket2::SockRef::from(&stream).set_nonblocking(false)?;
    }
    Ok(stream)
}

fn await_outcome<S: SystemStream>(stream: &Stream<S>, deadline: u64) -> io::Result<()> {
    stream.socket().assume_busy(Direction::Write)?;
    while stream.socket().wait_or_roused(Direction::Write, deadline)? == Outcome::Roused {}
    match stream.take_error()? {
        None => Ok(()),
        Some(err) => Err(err),
    }
}
