//! Connecting, from a source address of the plan's choice or from any.

use std::io;
use std::net::SocketAddr;

use greenserve::net::TcpStream;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Socket, Type};

use crate::job::Plan;
use crate::payload::Origin;
use crate::taxonomy::Doing;

/// Connects as `plan` says. Also returns what a client does that writes to the
/// connection: it may be what completes it.
pub(crate) fn dial(plan: &Plan, origin: Origin) -> io::Result<(TcpStream, Doing)> {
    let (stream, doing) = match plan.sources {
        None => {
            let stream = TcpStream::connect_timeout(plan.address, plan.connect_timeout)?;
            (stream, Doing::Sending)
        }
        Some(sources) => {
            let stream = begin_from(sources.of(origin), plan.address)?;
            (stream, Doing::Connecting)
        }
    };
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(plan.timeout))?;
    stream.set_write_timeout(Some(match doing {
        Doing::Connecting => plan.connect_timeout,
        _ => plan.timeout,
    }))?;
    Ok((stream, doing))
}

/// Begins to connect. The library has no connect that binds first; but a write
/// to a socket that is still connecting waits, and then tells how it went.
fn begin_from(source: SocketAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    // The port is chosen when the target is known: it need only be free for it.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&source.into())?;
    socket.set_nonblocking(true)?;
    match socket.connect(&target.into()) {
        Err(err) if err.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(err),
        _ => Ok(std::net::TcpStream::from(socket).into()),
    }
}
