//! One header: its bytes off the connection, and what they say.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use ppp::{HeaderResult, v1, v2};

use crate::lifecycle::Forwarded;
use crate::net::Peer;

/// No header of either version is shorter: `PROXY UNKNOWN` and the line's end.
const SHORTEST: usize = 15;
/// The line of version 1 with its end, as the specification bounds it.
const LONGEST_LINE: usize = 107;
/// Begins a line whose rest is to be passed over.
const UNKNOWN: &[u8] = b"PROXY UNKNOWN";
/// The signature, version, family and length of version 2.
const FIXED: usize = 16;
/// What follows the fixed part of version 2. The specification allows 65,535
/// bytes; addresses and values that proxies send need a tenth of this.
const MOST_VALUES: usize = 4096;

type Values = Vec<(u8, Box<[u8]>)>;

/// Reads the header that a proxy sends before the client's first byte, and
/// nothing behind it: what follows is the handler's. `None` when the proxy
/// speaks for itself, as its health checks do.
pub(super) fn read(stream: &mut impl Read, proxy: &Peer) -> io::Result<Option<Forwarded>> {
    let bytes = read_bytes(stream).map_err(|err| described(err, proxy))?;
    match HeaderResult::parse(&bytes) {
        HeaderResult::V1(Ok(header)) => Ok(from_line(&header, proxy)),
        HeaderResult::V2(Ok(header)) => from_bytes(&header, proxy),
        HeaderResult::V1(Err(err)) => Err(malformed(proxy, &err)),
        HeaderResult::V2(Err(err)) => Err(malformed(proxy, &err)),
    }
}

/// In steps that cannot reach beyond the header.
fn read_bytes(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; SHORTEST];
    stream.read_exact(&mut bytes)?;
    if bytes.starts_with(v2::PROTOCOL_PREFIX) {
        read_values(stream, &mut bytes)?;
    } else if bytes.starts_with(v1::PROTOCOL_PREFIX.as_bytes()) {
        read_line(stream, &mut bytes)?;
    }
    Ok(bytes)
}

fn read_values(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.resize(FIXED, 0);
    stream.read_exact(&mut bytes[SHORTEST..])?;
    let length = usize::from(u16::from_be_bytes([bytes[FIXED - 2], bytes[FIXED - 1]]));
    if length > MOST_VALUES {
        let said = format!("it announces {length} bytes of addresses and values; {MOST_VALUES} are the most");
        return Err(io::Error::new(io::ErrorKind::InvalidData, said));
    }
    bytes.resize(FIXED + length, 0);
    stream.read_exact(&mut bytes[FIXED..])
}

fn read_line(stream: &mut impl Read, line: &mut Vec<u8>) -> io::Result<()> {
    while !line.ends_with(b"\n") && line.len() < LONGEST_LINE {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.extend(byte);
    }
    check_line(line).map_err(|said| io::Error::new(io::ErrorKind::InvalidData, said))
}

/// What the parser does not look at: it takes a carriage return and a space for
/// each other, and ports with a sign.
fn check_line(line: &[u8]) -> Result<(), String> {
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(format!(
            "its line does not end with a carriage return and a line feed within {LONGEST_LINE} bytes"
        ));
    };
    match line.iter().find(|byte| matches!(byte, b'\r' | b'+')) {
        Some(byte) if !line.starts_with(UNKNOWN) => Err(format!("its line has a {:?}", char::from(*byte))),
        _ => Ok(()),
    }
}

fn from_line(header: &v1::Header<'_>, proxy: &Peer) -> Option<Forwarded> {
    let (client, destination) = match header.addresses {
        v1::Addresses::Tcp4(ip) => pair4(&ip),
        v1::Addresses::Tcp6(ip) => pair6(&ip),
        v1::Addresses::Unknown => return None,
    };
    Some(Forwarded::new(
        client.into(),
        Some(destination),
        proxy.clone(),
        Vec::new(),
    ))
}

fn from_bytes(header: &v2::Header<'_>, proxy: &Peer) -> io::Result<Option<Forwarded>> {
    let values = values(header, proxy)?;
    if header.command == v2::Command::Local {
        return Ok(None);
    }
    let (client, destination) = match header.addresses {
        v2::Addresses::IPv4(ip) => of_ip(pair4(&ip)),
        v2::Addresses::IPv6(ip) => of_ip(pair6(&ip)),
        v2::Addresses::Unix(unix) => (unix_peer(&unix.source), None),
        v2::Addresses::Unspecified => return Ok(None),
    };
    Ok(Some(Forwarded::new(client, destination, proxy.clone(), values)))
}

fn values(header: &v2::Header<'_>, proxy: &Peer) -> io::Result<Values> {
    let value = |found: Result<v2::TypeLengthValue<'_>, v2::ParseError>| {
        let found = found.map_err(|err| malformed(proxy, &err))?;
        Ok((found.kind, found.value.into()))
    };
    header.tlvs().map(value).collect()
}

fn pair4(ip: &v2::IPv4) -> (SocketAddr, SocketAddr) {
    (
        SocketAddr::from((ip.source_address, ip.source_port)),
        SocketAddr::from((ip.destination_address, ip.destination_port)),
    )
}

fn pair6(ip: &v2::IPv6) -> (SocketAddr, SocketAddr) {
    (
        SocketAddr::from((ip.source_address, ip.source_port)),
        SocketAddr::from((ip.destination_address, ip.destination_port)),
    )
}

fn of_ip((client, destination): (SocketAddr, SocketAddr)) -> (Peer, Option<SocketAddr>) {
    (client.into(), Some(destination))
}

/// A path that ends with its first NUL byte, as in `sockaddr_un`.
fn unix_peer(source: &[u8; 108]) -> Peer {
    let length = |bytes: &[u8]| bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    match source {
        [0, 0, ..] => Peer::Unnamed,
        [0, name @ ..] => Peer::Abstract(name[..length(name)].to_vec()),
        path => Peer::Unix(OsStr::from_bytes(&path[..length(path)]).into()),
    }
}

fn described(err: io::Error, proxy: &Peer) -> io::Error {
    match err.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("{proxy} went away within its PROXY header"),
        ),
        io::ErrorKind::InvalidData => malformed(proxy, &err),
        _ => err,
    }
}

fn malformed(proxy: &Peer, why: &dyn std::fmt::Display) -> io::Error {
    let said = format!("{proxy} sent no PROXY header that can be read, and may not be a proxy: {why}");
    io::Error::new(io::ErrorKind::InvalidData, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> Peer {
        Peer::from(SocketAddr::from(([10, 0, 0, 1], 1)))
    }

    /// What a header says, and what is left behind it.
    fn said(bytes: &[u8]) -> (io::Result<Option<Forwarded>>, &[u8]) {
        let mut rest = bytes;
        let read = read(&mut rest, &proxy());
        (read, rest)
    }

    fn version_2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
        [v2::PROTOCOL_PREFIX, &[command, family], &length, payload, b"GET"].concat()
    }

    #[test]
    fn a_line_names_the_client_and_leaves_what_follows() {
        let (read, rest) = said(b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\nGET");
        let forwarded = read.unwrap().unwrap();
        assert_eq!(forwarded.client().to_string(), "192.0.2.1:40000");
        assert_eq!(forwarded.destination().unwrap().to_string(), "192.0.2.2:443");
        assert_eq!(forwarded.proxy(), &proxy());
        assert_eq!(rest, b"GET");
        let (read, rest) = said(b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n");
        assert_eq!(read.unwrap().unwrap().client().to_string(), "[2001:db8::1]:1");
        assert!(rest.is_empty());
    }

    #[test]
    fn a_proxy_that_speaks_for_itself_names_nobody() {
        assert_eq!(said(b"PROXY UNKNOWN\r\n").0.unwrap(), None);
        assert_eq!(said(b"PROXY UNKNOWN a b 1 2\r\n").0.unwrap(), None);
        assert_eq!(said(&version_2(0x20, 0, &[])).0.unwrap(), None);
        assert_eq!(said(&version_2(0x21, 0, &[])).0.unwrap(), None);
    }

    #[test]
    fn the_binary_form_names_the_client_with_values() {
        let addresses = [192, 0, 2, 1, 192, 0, 2, 2, 0x9c, 0x40, 1, 0xbb];
        let values = [2, 0, 3, b'a', b'.', b'b'];
        let bytes = version_2(0x21, 0x11, &[&addresses[..], &values].concat());
        let (read, rest) = said(&bytes);
        let forwarded = read.unwrap().unwrap();
        assert_eq!(forwarded.client().to_string(), "192.0.2.1:40000");
        assert_eq!(forwarded.destination().unwrap().port(), 443);
        assert_eq!(forwarded.value(2), Some(&b"a.b"[..]));
        assert_eq!(forwarded.value(1), None);
        assert_eq!(rest, b"GET");
    }

    #[test]
    fn unix_clients_keep_their_three_forms() {
        let named = |name: &[u8]| {
            let mut payload = [0; 216];
            payload[..name.len()].copy_from_slice(name);
            said(&version_2(0x21, 0x31, &payload))
                .0
                .unwrap()
                .unwrap()
                .client()
                .to_string()
        };
        assert_eq!(named(b"/run/a.sock"), "unix:/run/a.sock");
        assert_eq!(named(b"\0name"), "unix:@name");
        assert_eq!(named(b""), "unix:(unnamed)");
        assert_eq!(named(&[b'x'; 108]).len(), "unix:".len() + 108);
    }

    #[test]
    fn what_is_no_header_is_refused_with_the_peer() {
        let long_line = [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat();
        let cut_value = version_2(0x21, 0x11, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 9, 1]);
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 70000\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n........",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
            b"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 02\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 +2\r\n",
            b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n",
            b"PROXY TCP4\r1.2.3.4 5.6.7.8 1 2\r\n",
            b"PROXY\rTCP4 1.2.3.4 5.6.7.8 1 2\r\n",
            b"proxy tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
            &long_line,
            &cut_value,
            &version_2(0x31, 0x11, &[0; 12]),
            &version_2(0x21, 0x11, &[0; 11]),
            &version_2(0x21, 0x11, &[0; MOST_VALUES + 1]),
        ] {
            let refused = said(bytes).0.expect_err(&bytes.escape_ascii().to_string());
            assert_eq!(refused.kind(), io::ErrorKind::InvalidData, "{bytes:?}");
            assert!(refused.to_string().contains("10.0.0.1:1"), "{refused}");
        }
    }

    #[test]
    fn half_a_header_is_an_unexpected_end() {
        let whole = version_2(0x21, 0x11, &[1; 12]);
        for length in 0..whole.len() - 3 {
            let cut = said(&whole[..length]).0.unwrap_err();
            assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
        let cut = said(b"PROXY TCP4 192.0.2.1 192.0").0.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    }
}
