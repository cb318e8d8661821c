//! From which addresses the clients connect.
//!
//! One address gives some 28,000 connections to one server, those in
//! TIME_WAIT included. Before they run out, the kernel's search for a free
//! port already takes longer than everything else that a connection costs.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::str::FromStr;

use crate::payload::Origin;

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

    /// How many there are, without the block's first and last.
    pub(crate) fn count(&self) -> u32 {
        (1 << self.bits) - 2
    }

    /// The one that `origin` connects from; neighbours take neighbouring ones.
    pub(crate) fn of(&self, origin: Origin) -> SocketAddr {
        let turn = u64::from(origin.connection).wrapping_add(origin.sequence);
        let step = (turn % u64::from(self.count())) as u32;
        SocketAddrV4::new(Ipv4Addr::from(self.base + 1 + step), 0).into()
    }
}

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Sources, String> {
        let unreadable = || format!("{text:?} is no block of addresses; write 127.0.0.0/26");
        let (address, length) = text.split_once('/').ok_or_else(unreadable)?;
        let address: Ipv4Addr = address.parse().map_err(|_| unreadable())?;
        let length: u32 = length.parse().map_err(|_| unreadable())?;
        if !(8..=30).contains(&length) {
            return Err(format!(
                "{text:?} is too large or too small; give a length from /8 to /30"
            ));
        }
        let bits = 32 - length;
        Ok(Sources {
            base: u32::from(address) >> bits << bits,
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
    fn what_is_no_block_is_refused() {
        for text in ["", "127.0.0.1", "127.0.0.0/31", "127.0.0.0/7", "::1/64", "a/8"] {
            assert!(text.parse::<Sources>().is_err(), "{text}");
        }
    }
}
