//! From which addresses the clients connect.
//!
//! One address gives some 28,000 connections to one server, those in
//! TIME_WAIT included. Before they run out, the kernel's search for a free
//! port already takes longer than everything else that a connection costs.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::str::FromStr;

use crate::base::failure::Failure;
use crate::plan::origin::Origin;
use crate::plan::target::Endpoint;

/// A block of IPv4 addresses of this machine, as `127.0.0.0/26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sources {
    base: u32,
    bits: u32,
}

impl Sources {
    /// Addresses that every machine has.
    pub(crate) const LOOPBACK: Sources = Sources {
        base: 0x7f00_0000,
        bits: 6,
    };

    /// How many there are, without the first and last of a block that has more.
    pub(crate) fn count(&self) -> u32 {
        match self.bits {
            0 | 1 => 1 << self.bits,
            bits => (1 << bits) - 2,
        }
    }

    /// Fails unless this machine has the addresses, and can reach `endpoint`
    /// from them.
    ///
    /// # Errors
    /// [`Failure::Usage`], with the address that cannot be used.
    pub(crate) fn check(&self, endpoint: &Endpoint) -> Result<(), Failure> {
        match endpoint {
            Endpoint::Ip(SocketAddr::V4(_)) => {}
            Endpoint::Ip(SocketAddr::V6(target)) => return Err(self.of_another_family(*target)),
            Endpoint::Path(_) => return Ok(()),
        }
        for address in [self.first(), self.first() + self.count() - 1].map(Ipv4Addr::from) {
            UdpSocket::bind((address, 0)).map_err(|err| {
                Failure::Usage(format!(
                    "--source {self}: cannot connect from {address}: {err}; \
                     give addresses of this machine, as `ip address` shows them, or 127.0.0.0/26 for a local server"
                ))
            })?;
        }
        Ok(())
    }

    fn of_another_family(&self, target: SocketAddrV6) -> Failure {
        Failure::Usage(format!(
            "--source {self} has IPv4 addresses, from which {target} cannot be reached; leave --source out"
        ))
    }

    fn first(&self) -> u32 {
        self.base + u32::from(self.bits > 1)
    }

    /// The one that `origin` connects from; neighbours take neighbouring ones.
    pub(crate) fn of(&self, origin: Origin) -> SocketAddr {
        let turn = u64::from(origin.connection).wrapping_add(origin.sequence);
        let step = (turn % u64::from(self.count())) as u32;
        SocketAddrV4::new(Ipv4Addr::from(self.first() + step), 0).into()
    }
}

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Sources, String> {
        let unreadable = || format!("{text:?} is no block of addresses; write 127.0.0.0/26");
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(|_| unreadable())?;
        let length: u32 = length.parse().map_err(|_| unreadable())?;
        if !(8..=32).contains(&length) {
            return Err(format!(
                "{text:?} is no block to connect from; give a length from /8 to /32"
            ));
        }
        let bits = 32 - length;
        Ok(Sources {
            base: u32::from(address) & (u32::MAX << bits),
            bits,
        })
    }
}

impl fmt::Display for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), 32 - self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_address_but_the_first_and_last_is_used() {
        let sources: Sources = "127.0.1.77/29".parse().unwrap();
        assert_eq!(sources.to_string(), "127.0.1.72/29");
        let used: BTreeSet<_> = (0..100)
            .map(|sequence| {
                let origin = Origin {
                    connection: 3,
                    sequence,
                };
                sources.of(origin).to_string()
            })
            .collect();
        assert_eq!(used.len(), 6);
        assert!(used.contains("127.0.1.73:0") && used.contains("127.0.1.78:0"));
        assert_eq!(Sources::LOOPBACK.to_string(), "127.0.0.0/26");
        assert_eq!(Sources::LOOPBACK.count(), 62);
    }

    #[test]
    fn one_address_and_two_are_blocks_too() {
        for (text, shown, count, last) in [
            ("127.0.0.5", "127.0.0.5/32", 1, "127.0.0.5:0"),
            ("127.0.0.5/31", "127.0.0.4/31", 2, "127.0.0.5:0"),
        ] {
            let sources: Sources = text.parse().unwrap();
            assert_eq!((sources.to_string().as_str(), sources.count()), (shown, count));
            let origin = Origin {
                connection: 1,
                sequence: 0,
            };
            assert_eq!(sources.of(origin).to_string(), last);
        }
    }

    #[test]
    fn addresses_of_another_machine_or_family_are_refused() {
        let check = |text: &str, target: &str| {
            let target: SocketAddr = target.parse().unwrap();
            text.parse::<Sources>()
                .unwrap()
                .check(&target.into())
                .map_err(|err| err.to_string())
        };
        assert_eq!(check("127.0.0.0/26", "127.0.0.1:1"), Ok(()));
        assert!(
            check("192.0.2.0/24", "127.0.0.1:1")
                .unwrap_err()
                .contains("from 192.0.2.1")
        );
        assert!(
            check("127.0.0.0/26", "[::1]:1")
                .unwrap_err()
                .contains("leave --source out")
        );
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in ["", "127.0.0.0/33", "127.0.0.0/7", "::1/64", "a/8"] {
            assert!(text.parse::<Sources>().is_err(), "{text}");
        }
    }
}
