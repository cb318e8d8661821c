//! Making bound sockets out of addresses.
#![allow(unsafe_code, reason = "adopting a descriptor by its number")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Mutex;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use socket2::{Domain, SockAddr, Socket, Type};

use super::socket_file::{Claim, Kind, SocketFile};
use super::{Address, SocketOptions};
use crate::error::{Error, Result};
use crate::runtime;

/// A socket that is bound but not listening, and what must live as long.
pub(super) struct Bound {
    pub(super) socket: Socket,
    pub(super) file: Option<SocketFile>,
    /// Held until the socket listens; see [`SocketFile`].
    pub(super) claim: Option<Claim>,
}

/// Binds an IP socket of `kind`: the first of the address's addresses that can
/// be bound.
pub(super) fn bind_ip(address: &Address, kind: Type, options: &SocketOptions) -> Result<Bound> {
    options.check()?;
    let mut refused = None;
    for candidate in candidates(address)? {
        match bind_one(candidate, kind, options) {
            Ok(socket) => {
                return Ok(Bound {
                    socket,
                    file: None,
                    claim: None,
                });
            }
            Err(err) => refused = refused.or(Some(err)),
        }
    }
    let source = refused.unwrap_or_else(|| io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address"));
    Err(failed("bind", address, source))
}

/// Every address `address` stands for, best first.
pub(super) fn candidates(address: &Address) -> Result<Vec<SocketAddr>> {
    match address {
        Address::Ip(ip) => Ok(vec![*ip]),
        // IPv4 alone where the machine has no IPv6.
        Address::Any { port } => Ok([IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)]
            .map(|ip| SocketAddr::new(ip, *port))
            .to_vec()),
        Address::Host { host, port } => runtime::resolve(host, *port).map_err(|source| Error::Resolve {
            host: host.clone(),
            source,
        }),
        other => Err(Error::WrongFamily {
            address: other.to_string(),
            family: "tcp or udp",
            expected: "HOST:PORT",
        }),
    }
}

fn bind_one(address: SocketAddr, kind: Type, options: &SocketOptions) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, kind, None)?;
    options.apply(&socket, domain, kind == Type::STREAM)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Binds a Unix socket of `kind`, clearing away what a crashed server left.
pub(super) fn bind_unix(path: &Path, kind: Kind, options: &SocketOptions) -> Result<Bound> {
    options.check()?;
    let address = Address::Unix(path.to_owned());
    let claim = SocketFile::claim(path, kind)?;
    let socket_type = match kind {
        Kind::Stream => Type::STREAM,
        Kind::Datagram => Type::DGRAM,
    };
    let bind = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::UNIX, socket_type, None)?;
        options.apply(&socket, Domain::UNIX, kind == Kind::Stream)?;
        socket.bind(&SockAddr::unix(path)?)?;
        Ok(socket)
    };
    let socket = bind().map_err(|source| failed("bind", &address, source))?;
    let file = SocketFile::owned(&claim)?;
    Ok(Bound {
        socket,
        file: Some(file),
        claim: Some(claim),
    })
}

/// Binds a Unix socket of `kind` to a name without a file; see unix(7).
pub(super) fn bind_abstract(name: &[u8], kind: Type, options: &SocketOptions) -> Result<Socket> {
    options.check()?;
    let bind = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::UNIX, kind, None)?;
        options.apply(&socket, Domain::UNIX, kind == Type::STREAM)?;
        socket.bind(&abstract_address(name)?)?;
        Ok(socket)
    };
    bind().map_err(|source| failed("bind", &Address::Abstract(name.to_owned()), source))
}

/// The name as the system takes it: behind a NUL byte.
pub(super) fn abstract_address(name: &[u8]) -> io::Result<SockAddr> {
    let mut path = vec![0];
    path.extend_from_slice(name);
    SockAddr::unix(OsStr::from_bytes(&path))
}

/// The numbers under which descriptors were adopted. One that is closed stays
/// among them: whatever has its number then belongs to somebody else.
static ADOPTED: Mutex<BTreeSet<RawFd>> = Mutex::new(BTreeSet::new());

/// Adopts an inherited descriptor, as `fd:3` names it: once in the life of a
/// process, or it would have two owners.
pub(super) fn adopt(number: RawFd, kind: Type) -> Result<Socket> {
    let address = Address::Fd(number);
    let refused = |source: io::Error| failed("adopt", &address, source);
    let mut adopted = runtime::lock(&ADOPTED);
    if adopted.contains(&number) {
        let reason = "a server or a socket of this process has taken it over before, and it can have one owner only";
        return Err(refused(io::Error::new(io::ErrorKind::AddrInUse, reason)));
    }
    // Fails for a number that is no open descriptor.
    // SAFETY: the number is only asked about; nothing is read or written
    // through it.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map_err(|err| refused(err.into()))?;
    // SAFETY: the user names a descriptor that was passed to this process for
    // this very purpose, and nobody has adopted it; from here on we own it.
    let socket = unsafe { Socket::from_raw_fd(number) };
    match socket.r#type() {
        Ok(found) if found == kind => {
            adopted.insert(number);
            Ok(socket)
        }
        found => {
            // Not ours after all: leave it open for whoever it belongs to.
            let _ = std::os::fd::IntoRawFd::into_raw_fd(socket);
            Err(refused(found.err().unwrap_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "it is a socket of another type")
            })))
        }
    }
}

pub(super) fn failed(action: &'static str, address: &Address, source: io::Error) -> Error {
    Error::Listen {
        action,
        address: address.to_string(),
        source,
    }
}

/// The same error for a family that cannot use `address`.
pub(super) fn wrong_family(address: &Address, family: &'static str, expected: &'static str) -> Error {
    Error::WrongFamily {
        address: address.to_string(),
        family,
        expected,
    }
}
