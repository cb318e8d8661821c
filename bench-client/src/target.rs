//! What is measured: `tcp://HOST:PORT`.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use greenserve::net::Address;
use greenserve::runtime;

use crate::failure::Failure;

/// A server to measure, its name not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target(Address);

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let address = match text.split_once("://") {
            None => text,
            Some(("tcp", address)) => address,
            Some((scheme, _)) => {
                return Err(format!("{scheme:?} is not measured yet; write tcp://HOST:PORT"));
            }
        };
        let address: Address = address.parse().map_err(|err: greenserve::Error| err.to_string())?;
        match address {
            _ if matches!(address.port(), None | Some(0)) => {
                Err(format!("{text:?} is nothing to connect to; write tcp://HOST:PORT"))
            }
            Address::Any { port } => Ok(Target(SocketAddr::from(([127, 0, 0, 1], port)).into())),
            address => Ok(Target(address)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tcp://{}", self.0)
    }
}

impl Target {
    /// The first of its addresses: every client connects to the same, or their
    /// times would be those of several servers.
    ///
    /// # Errors
    /// [`Failure::Resolve`].
    pub(crate) fn resolve(&self) -> Result<SocketAddr, Failure> {
        let found = match &self.0 {
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
            .ok_or_else(|| failed(std::io::Error::new(std::io::ErrorKind::NotFound, "it has no address")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_is_the_scheme() {
        for (text, shown) in [
            ("tcp://127.0.0.1:7000", "tcp://127.0.0.1:7000"),
            ("localhost:7000", "tcp://localhost:7000"),
            ("[::1]:7000", "tcp://[::1]:7000"),
            (":7000", "tcp://127.0.0.1:7000"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_cannot_be_measured_is_named() {
        for text in ["udp://a:1", "a", "tcp://", "127.0.0.1:0", ":0", "unix:/a", "fd:3"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
