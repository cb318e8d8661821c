//! The socket of a client by datagrams: UDP or a Unix datagram socket.

use std::io;
use std::time::Duration;

use greenserve::net::{UdpSocket, UnixDatagram};

use crate::plan::origin::Origin;
use crate::plan::target::Endpoint;
use crate::run::client::dial;
use crate::run::job::Job;

/// A socket that is connected to the server.
#[derive(Debug)]
pub(super) enum Socket {
    /// A UDP socket.
    Udp(UdpSocket),
    /// A Unix datagram socket.
    Unix(UnixDatagram),
}

impl Socket {
    /// That of client `connection`, which speaks with the server alone.
    pub(super) fn open(job: &Job, connection: u32) -> io::Result<Socket> {
        let origin = Origin {
            connection,
            sequence: 0,
        };
        let socket = match &job.plan.endpoint {
            Endpoint::Ip(address) => Socket::Udp(dial::udp(&job.plan, *address, origin)?),
            Endpoint::Path(path) => Socket::Unix(dial::unixgram(&job.plan, path, connection)?),
        };
        socket.set_write_timeout(job.plan.timeout)?;
        Ok(socket)
    }

    /// Waits for room, for as long as `--timeout`.
    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Udp(socket) => socket.send(bytes),
            Socket::Unix(socket) => socket.send(bytes),
        }
    }

    /// The length of the next datagram, as much of which is in `room` as fits.
    pub(super) fn recv(&self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Udp(socket) => socket.recv(room),
            Socket::Unix(socket) => socket.recv(room),
        }
    }

    /// Limits how long the next [`recv`](Socket::recv) may wait.
    pub(super) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Socket::Udp(socket) => socket.set_read_timeout(Some(limit)),
            Socket::Unix(socket) => socket.set_read_timeout(Some(limit)),
        }
    }

    fn set_write_timeout(&self, limit: Duration) -> io::Result<()> {
        match self {
            Socket::Udp(socket) => socket.set_write_timeout(Some(limit)),
            Socket::Unix(socket) => socket.set_write_timeout(Some(limit)),
        }
    }
}
