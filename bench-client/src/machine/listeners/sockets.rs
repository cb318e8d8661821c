//! The kernel's tables of sockets: `/proc/net/tcp` and its like.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use nix::ifaddrs::getifaddrs;

use crate::plan::site::Site;

/// States of a socket in the tables: a TCP listener, and a datagram socket that
/// is connected to nobody.
pub(crate) const LISTENING: &str = "0A";
const UNCONNECTED: &str = "07";
/// The flag of a Unix socket that accepts connections.
const ACCEPTS: u32 = 1 << 16;

/// A socket that takes clients or their datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its number among the kernel's sockets.
    pub(crate) inode: u64,
}

/// The sockets that get what is sent to `site`.
pub(super) fn listening(site: &Site) -> Vec<Listener> {
    // The path of a Unix socket may be no text.
    let read = |table: &str| {
        let bytes = fs::read(format!("/proc/net/{table}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    match site {
        Site::Tcp(address) => of_address(*address, LISTENING, &[read("tcp"), read("tcp6")]),
        Site::Udp(address) => of_address(*address, UNCONNECTED, &[read("udp"), read("udp6")]),
        Site::Unix(path) => of_path(path, &read("unix"), |kind, flags| kind == 1 && flags & ACCEPTS != 0),
        Site::Unixgram(path) => of_path(path, &read("unix"), |kind, _| kind == 2),
    }
}

/// The kernel prefers a socket bound to the very address to one bound to all,
/// and among those one of the address's own family.
pub(crate) fn of_address(target: SocketAddr, state: &str, tables: &[String]) -> Vec<Listener> {
    let rows = tables.iter().flat_map(|table| table.lines());
    let rows: Vec<_> = rows.filter_map(|line| address_row(line, state)).collect();
    let bound_to = |ip: IpAddr| -> Vec<_> {
        let fitting = rows
            .iter()
            .filter(|(bound, _)| *bound == SocketAddr::new(ip, target.port()));
        fitting.map(|(_, listener)| *listener).collect()
    };
    let any_v6 = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let choices = match target.ip().to_canonical() {
        ip @ IpAddr::V4(_) => vec![ip, IpAddr::V4(Ipv4Addr::UNSPECIFIED), any_v6],
        ip @ IpAddr::V6(_) => vec![ip, any_v6],
    };
    let mut found = choices.into_iter().map(bound_to);
    found.find(|listeners| !listeners.is_empty()).unwrap_or_default()
}

/// A line of the tables of TCP and UDP, if its socket is in `state`:
/// `0: 0100007F:1F90 00000000:0000 0A tx:rx tr:when retrnsmt uid timeout inode`.
fn address_row(line: &str, state: &str) -> Option<(SocketAddr, Listener)> {
    let fields: Vec<_> = line.split_whitespace().collect();
    if *fields.get(3)? != state {
        return None;
    }
    let inode = fields.get(9)?.parse().ok()?;
    Some((address(fields.get(1)?)?, Listener { inode }))
}

/// `0100007F:1F90`: words of 32 bits as this machine orders their bytes, then
/// the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = ip
        .as_bytes()
        .chunks(8)
        .map(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok())
        .map(|word| word.map(u32::to_ne_bytes))
        .collect::<Option<_>>()?;
    let ip = match (ip.len(), &words[..]) {
        (8, [word]) => IpAddr::from(*word),
        (32, words) => IpAddr::from(<[u8; 16]>::try_from(words.concat()).ok()?).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

pub(crate) fn of_path(path: &Path, table: &str, fits: impl Fn(u32, u32) -> bool) -> Vec<Listener> {
    let rows = table.lines().filter_map(unix_row);
    let fitting = rows.filter(|row| Path::new(row.path) == path && fits(row.kind, row.flags));
    fitting.map(|row| Listener { inode: row.inode }).collect()
}

struct UnixRow<'a> {
    flags: u32,
    kind: u32,
    inode: u64,
    path: &'a str,
}

/// A line of the table of Unix sockets, whose path may have spaces:
/// `0000: 00000002 00000000 00010000 0001 01 16789 /run/socket`. An abstract
/// name has an `@` for its first byte.
fn unix_row(line: &str) -> Option<UnixRow<'_>> {
    let mut rest = line;
    let mut fields = [""; 7];
    for field in &mut fields {
        (*field, rest) = rest.trim_start_matches(' ').split_once(' ')?;
    }
    let hex = |text| u32::from_str_radix(text, 16).ok();
    Some(UnixRow {
        flags: hex(fields[3])?,
        kind: hex(fields[4])?,
        inode: fields[6].parse().ok()?,
        path: rest,
    })
}

/// Whether connections to `ip` stay on this machine: a process here that
/// listens on all addresses does not listen on another machine's.
pub(crate) fn is_ours(ip: IpAddr) -> bool {
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    let Ok(interfaces) = getifaddrs() else {
        return false;
    };
    let mut addresses = interfaces.filter_map(|interface| interface.address);
    addresses.any(|address| match ip {
        IpAddr::V4(ip) => address.as_sockaddr_in().is_some_and(|own| own.ip() == ip),
        IpAddr::V6(ip) => address.as_sockaddr_in6().is_some_and(|own| own.ip() == ip),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0\n\
        1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 100 0 0 10 0\n\
        2: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 13 1 0 100 0 0 10 0\n\
        3: 0100007F:1F90 0100007F:A001 01 00000000:00000000 00:00000000 00000000     0        0 14 1 0 100 0 0 10 0\n";
    const TCP6: &str = "0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A \
        00000000:00000000 00:00000000 00000000 0 0 21 1 0 100 0 0 10 0\n";
    const UNIX: &str = "Num       RefCount Protocol Flags    Type St Inode Path\n\
        00000000c1: 00000002 00000000 00010000 0001 01 31 /run/a b\n\
        00000000c2: 00000003 00000000 00000000 0001 03 32 /run/a b\n\
        00000000c3: 00000002 00000000 00000000 0002 01 33 /run/d\n\
        00000000c4: 00000003 00000000 00000000 0001 03 34\n";

    fn inodes(listeners: &[Listener]) -> Vec<u64> {
        listeners.iter().map(|listener| listener.inode).collect()
    }

    fn tcp(target: &str) -> Vec<u64> {
        let tables = [TCP.to_owned(), TCP6.to_owned()];
        inodes(&of_address(target.parse().unwrap(), LISTENING, &tables))
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_very_address_goes_before_all_addresses() {
        assert_eq!(tcp("127.0.0.1:8080"), [11, 12]);
        assert_eq!(tcp("127.0.0.2:8080"), [13]);
        assert_eq!(tcp("127.0.0.1:8081"), [21]);
        assert_eq!(tcp("[::1]:8081"), [21]);
        assert!(tcp("[::1]:8080").is_empty());
        assert!(tcp("127.0.0.1:1").is_empty());
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_mapped_address_is_the_one_it_stands_for() {
        let mapped = address("0000000000000000FFFF00000100007F:1F90").unwrap();
        assert_eq!(mapped, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(address("0100007F"), None);
        assert_eq!(address("0100007F01:1F90"), None);
    }

    #[test]
    fn unix_listeners_have_a_path_and_the_flag() {
        let stream = |kind, flags| kind == 1 && flags & ACCEPTS != 0;
        assert_eq!(inodes(&of_path(Path::new("/run/a b"), UNIX, stream)), [31]);
        assert_eq!(inodes(&of_path(Path::new("/run/d"), UNIX, |kind, _| kind == 2)), [33]);
        assert!(of_path(Path::new(""), UNIX, |_, _| true).is_empty());
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "([0-9A-F]{0,33}:|[0-9A-F]{1,9} | 0A | 07 |é|\n|.){0,60}") {
            let target = SocketAddr::from(([127, 0, 0, 1], 1));
            let _ = of_address(target, LISTENING, std::slice::from_ref(&text));
            let _ = of_path(Path::new("/"), &text, |_, _| true);
            let _ = text.split(' ').map(address).count();
        }
    }
}
