//! Sockets with std's interface that suspend a coroutine instead of blocking
//! its thread.
//!
//! | std | here | what differs |
//! | --- | --- | --- |
//! | `net::TcpStream`, `os::unix::net::UnixStream` | [`TcpStream`], [`UnixStream`] | [`peer`](Stream::peer) works for both; timeouts belong to the handle; [`set_timeout`](Stream::set_timeout) and [`set_deadline`](Stream::set_deadline) bound more than a wait; a name's addresses are tried [at once](TcpStream::connect) |
//! | `net::TcpListener`, `os::unix::net::UnixListener` | [`TcpListener`], [`UnixListener`] | backlog 1024, [`SocketOptions`]; [`close`](Listener::close) ends who waits; a Unix listener removes its file |
//! | `net::UdpSocket`, `os::unix::net::UnixDatagram` | [`UdpSocket`], [`UnixDatagram`] | [`receive`](DatagramSocket::receive) tells whether a datagram was cut; [`close`](DatagramSocket::close) ends who waits |
//!
//! A value may be used in a coroutine at one time and in a thread at another.
//! Waits end with an [`io::Error`](std::io::Error) when a timeout passes or
//! the connection is killed: see [`WaitError`](crate::WaitError).

mod activation;
mod address;
#[cfg(feature = "tls")]
mod at_once;
mod attempt;
mod calls;
mod closing;
mod connect;
mod datagram;
mod deadlines;
mod end_read_on;
mod ends;
mod listener;
mod open;
mod options;
mod overdue;
mod pace;
mod packet_info;
mod perform;
mod polling;
mod race;
mod received;
mod silence;
mod socket;
mod socket_file;
mod stream;
mod tcp;
mod time_limits;
mod transfer;
mod turns;
mod udp;
mod unfinished;
mod unix;
mod unix_datagram;
mod unreached;

pub use address::{Address, IntoAddress, Peer};
pub use datagram::{DatagramSocket, SystemDatagram};
pub use deadlines::{Deadlines, MinimumRate};
pub use listener::{Listener, SystemListener};
pub use options::SocketOptions;
pub use overdue::Overdue;
pub use received::{Arrival, Received};
pub use stream::{Stream, SystemStream};
pub use tcp::{TcpListener, TcpStream};
pub use udp::UdpSocket;
pub use unfinished::Unfinished;
pub use unix::{UnixListener, UnixStream};
pub use unix_datagram::UnixDatagram;

#[cfg(feature = "tls")]
pub(crate) use at_once::AtOnce;
#[cfg(feature = "http")]
pub(crate) use deadlines::{check_limits, check_rates};
pub(crate) use end_read_on::is_end_read_on;
pub(crate) use options::share_port;
pub(crate) use overdue::{Missed, OverdueCounts};
pub(crate) use pace::Rules;
pub(crate) use socket_file::Claim;
pub(crate) use stream::Killer;
pub(crate) use transfer::Transfer;
