//! At which of this machine's addresses a datagram arrived: `IP_PKTINFO` of
//! ip(7) and `IPV6_PKTINFO` of ipv6(7).
//!
//! A socket bound to a wildcard answers from whatever address the route to the
//! peer begins with, and a peer that asked at another one does not take that
//! answer. So the address is taken from each datagram and put on its reply.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};

use super::Peer;
use super::received::{Arrival, Received};

/// Has the kernel tell with each datagram how many it threw away before:
/// `SO_RXQ_OVFL` of socket(7). It says nothing as long as there are none.
pub(super) fn ask_for_overflow(socket: &socket2::Socket) -> io::Result<()> {
    Ok(setsockopt(&socket.as_fd(), sockopt::RxqOvfl, &1)?)
}

/// Has the kernel tell it with each datagram, if the socket is bound to a
/// wildcard: elsewhere it is known anyway.
pub(super) fn ask_for(socket: &socket2::Socket) -> io::Result<()> {
    match socket.local_addr()?.as_socket() {
        Some(SocketAddr::V4(address)) if address.ip().is_unspecified() => {
            setsockopt(&socket.as_fd(), sockopt::Ipv4PacketInfo, &true)?;
        }
        Some(SocketAddr::V6(address)) if address.ip().is_unspecified() => {
            setsockopt(&socket.as_fd(), sockopt::Ipv6RecvPacketInfo, &true)?;
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut slices = [IoSliceMut::new(buffer)];
    let mut space = nix::cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo, u32);
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::empty())?;
    Ok(Received {
        length: message.bytes,
        truncated: message.flags.contains(MsgFlags::MSG_TRUNC),
        peer: message
            .address
            .as_ref()
            .and_then(address_of)
            .map_or(Peer::Unnamed, Peer::Ip),
        arrival: message.cmsgs()?.find_map(|extra| arrival_of(&extra)),
        overflowed: message.cmsgs()?.find_map(|extra| overflow_of(&extra)).unwrap_or(0),
    })
}

fn address_of(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}

fn arrival_of(extra: &ControlMessageOwned) -> Option<Arrival> {
    match extra {
        // Of the two addresses the one to answer from, which differs from the
        // other for a broadcast.
        ControlMessageOwned::Ipv4PacketInfo(info) => Some(Arrival {
            address: IpAddr::V4(Ipv4Addr::from(u32::from_be(info.ipi_spec_dst.s_addr))),
            interface: u32::try_from(info.ipi_ifindex).unwrap_or(0),
        }),
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Arrival {
            address: IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)),
            interface: info.ipi6_ifindex,
        }),
        _ => None,
    }
}

fn overflow_of(extra: &ControlMessageOwned) -> Option<u32> {
    match extra {
        ControlMessageOwned::RxqOvfl(count) => Some(*count),
        _ => None,
    }
}

/// Sends from the address at which a datagram arrived.
pub(super) fn send(socket: &UdpSocket, bytes: &[u8], peer: SocketAddr, arrival: &Arrival) -> io::Result<usize> {
    let (slices, fd, flags) = ([IoSlice::new(bytes)], socket.as_raw_fd(), MsgFlags::MSG_NOSIGNAL);
    let peer = SockaddrStorage::from(peer);
    let sent = match arrival.address {
        // Nobody can send from a multicast address.
        address if address.is_multicast() => sendmsg(fd, &slices, &[], flags, Some(&peer)),
        IpAddr::V4(address) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from(address).to_be(),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            sendmsg(
                fd,
                &slices,
                &[ControlMessage::Ipv4PacketInfo(&info)],
                flags,
                Some(&peer),
            )
        }
        IpAddr::V6(address) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: address.octets(),
                },
                // A link-local address means nothing without its interface.
                ipi6_ifindex: if address.is_unicast_link_local() {
                    arrival.interface
                } else {
                    0
                },
            };
            sendmsg(
                fd,
                &slices,
                &[ControlMessage::Ipv6PacketInfo(&info)],
                flags,
                Some(&peer),
            )
        }
    };
    Ok(sent?)
}
