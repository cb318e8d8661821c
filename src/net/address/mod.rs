//! Addresses: what a server listens on, and who it talks to.

mod convert;
mod parse;
mod peer;

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

pub use convert::IntoAddress;
pub use peer::Peer;

/// Where a server listens.
///
/// | text | value |
/// |---|---|
/// | `HOST:PORT` | [`Host`](Address::Host): the name is resolved when the server starts |
/// | `IPV4:PORT`, `[IPV6]:PORT` | [`Ip`](Address::Ip) |
/// | `:PORT`, `*:PORT`, `PORT` | [`Any`](Address::Any) |
/// | `unix:/PATH`, `unix:RELATIVE/PATH` | [`Unix`](Address::Unix) |
/// | `unix-abstract:NAME` | [`Abstract`](Address::Abstract) |
/// | `fd:NUMBER` | [`Fd`](Address::Fd) |
/// | `systemd`, `systemd:NAME`, `systemd:POSITION` | [`Fd`](Address::Fd): a socket that systemd passed |
///
/// Parsing only reads the text: it resolves no name and touches no file. Port 0
/// lets the system choose a free port. An IPv6 address may name its interface,
/// as in `[fe80::1%eth0]:80` or `[fe80::1%2]:80`; a name is turned into its
/// number at once, and that is what the canonical text has. In the same way `systemd` is
/// turned into the number of the only socket that this process was started with (see
/// `systemd.socket(5)` and `sd_listen_fds(3)`), `systemd:http` into that of the one that its unit calls
/// `http` (`FileDescriptorName=`), and `systemd:0` into that of the first; an error if there is none. A host made of digits and dots only has
/// to be an IPv4 address, because resolvers read `010.1` or `127.1` in
/// surprising ways. Machines that are called `unix`, `unix-abstract`, `fd` or
/// `systemd` are written with a final dot.
///
/// [`Display`](fmt::Display) writes the canonical text, which parses back to
/// the same value. Three things have no text and so do not come back: the flow
/// label of an IPv6 [`SocketAddr`], a path or name that is not UTF-8, and a variant
/// built by hand from parts that parsing would refuse.
///
/// ```
/// use greenserve::net::Address;
///
/// let address: Address = "localhost:8080".parse()?;
/// assert_eq!(address.port(), Some(8080));
/// assert_eq!(address.to_string(), "localhost:8080");
/// assert_eq!("8080".parse::<Address>()?.to_string(), ":8080");
/// assert!("localhost".parse::<Address>().is_err());
/// # Ok::<(), greenserve::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// One address of one interface, or all interfaces of one IP version as
    /// `0.0.0.0` and `[::]` mean it (see `ip(7)` and `ipv6(7)`).
    Ip(SocketAddr),

    /// A host name, to be resolved when the server starts.
    Host {
        /// The name: ASCII letters, digits, `-`, `.` and `_`.
        host: String,
        /// The port; 0 lets the system choose.
        port: u16,
    },

    /// All interfaces, IPv6 and IPv4 alike.
    Any {
        /// The port; 0 lets the system choose.
        port: u16,
    },

    /// The path of a Unix socket (see `unix(7)`).
    ///
    /// It is always a file: `unix:@name` is a file called `@name`.
    Unix(PathBuf),

    /// A name in Linux's abstract namespace of Unix sockets, without the
    /// leading NUL byte (see `unix(7)`). There is no file: the name is free
    /// again when the socket is closed, and whoever is in the same network
    /// namespace may connect, whatever its user.
    Abstract(Vec<u8>),

    /// A listening descriptor this process was started with. Whoever binds it
    /// first owns it from then on, and closes it: the same number is refused
    /// ever after.
    Fd(RawFd),
}

impl Address {
    /// The port, or `None` for a Unix socket or a descriptor.
    pub fn port(&self) -> Option<u16> {
        match self {
            Address::Ip(address) => Some(address.port()),
            Address::Host { port, .. } | Address::Any { port } => Some(*port),
            Address::Unix(_) | Address::Abstract(_) | Address::Fd(_) => None,
        }
    }

    /// True for the path of a Unix socket.
    ///
    /// A descriptor is not one, even if a Unix socket is behind it.
    pub fn is_unix(&self) -> bool {
        self.unix_path().is_some()
    }

    /// The path of a Unix socket as it was given, or `None` for anything else.
    pub fn unix_path(&self) -> Option<&Path> {
        match self {
            Address::Unix(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(address) => write!(formatter, "{address}"),
            Address::Host { host, port } => write!(formatter, "{host}:{port}"),
            Address::Any { port } => write!(formatter, ":{port}"),
            Address::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Address::Abstract(name) => write!(formatter, "unix-abstract:{}", String::from_utf8_lossy(name)),
            Address::Fd(number) => write!(formatter, "fd:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn display_is_canonical() {
        for (text, canonical) in [
            ("127.0.0.1:080", "127.0.0.1:80"),
            ("[0:0::1]:80", "[::1]:80"),
            ("[fe80::1%2]:80", "[fe80::1%2]:80"),
            ("Example.org:80", "Example.org:80"),
            ("*:80", ":80"),
            (":80", ":80"),
            ("80", ":80"),
            ("unix:/run/a.sock", "unix:/run/a.sock"),
            ("unix:run/a.sock", "unix:run/a.sock"),
            ("unix-abstract:a/b:c", "unix-abstract:a/b:c"),
            ("fd:03", "fd:3"),
        ] {
            assert_eq!(read(text).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn port_is_known_for_internet_addresses_only() {
        for text in ["127.0.0.1:80", "[::1]:80", "localhost:80", ":80", "80"] {
            assert_eq!(read(text).port(), Some(80), "{text}");
        }
        assert_eq!(read("unix:80").port(), None);
        assert_eq!(read("fd:80").port(), None);
    }

    #[test]
    fn unix_path_is_known_for_unix_sockets_only() {
        assert!(read("unix:a.sock").is_unix());
        assert_eq!(read("unix:a.sock").unix_path(), Some(Path::new("a.sock")));
        for text in ["127.0.0.1:80", "localhost:80", ":80", "fd:3"] {
            assert!(!read(text).is_unix(), "{text}");
            assert_eq!(read(text).unix_path(), None, "{text}");
        }
    }
}
