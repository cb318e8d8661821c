//! Who is at the other end of a connection or sent a datagram.

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::PathBuf;

/// Who is at the other end of a connection or sent a datagram.
///
/// [`Display`](fmt::Display) writes one line that is fit for a log, such as
/// `127.0.0.1:40788`, `unix:/run/client.sock`, `unix:@name` or
/// `unix:(unnamed)`. A Unix client chooses its own name, so control characters
/// in it are written as escapes, and what is not UTF-8 is replaced.
///
/// ```
/// use std::net::SocketAddr;
///
/// use greenserve::net::Peer;
///
/// let peer = Peer::from(SocketAddr::from(([127, 0, 0, 1], 40788)));
/// assert_eq!(peer.to_string(), "127.0.0.1:40788");
/// assert_eq!(Peer::Unnamed.to_string(), "unix:(unnamed)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// An internet client.
    Ip(SocketAddr),
    /// A Unix client that bound this path.
    Unix(PathBuf),
    /// A Unix client that bound this name of Linux's abstract namespace,
    /// without the leading NUL byte (see `unix(7)`).
    Abstract(Vec<u8>),
    /// A Unix client that bound nothing, as most do.
    Unnamed,
}

impl Peer {
    /// The IP address, or `None` for a Unix client.
    ///
    /// It is the one the system gave: if the listener takes IPv6 and IPv4
    /// alike, an IPv4 client has an address like `::ffff:192.0.2.1`, which
    /// [`IpAddr::to_canonical`] turns into `192.0.2.1`.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Ip(address) => Some(address.ip()),
            _ => None,
        }
    }

    /// The client's port, or `None` for a Unix client.
    pub fn port(&self) -> Option<u16> {
        match self {
            Peer::Ip(address) => Some(address.port()),
            _ => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(address) => write!(formatter, "{address}"),
            Peer::Unix(path) => write_name(formatter, "unix:", &path.to_string_lossy()),
            Peer::Abstract(name) => write_name(formatter, "unix:@", &String::from_utf8_lossy(name)),
            Peer::Unnamed => formatter.write_str("unix:(unnamed)"),
        }
    }
}

/// Escapes what would let a client forge lines of a log.
fn write_name(formatter: &mut fmt::Formatter<'_>, prefix: &str, name: &str) -> fmt::Result {
    formatter.write_str(prefix)?;
    for character in name.chars() {
        if character.is_control() {
            write!(formatter, "{}", character.escape_default())?;
        } else {
            formatter.write_char(character)?;
        }
    }
    Ok(())
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Peer::Ip(address)
    }
}

impl From<&SocketAddr> for Peer {
    fn from(address: &SocketAddr) -> Self {
        Peer::Ip(*address)
    }
}

impl From<UnixAddr> for Peer {
    fn from(address: UnixAddr) -> Self {
        Peer::from(&address)
    }
}

impl From<&UnixAddr> for Peer {
    fn from(address: &UnixAddr) -> Self {
        if let Some(path) = address.as_pathname() {
            return Peer::Unix(path.to_path_buf());
        }
        abstract_name(address).map_or(Peer::Unnamed, |name| Peer::Abstract(name.to_vec()))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_name(address: &UnixAddr) -> Option<&[u8]> {
    #[cfg(target_os = "android")]
    use std::os::android::net::SocketAddrExt;
    #[cfg(target_os = "linux")]
    use std::os::linux::net::SocketAddrExt;

    address.as_abstract_name()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_name(_address: &UnixAddr) -> Option<&[u8]> {
    None
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use super::*;

    #[test]
    fn internet_clients() {
        for text in ["127.0.0.1:40788", "[::1]:40788", "[fe80::1%2]:40788"] {
            let address: SocketAddr = text.parse().unwrap();
            let peer = Peer::from(address);
            assert_eq!(peer, Peer::Ip(address));
            assert_eq!(peer, Peer::from(&address));
            assert_eq!(peer.to_string(), text);
            assert_eq!(peer.ip(), Some(address.ip()));
            assert_eq!(peer.port(), Some(40788));
        }
    }

    #[test]
    fn unix_clients_with_a_path() {
        let address = UnixAddr::from_pathname("/run/a b.sock").unwrap();
        let peer = Peer::from(&address);
        assert_eq!(peer, Peer::Unix(PathBuf::from("/run/a b.sock")));
        assert_eq!(peer.to_string(), "unix:/run/a b.sock");
        assert_eq!((peer.ip(), peer.port()), (None, None));
        assert_eq!(Peer::from(address), peer);
    }

    #[test]
    fn unix_clients_without_a_name() {
        let (socket, _other) = UnixStream::pair().unwrap();
        let peer = Peer::from(socket.peer_addr().unwrap());
        assert_eq!(peer, Peer::Unnamed);
        assert_eq!(peer.to_string(), "unix:(unnamed)");
        assert_eq!((peer.ip(), peer.port()), (None, None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn unix_clients_with_an_abstract_name() {
        use std::os::linux::net::SocketAddrExt;

        let address = UnixAddr::from_abstract_name(b"a\0\xffb").unwrap();
        let peer = Peer::from(address);
        assert_eq!(peer, Peer::Abstract(b"a\0\xffb".to_vec()));
        assert_eq!(peer.to_string(), "unix:@a\\u{0}\u{fffd}b");
        assert_eq!((peer.ip(), peer.port()), (None, None));
    }

    #[test]
    fn names_cannot_forge_lines_of_a_log() {
        let path = Path::new(OsStr::from_bytes(b"/a\nERROR \x1b[2J\xff"));
        let text = Peer::Unix(path.to_path_buf()).to_string();
        assert_eq!(text, "unix:/a\\nERROR \\u{1b}[2J\u{fffd}");
    }
}
