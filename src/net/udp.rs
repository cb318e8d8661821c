//! UDP.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, SockAddr, Type};

use super::datagram::{DatagramSocket, SystemDatagram};
use super::open::{adopt, bind_ip, candidates, failed, wrong_family};
use super::received::{Arrival, Received};
use super::{Address, IntoAddress, Peer, SocketOptions, packet_info};
use crate::error::Result;

/// A UDP socket; see [`DatagramSocket`].
///
/// ```
/// use greenserve::net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.connect(server.address()?)?;
/// client.send(b"ping")?;
/// let mut buffer = [0; 16];
/// let (length, peer) = server.recv_from(&mut buffer)?;
/// server.send_to(&buffer[..length], peer)?;
/// assert_eq!(client.recv(&mut buffer)?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type UdpSocket = DatagramSocket<std::net::UdpSocket>;

impl UdpSocket {
    /// Binds `address` with the default [`SocketOptions`].
    ///
    /// # Errors
    /// An address that cannot be read, resolved or bound.
    pub fn bind(address: impl IntoAddress) -> Result<UdpSocket> {
        UdpSocket::bind_with(address, &SocketOptions::default())
    }

    /// Binds `address` with these options; the backlog does not matter.
    ///
    /// # Errors
    /// As [`bind`](UdpSocket::bind), and options out of range.
    pub fn bind_with(address: impl IntoAddress, options: &SocketOptions) -> Result<UdpSocket> {
        let address = address.into_address()?;
        let socket = match &address {
            Address::Fd(number) => adopt(*number, Type::DGRAM)?,
            Address::Unix(_) => return Err(wrong_family(&address, "udp", "HOST:PORT")),
            address => bind_ip(address, Type::DGRAM, options)?.socket,
        };
        match socket.domain() {
            Ok(Domain::IPV4 | Domain::IPV6) => {
                let asked = packet_info::ask_for(&socket).and_then(|()| packet_info::ask_for_overflow(&socket));
                asked.map_err(|source| failed("open a socket for", &address, source))?;
                Ok(DatagramSocket::new(socket.into(), None))
            }
            _ => Err(wrong_family(&address, "udp", "a descriptor of a UDP socket")),
        }
    }

    /// Fixes the peer that [`send`](DatagramSocket::send) and
    /// [`recv`](DatagramSocket::recv) speak with.
    ///
    /// # Errors
    /// An address that cannot be read or resolved, or what connect(2) says.
    pub fn connect(&self, address: impl IntoAddress) -> io::Result<()> {
        let address = address.into_address().map_err(io::Error::other)?;
        let candidates = candidates(&address).map_err(io::Error::other)?;
        self.system().connect(candidates.as_slice())
    }

    /// Where it is bound, as std has it.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.system().local_addr()
    }
}

impl SystemDatagram for std::net::UdpSocket {
    const SENDS_WAIT_FOR_THE_RECEIVER: bool = false;

    fn send_to(&self, bytes: &[u8], peer: &Peer) -> io::Result<usize> {
        match peer {
            Peer::Ip(address) => std::net::UdpSocket::send_to(self, bytes, address),
            other => Err(io::Error::new(
                io::ErrorKind::AddrNotAvailable,
                format!("a UDP socket cannot send to {other}"),
            )),
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        packet_info::receive(self, buffer)
    }

    fn send_from(&self, bytes: &[u8], peer: &Peer, arrival: &Arrival) -> io::Result<usize> {
        match peer {
            Peer::Ip(address) => packet_info::send(self, bytes, *address, arrival),
            other => SystemDatagram::send_to(self, bytes, other),
        }
    }

    fn sender(address: &SockAddr) -> Peer {
        address.as_socket().map_or(Peer::Unnamed, Peer::Ip)
    }

    fn address(&self) -> io::Result<Address> {
        self.local_addr().map(Address::Ip)
    }

    fn duplicate(&self) -> io::Result<Self> {
        self.try_clone()
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        std::net::UdpSocket::set_nonblocking(self, nonblocking)
    }
}
