//! Connecting, from a source address of the plan's choice or from any, and the
//! TLS handshake.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::path::Path;
use std::time::Instant;

use greenserve::net::{Address, TcpStream, UdpSocket, UnixDatagram, UnixStream};
use greenserve::sync::with_timeout;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, SockRef, Socket, Type};

use crate::base::taxonomy::Doing;
use crate::plan::Plan;
use crate::plan::origin::Origin;
use crate::plan::target::Endpoint;
use crate::plan::tls::Tls;
use crate::run::client::desk::{Trouble, trouble};
use crate::run::client::line::Line;

/// Connects as `plan` says, which includes the handshake of `tls`. Also returns what
/// a client does that writes to the connection: it may be what completes it.
pub(super) fn dial(plan: &Plan, tls: Option<&Tls>, origin: Origin) -> Result<(Line, Doing), Trouble> {
    let due = Instant::now() + plan.connect_timeout;
    let unconnected = |err: io::Error| trouble(&err, Doing::Connecting);
    let (line, doing) = connect(plan, origin).map_err(unconnected)?;
    let line = match (tls, line) {
        (Some(tls), Line::Tcp(stream)) => secure(tls, stream, due)?,
        (_, line) => line,
    };
    limit(plan, &line, doing).map_err(unconnected)?;
    Ok((line, doing))
}

fn connect(plan: &Plan, origin: Origin) -> io::Result<(Line, Doing)> {
    match &plan.endpoint {
        Endpoint::Ip(address) => tcp(plan, *address, origin),
        Endpoint::Path(path) => {
            let path = Address::Unix(path.clone());
            let stream = with_timeout(plan.connect_timeout, || UnixStream::connect(path))?;
            set_buffers(plan, &stream)?;
            Ok((Line::Unix(stream), Doing::Sending))
        }
    }
}

/// Shakes hands in the time that is left for connecting.
fn secure(tls: &Tls, stream: TcpStream, due: Instant) -> Result<Line, Trouble> {
    let left = due.saturating_duration_since(Instant::now());
    let made = with_timeout(left, || tls.shake_hands(stream));
    made.map(Line::Tls).map_err(|err| trouble(&err, Doing::ShakingHands))
}

fn limit(plan: &Plan, line: &Line, doing: Doing) -> io::Result<()> {
    line.set_read_timeout(plan.timeout)?;
    line.set_write_timeout(match doing {
        Doing::Connecting => plan.connect_timeout,
        _ => plan.timeout,
    })
}

fn tcp(plan: &Plan, address: SocketAddr, origin: Origin) -> io::Result<(Line, Doing)> {
    let (stream, doing) = match plan.sources {
        None => {
            let stream = TcpStream::connect_timeout(address, plan.connect_timeout)?;
            (stream, Doing::Sending)
        }
        // A handshake is not to blame for what connecting takes.
        Some(sources) if plan.tls.is_some() => {
            let source = sources.of(origin);
            let stream = with_timeout(plan.connect_timeout, || TcpStream::connect_from(source, address))?;
            (stream, Doing::Sending)
        }
        Some(sources) => {
            let stream = begin_from(sources.of(origin), address)?;
            (stream, Doing::Connecting)
        }
    };
    stream.set_nodelay(plan.network.nodelay)?;
    set_buffers(plan, &stream)?;
    Ok((Line::Tcp(stream), doing))
}

/// Begins to connect. A write to a socket that is still connecting waits, and then
/// tells how it went: one wait less than the library's connect has.
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

/// Sets the sizes of the socket's buffers, if the plan does.
pub(crate) fn set_buffers(plan: &Plan, socket: &impl AsFd) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if let Some(bytes) = plan.network.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(bytes) = plan.network.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(())
}

/// A UDP socket that speaks with `target` alone.
pub(crate) fn udp(plan: &Plan, target: SocketAddr, origin: Origin) -> io::Result<UdpSocket> {
    let any = match target {
        SocketAddr::V4(_) => SocketAddr::from(([0; 4], 0)),
        SocketAddr::V6(_) => SocketAddr::from(([0_u16; 8], 0)),
    };
    let from = plan.sources.map_or(any, |sources| sources.of(origin));
    let socket = UdpSocket::bind(from).map_err(system_error)?;
    set_buffers(plan, &socket)?;
    socket.connect(target)?;
    Ok(socket)
}

/// A Unix datagram socket that speaks with `path`, under a name of its own in
/// the abstract namespace: without one it could not be answered.
pub(crate) fn unixgram(plan: &Plan, path: &Path, connection: u32) -> io::Result<UnixDatagram> {
    use std::os::unix::net;
    let name = format!("bench-client-{}-{connection}", std::process::id());
    let address = net::SocketAddr::from_abstract_name(name)?;
    let socket = UnixDatagram::from(net::UnixDatagram::bind_addr(&address)?);
    set_buffers(plan, &socket)?;
    socket.connect(Address::Unix(path.to_owned()))?;
    Ok(socket)
}

/// The system's own error inside one of the library's, which has the errno.
fn system_error(err: greenserve::Error) -> io::Error {
    use std::error::Error;
    let errno = err
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .and_then(io::Error::raw_os_error);
    errno.map_or_else(|| io::Error::other(err), io::Error::from_raw_os_error)
}
