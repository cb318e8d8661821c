//! Families whose requests are datagrams.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::overflow::Overflow;
use super::{BindClaim, Crowd, Family, Request, Sealed, WaitOutcome};
use crate::error::Result;
use crate::lifecycle::Kill;
use crate::net::{Address, Arrival, DatagramSocket, Peer, SocketOptions, SystemDatagram, UdpSocket, UnixDatagram};
use crate::runtime::lock;
use crate::sync::{Mutex, with_timeout};

/// UDP over IPv4, IPv6 or both.
#[derive(Clone, Copy, Debug)]
pub struct Udp;

/// Unix datagram sockets.
#[derive(Clone, Copy, Debug)]
pub struct UnixDatagrams;

impl Sealed for Udp {}
impl Sealed for UnixDatagrams {}

/// The socket of a datagram server: one end for the accept loop to wait on,
/// one for the handlers to reply through.
#[derive(Debug)]
pub struct DatagramListener<S: SystemDatagram> {
    receiver: DatagramSocket<S>,
    /// As long as the longest datagram that is taken whole, so that each one
    /// that is kept is as long as it is. Only one loop receives here.
    buffer: std::sync::Mutex<Vec<u8>>,
    replies: Arc<Replies<S>>,
    overflow: Overflow,
}

/// A descriptor of its own, since the loop waits on the other; and one reply
/// at a time, since only one can wait for room (gevent serialises them too).
#[derive(Debug)]
struct Replies<S: SystemDatagram>(Mutex<DatagramSocket<S>>);

impl<S: SystemDatagram> DatagramListener<S> {
    fn new(receiver: DatagramSocket<S>) -> io::Result<Self> {
        let replies = Arc::new(Replies(Mutex::new(receiver.try_clone()?)));
        Ok(DatagramListener {
            receiver,
            buffer: std::sync::Mutex::default(),
            replies,
            overflow: Overflow::default(),
        })
    }

    fn next(&self, limit: usize) -> io::Result<(Datagram<S>, Peer)> {
        let mut buffer = lock(&self.buffer);
        buffer.resize(limit, 0);
        let received = self.receiver.receive_now(&mut buffer)?;
        self.overflow.note(received.overflowed);
        let datagram = Datagram {
            packet: buffer[..received.length].to_vec(),
            truncated: received.truncated,
            peer: received.peer.clone(),
            arrival: received.arrival,
            sent: AtomicU64::new(0),
            replies: Arc::clone(&self.replies),
        };
        Ok((datagram, received.peer))
    }
}

impl<S: SystemDatagram> AsFd for DatagramListener<S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

/// A datagram that a server received, and the way to answer it.
#[derive(Debug)]
pub struct Datagram<S: SystemDatagram> {
    packet: Vec<u8>,
    truncated: bool,
    peer: Peer,
    arrival: Option<Arrival>,
    sent: AtomicU64,
    replies: Arc<Replies<S>>,
}

impl<S: SystemDatagram> Datagram<S> {
    /// What was received, at most the server's `max_packet_size`.
    pub fn packet(&self) -> &[u8] {
        &self.packet
    }

    /// True when the datagram was longer and its rest is lost.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Who sent it.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// At which of this machine's addresses, and on which interface, it
    /// arrived; `None` where the server's own address tells.
    pub fn arrival(&self) -> Option<&Arrival> {
        self.arrival.as_ref()
    }

    /// Sends one datagram back to the sender, from the address at which it
    /// arrived.
    ///
    /// # Errors
    /// Those of sendto(2), and [`io::ErrorKind::AddrNotAvailable`] when the
    /// sender is a Unix client that bound no path.
    pub fn reply(&self, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.replies.0.lock()?;
        self.count(socket.send_from(bytes, self.peer.clone(), self.arrival.as_ref()))
    }

    /// Sends one datagram to anyone, through the server's socket.
    ///
    /// # Errors
    /// As [`reply`](Datagram::reply).
    pub fn send_to(&self, bytes: &[u8], peer: impl Into<Peer>) -> io::Result<usize> {
        self.count(self.replies.0.lock()?.send_to(bytes, peer))
    }

    fn count(&self, sent: io::Result<usize>) -> io::Result<usize> {
        if let Ok(count) = sent {
            self.sent.fetch_add(count as u64, Ordering::Relaxed);
        }
        sent
    }
}

impl<S: SystemDatagram> Sealed for Datagram<S> {}

impl<S: SystemDatagram> Request for Datagram<S> {
    fn shutdown(&self) {}

    fn killer(&self) -> Option<Box<dyn Kill>> {
        None
    }

    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    fn traffic(&self) -> (u64, u64) {
        (self.packet.len() as u64, self.sent.load(Ordering::Relaxed))
    }

    /// A client that cannot be told at once is not told.
    fn turn_away(&self, words: &[u8]) {
        if let Some(socket) = self.replies.0.try_lock() {
            let told = with_timeout(Duration::ZERO, || {
                socket.send_from(words, self.peer.clone(), self.arrival.as_ref())
            });
            if let Err(err) = told {
                log::debug!("{} was not told that it is not served: {err}", self.peer);
            }
        }
    }
}

/// The lines in which the two families do not differ.
macro_rules! datagram_family {
    ($family:ty, $socket:ty, $system:ty, $name:literal, $has_path:literal, $crowd:expr) => {
        impl Family for $family {
            type Listener = DatagramListener<$system>;
            type Request = Datagram<$system>;
            const NAME: &'static str = $name;
            const HAS_PATH: bool = $has_path;
            const CROWD: Crowd = $crowd;

            fn bind(address: &Address, options: &SocketOptions) -> Result<(Self::Listener, BindClaim)> {
                let socket = <$socket>::bind_with(address, options)?;
                let listener = DatagramListener::new(socket).map_err(|source| crate::error::Error::Listen {
                    action: "open a socket for",
                    address: address.to_string(),
                    source,
                })?;
                Ok((listener, BindClaim(None)))
            }

            fn activate(_: &Self::Listener, _: &Address, _: &SocketOptions) -> Result<()> {
                Ok(())
            }

            fn prepare(listener: &Self::Listener) -> io::Result<()> {
                listener.receiver.prepare()
            }

            fn address(listener: &Self::Listener) -> io::Result<Address> {
                listener.receiver.address()
            }

            fn next_request(listener: &Self::Listener, limit: usize) -> io::Result<(Self::Request, Peer)> {
                listener.next(limit)
            }

            fn take_overflowed(listener: &Self::Listener) -> u64 {
                listener.overflow.take()
            }

            fn wait(listener: &Self::Listener, deadline: u64) -> io::Result<WaitOutcome> {
                listener.receiver.wait_or_roused(deadline).map(WaitOutcome)
            }

            fn disown(listener: &mut Self::Listener) {
                listener.receiver.disown_file();
            }
        }
    };
}

datagram_family!(Udp, UdpSocket, std::net::UdpSocket, "udp", false, Crowd::Dropped);
datagram_family!(
    UnixDatagrams,
    UnixDatagram,
    std::os::unix::net::UnixDatagram,
    "unixgram",
    true,
    Crowd::Waits
);
