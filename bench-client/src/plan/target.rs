//! What is measured: `tcp://HOST:PORT`, `udp://HOST:PORT`, `unix:///PATH`,
//! `unixgram:///PATH`, `http://HOST:PORT/PATH`, `https://HOST:PORT/PATH`,
//! `ws://HOST:PORT/PATH` or `wss://HOST:PORT/PATH`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use greenserve::net::Address;
use greenserve::runtime;

use crate::base::failure::Failure;
use crate::plan::protocol::Protocol;

/// Where a server listens, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An address and a port.
    Ip(SocketAddr),
    /// The path of a socket.
    Path(PathBuf),
}

impl Endpoint {
    /// Whether it is an IPv4 address of this machine alone.
    pub(crate) fn is_loopback_v4(&self) -> bool {
        matches!(self, Endpoint::Ip(address) if matches!(address.ip(), IpAddr::V4(ip) if ip.is_loopback()))
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::Ip(address)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Ip(address) => address.fmt(f),
            Endpoint::Path(path) => path.display().fmt(f),
        }
    }
}

/// A server to measure, its name not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What is spoken.
    pub(crate) protocol: Protocol,
    address: Address,
    /// As it was given, for the `Host` of a request.
    authority: String,
    /// Of a request: `/` unless one was given.
    path: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        let protocol = Protocol::of_scheme(scheme).ok_or_else(|| {
            format!(
                "{scheme:?} cannot be measured; write tcp://, udp://, http://, https://, ws:// or wss://HOST:PORT, unix:// or \
                 unixgram:///PATH"
            )
        })?;
        if protocol.has_path() {
            return local(protocol, rest, text);
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) if protocol.has_requests() => rest.split_at(slash),
            _ => (rest, ""),
        };
        check_path(path, text)?;
        Ok(Target {
            protocol,
            address: remote(protocol, authority, text)?,
            authority: authority.to_owned(),
            path: if path.is_empty() { "/" } else { path }.to_owned(),
        })
    }
}

fn local(protocol: Protocol, path: &str, text: &str) -> Result<Target, String> {
    match path.strip_prefix('/') {
        Some(name) if !name.is_empty() => Ok(Target {
            protocol,
            address: Address::try_from(PathBuf::from(path)).map_err(|err| err.to_string())?,
            authority: String::new(),
            path: String::new(),
        }),
        _ => Err(format!(
            "{text:?} has no absolute path; write {}:///run/server.sock",
            protocol.id()
        )),
    }
}

/// A space would end the path in a request, and the end of a line the request.
fn check_path(path: &str, text: &str) -> Result<(), String> {
    let foreign = |letter: &char| !letter.is_ascii_graphic() || *letter == '#';
    match path.chars().find(foreign) {
        None => Ok(()),
        Some(letter) => Err(format!(
            "{text:?} has {letter:?} in its path, which no request has; write its bytes as %XX, a space as %20"
        )),
    }
}

fn remote(protocol: Protocol, authority: &str, text: &str) -> Result<Address, String> {
    let scheme = protocol.id();
    let with_port = match protocol.default_port() {
        Some(port) if authority.parse::<IpAddr>().is_ok() || !has_port(authority) => format!("{authority}:{port}"),
        _ => authority.to_owned(),
    };
    if authority.contains('@') {
        return Err(format!(
            "{text:?} names a user, which is not sent; leave it out, and give -H 'Authorization: ...' instead"
        ));
    }
    let unreadable =
        || format!("{text:?} has no address and port; write {scheme}://HOST:PORT or {scheme}://[IPV6]:PORT");
    let address: Address = with_port.parse().map_err(|_| unreadable())?;
    match address {
        _ if matches!(address.port(), None | Some(0)) => {
            Err(format!("{text:?} is nothing to connect to; write {scheme}://HOST:PORT"))
        }
        _ if authority.is_empty() => Err(format!("{text:?} names no host; write {scheme}://HOST:PORT")),
        Address::Any { port } => Ok(SocketAddr::from(([127, 0, 0, 1], port)).into()),
        Address::Ip(_) | Address::Host { .. } => Ok(address),
        _ => Err(unreadable()),
    }
}

fn has_port(authority: &str) -> bool {
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.protocol.id();
        match &self.address {
            Address::Unix(path) => write!(f, "{scheme}://{}", path.display()),
            address if self.path == "/" => write!(f, "{scheme}://{address}"),
            address => write!(f, "{scheme}://{address}{}", self.path),
        }
    }
}

impl Target {
    /// Host and port as they were given.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The host as it was given, without its port: whom a certificate must be
    /// for.
    pub(crate) fn host(&self) -> String {
        match &self.address {
            Address::Ip(address) => address.ip().to_string(),
            Address::Host { host, .. } => host.clone(),
            _ => String::new(),
        }
    }

    /// The path of a request, with its query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The first of its addresses: every client connects to the same, or their
    /// times would be those of several servers.
    ///
    /// # Errors
    /// [`Failure::Resolve`].
    pub(crate) fn resolve(&self) -> Result<Endpoint, Failure> {
        let found = match &self.address {
            Address::Unix(path) => return Ok(Endpoint::Path(path.clone())),
            Address::Ip(address) => Ok(vec![*address]),
            Address::Host { host, port } => runtime::resolve(host, *port),
            _ => Ok(Vec::new()),
        };
        let failed = |source| Failure::Resolve {
            target: self.to_string(),
            source,
        };
        found
            .map_err(failed)?
            .first()
            .copied()
            .map(Endpoint::Ip)
            .ok_or_else(|| failed(std::io::Error::new(std::io::ErrorKind::NotFound, "it has no address")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_urls_and_tcp_is_the_default() {
        for (text, shown) in [
            ("tcp://127.0.0.1:7000", "tcp://127.0.0.1:7000"),
            ("localhost:7000", "tcp://localhost:7000"),
            ("[::1]:7000", "tcp://[::1]:7000"),
            (":7000", "tcp://127.0.0.1:7000"),
            ("udp://127.0.0.1:7000", "udp://127.0.0.1:7000"),
            ("unix:///run/echo.sock", "unix:///run/echo.sock"),
            ("unixgram:///run/echo.sock", "unixgram:///run/echo.sock"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://localhost/a?b=/c", "http://localhost:80/a?b=/c"),
            ("ws://localhost/chat", "ws://localhost:80/chat"),
            ("wss://localhost/chat", "wss://localhost:443/chat"),
            ("WS://127.0.0.1:9001", "ws://127.0.0.1:9001"),
            ("https://localhost/a", "https://localhost:443/a"),
            ("https://[::1]", "https://[::1]:443"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_to_write_is_of_the_scheme_that_was_meant() {
        for (text, remedy) in [
            ("tcp://unix:/x", "tcp://HOST:PORT"),
            ("udp://fd:3", "udp://HOST:PORT"),
            ("tcp://a:b", "tcp://HOST:PORT"),
            ("http://user:secret@localhost/", "Authorization"),
        ] {
            let message = text.parse::<Target>().unwrap_err();
            assert!(message.contains(remedy) && !message.contains("or fd:"), "{message}");
        }
        assert_eq!("HTTP://localhost".parse::<Target>().unwrap().protocol, Protocol::Http);
    }

    #[test]
    fn a_request_knows_its_host_and_path() {
        let target: Target = "http://localhost:8080/a?b=c".parse().unwrap();
        assert_eq!((target.authority(), target.path()), ("localhost:8080", "/a?b=c"));
        let target: Target = "http://localhost:8080".parse().unwrap();
        assert_eq!((target.authority(), target.path()), ("localhost:8080", "/"));
    }

    #[test]
    fn a_certificate_must_be_for_the_host_without_its_port() {
        for (text, host) in [
            ("https://localhost:8443/a", "localhost"),
            ("https://127.0.0.1", "127.0.0.1"),
            ("https://[::1]:8443", "::1"),
            ("https://:8443", "127.0.0.1"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().host(), host);
        }
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        for text in [
            "ftp://a:1",
            "a",
            "tcp://",
            "127.0.0.1:0",
            ":0",
            "unix:/a",
            "unix://",
            "unix://a",
            "unixgram:///",
            "fd:3",
            "http://",
            "unix:///a\0b",
        ] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        let long = format!("unix:///{}", "p".repeat(200)).parse::<Target>().unwrap_err();
        assert!(long.contains("107"), "{long}");
    }

    #[test]
    fn no_path_ends_its_request() {
        for path in ["a b", "a\r\nHost: b", "a\u{f}", "é", "a#b"] {
            let message = format!("http://localhost/{path}").parse::<Target>().unwrap_err();
            assert!(message.contains("%XX"), "{message}");
        }
        assert!("http://localhost/a%20b?c=%0A&d=[{|}]~".parse::<Target>().is_ok());
    }
}
