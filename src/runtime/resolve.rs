//! Names to addresses, without blocking a worker.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use super::offload;

/// The addresses of `host`, as getaddrinfo(3) orders them, with `port`.
///
/// An address in digits is returned at once; a name is looked up by
/// [`offload`], so that only the caller waits. For a limit on how long, put a
/// [`Timeout`](crate::sync::Timeout) around the call.
///
/// # Errors
/// What the resolver says, [`io::ErrorKind::NotFound`] when it knows no
/// address, or an error carrying a [`WaitError`](crate::WaitError).
///
/// ```
/// let addresses = greenserve::runtime::resolve("127.0.0.1", 80)?;
/// assert_eq!(addresses[0].port(), 80);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let name = host.to_owned();
    let found: Vec<SocketAddr> = offload(move || (name.as_str(), port).to_socket_addrs().map(Iterator::collect))??;
    if found.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("host {host:?} has no address"),
        ));
    }
    Ok(found)
}
