//! Everything an [`Address`] can be made of.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};

use super::{Address, parse};
use crate::{Error, Result};

/// Whatever names an address: what the constructors of servers take.
///
/// | value | address |
/// |---|---|
/// | `&str`, `String`, `&String` | read as [`Address`] says |
/// | `u16` | [`Address::Any`] |
/// | `(&str, u16)` | as Python writes it: `""` is [`Address::Any`], an IP address is [`Address::Ip`], any other text is [`Address::Host`] |
/// | `(IpAddr, u16)`, `(Ipv4Addr, u16)`, `(Ipv6Addr, u16)`, [`SocketAddr`], [`SocketAddrV4`], [`SocketAddrV6`] | [`Address::Ip`] |
/// | `PathBuf`, `&PathBuf`, `&Path` | [`Address::Unix`] |
/// | [`Address`], `&Address` | itself |
///
/// The same conversions exist as [`From`] or [`TryFrom`]; this trait unites
/// those that can fail with those that cannot.
///
/// ```
/// use greenserve::net::{Address, IntoAddress};
///
/// fn text(address: impl IntoAddress) -> greenserve::Result<String> {
///     Ok(address.into_address()?.to_string())
/// }
///
/// assert_eq!(text("localhost:8080")?, "localhost:8080");
/// assert_eq!(text(("", 8080))?, ":8080");
/// assert_eq!(text(("::1", 8080))?, "[::1]:8080");
/// assert_eq!(text(8080)?, ":8080");
/// assert_eq!(text(std::path::Path::new("/run/a.sock"))?, "unix:/run/a.sock");
/// assert_eq!(text(Address::Fd(3))?, "fd:3");
/// # Ok::<(), greenserve::Error>(())
/// ```
pub trait IntoAddress {
    /// Makes the address, without resolving a name or touching a file.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedAddress`] for a text that is no address, and
    /// [`Error::PathTooLong`] for a path that `unix(7)` has no room for.
    fn into_address(self) -> Result<Address>;
}

impl TryFrom<&str> for Address {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<&String> for Address {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<(&str, u16)> for Address {
    type Error = Error;

    fn try_from((host, port): (&str, u16)) -> Result<Self> {
        parse::pair(host, port)
    }
}

impl TryFrom<PathBuf> for Address {
    type Error = Error;

    fn try_from(path: PathBuf) -> Result<Self> {
        let value = path.to_string_lossy().into_owned();
        parse::unix(&value, path)
    }
}

impl TryFrom<&PathBuf> for Address {
    type Error = Error;

    fn try_from(path: &PathBuf) -> Result<Self> {
        path.clone().try_into()
    }
}

impl TryFrom<&Path> for Address {
    type Error = Error;

    fn try_from(path: &Path) -> Result<Self> {
        path.to_path_buf().try_into()
    }
}

impl From<u16> for Address {
    /// The port on all interfaces.
    fn from(port: u16) -> Self {
        Address::Any { port }
    }
}

impl From<&Address> for Address {
    fn from(address: &Address) -> Self {
        address.clone()
    }
}

/// What std turns into a [`SocketAddr`] is an [`Address::Ip`].
macro_rules! from_socket_address {
    ($($source:ty),* $(,)?) => {$(
        impl From<$source> for Address {
            fn from(address: $source) -> Self {
                Address::Ip(address.into())
            }
        }
    )*};
}

from_socket_address!(
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
);

impl IntoAddress for Address {
    fn into_address(self) -> Result<Address> {
        Ok(self)
    }
}

/// One impl per type rather than one for all `TryInto<Address>`, so that an
/// `impl IntoAddress for` a type of the user's own cannot conflict.
macro_rules! into_address {
    ($convert:expr; $($source:ty),* $(,)?) => {$(
        impl IntoAddress for $source {
            fn into_address(self) -> Result<Address> {
                $convert(self)
            }
        }
    )*};
}

into_address!(
    Address::try_from;
    &str,
    String,
    &String,
    (&str, u16),
    PathBuf,
    &PathBuf,
    &Path,
);

into_address!(
    |source| Ok(Address::from(source));
    &Address,
    u16,
    SocketAddr,
    SocketAddrV4,
    SocketAddrV6,
    (IpAddr, u16),
    (Ipv4Addr, u16),
    (Ipv6Addr, u16),
);

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn made(source: impl IntoAddress) -> Address {
        source.into_address().unwrap()
    }

    fn refused(source: impl IntoAddress) -> Error {
        source.into_address().unwrap_err()
    }

    #[test]
    fn makes_addresses_of_text() {
        let expected = Address::Any { port: 80 };
        let text = String::from(":80");
        assert_eq!(made(":80"), expected);
        assert_eq!(made(&text), expected);
        assert_eq!(made(text), expected);
        let text = String::from("localhost");
        assert!(refused("localhost").is_usage());
        assert!(refused(&text).is_usage());
        assert!(refused(text).is_usage());
    }

    #[test]
    fn makes_addresses_of_pairs() {
        let ip = Address::Ip(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(made((IpAddr::from([127, 0, 0, 1]), 80)), ip);
        assert_eq!(made((Ipv4Addr::LOCALHOST, 80)), ip);
        assert_eq!(made(("127.0.0.1", 80)), ip);
        assert_eq!(made((Ipv6Addr::LOCALHOST, 80)), made("[::1]:80"));
        assert_eq!(made(("", 80)), Address::Any { port: 80 });
        assert_eq!(made(("localhost", 80)), made("localhost:80"));
        assert!(matches!(
            refused(("local host", 80)),
            Error::MalformedAddress { value, .. } if value == "local host:80"
        ));
    }

    #[test]
    fn makes_addresses_of_socket_addresses() {
        let ipv4: SocketAddrV4 = "127.0.0.1:80".parse().unwrap();
        let ipv6: SocketAddrV6 = "[::1]:80".parse().unwrap();
        assert_eq!(made(ipv4), Address::Ip(SocketAddr::V4(ipv4)));
        assert_eq!(made(ipv6), Address::Ip(SocketAddr::V6(ipv6)));
        assert_eq!(made(SocketAddr::V4(ipv4)), made(ipv4));
    }

    #[test]
    fn makes_addresses_of_ports_and_addresses() {
        assert_eq!(made(80), Address::Any { port: 80 });
        let address = Address::Fd(3);
        assert_eq!(made(&address), Address::Fd(3));
        assert_eq!(made(address), Address::Fd(3));
    }

    #[test]
    fn makes_addresses_of_paths() {
        let path = PathBuf::from("/run/a b.sock");
        let expected = Address::Unix(path.clone());
        assert_eq!(made(path.as_path()), expected);
        assert_eq!(made(&path), expected);
        assert_eq!(made(path), expected);
        assert_eq!(made(Path::new("80")), Address::Unix(PathBuf::from("80")));
    }

    #[test]
    fn takes_a_path_that_is_not_utf8() {
        let path = Path::new(OsStr::from_bytes(b"/run/\xff.sock"));
        assert_eq!(made(path).unix_path(), Some(path));
    }

    #[test]
    fn refuses_paths_that_cannot_be_bound() {
        let long = PathBuf::from("p".repeat(200));
        assert!(matches!(
            refused(&long),
            Error::PathTooLong { path, length: 200, .. } if path == long
        ));
        for path in ["", "a\0b"] {
            assert!(matches!(
                refused(Path::new(path)),
                Error::MalformedAddress { value, .. } if value == path
            ));
        }
    }
}
