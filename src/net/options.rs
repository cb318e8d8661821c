//! How a listening or receiving socket is set up before it is bound.

use std::os::fd::AsFd;
use std::time::Duration;

use socket2::SockRef;

use super::Address;
use crate::error::{Error, Result};

/// The options of a socket that a server binds.
///
/// ```
/// use greenserve::net::SocketOptions;
///
/// let options = SocketOptions::new().backlog(500).reuse_port(true);
/// assert_eq!(options.listen_backlog(), 500);
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a socket is bound with them"]
pub struct SocketOptions {
    backlog: u32,
    reuse_address: Option<bool>,
    reuse_port: bool,
    only_v6: bool,
    receive_buffer: Option<usize>,
    send_buffer: Option<usize>,
    keepalive: Option<Duration>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        SocketOptions {
            backlog: 1024,
            reuse_address: None,
            reuse_port: false,
            only_v6: false,
            receive_buffer: None,
            send_buffer: None,
            keepalive: None,
        }
    }
}

impl SocketOptions {
    /// The defaults, each named at its method.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections may wait to be accepted (`request_queue_size` in
    /// Python). Defaults to 1024: with socketserver's 5, clients that arrive
    /// together wait seconds for the kernel's retries. The kernel cuts it to
    /// `net.core.somaxconn` (see listen(2)).
    pub fn backlog(mut self, connections: u32) -> Self {
        self.backlog = connections;
        self
    }

    /// `SO_REUSEADDR` (`allow_reuse_address` in Python). Defaults to true for
    /// TCP, so that a restarted server need not wait for the connections of
    /// the one before; to false for UDP, where it would let two servers share
    /// a port.
    pub fn reuse_address(mut self, reuse: bool) -> Self {
        self.reuse_address = Some(reuse);
        self
    }

    /// `SO_REUSEPORT` (`allow_reuse_port` in Python): several servers share
    /// the port and the kernel spreads the clients. Defaults to false, since a
    /// second server started by mistake would silently take half of them.
    /// Ignored for Unix sockets.
    pub fn reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }

    /// `IPV6_V6ONLY`: an IPv6 socket takes no IPv4 clients. Defaults to false.
    pub fn only_v6(mut self, only: bool) -> Self {
        self.only_v6 = only;
        self
    }

    /// `SO_RCVBUF` in bytes. Defaults to the system's choice.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// `SO_SNDBUF` in bytes. Defaults to the system's choice.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// `SO_KEEPALIVE` with this idle time before the first probe; connections
    /// inherit it. Defaults to none.
    pub fn keepalive(mut self, idle: Duration) -> Self {
        self.keepalive = Some(idle);
        self
    }

    /// The backlog that will be asked for.
    pub fn listen_backlog(&self) -> u32 {
        self.backlog
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.backlog == 0 || i32::try_from(self.backlog).is_err() {
            return Err(Error::InvalidOption {
                option: "backlog",
                value: self.backlog.to_string(),
                reason: format!("at least one connection must be able to wait, and at most {}", i32::MAX),
            });
        }
        Ok(())
    }

    pub(super) fn backlog_for_system(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }

    /// Sets what must be set before bind(2).
    pub(super) fn apply(&self, socket: &socket2::Socket, domain: socket2::Domain, stream: bool) -> std::io::Result<()> {
        if domain != socket2::Domain::UNIX {
            socket.set_reuse_address(self.reuse_address.unwrap_or(stream))?;
            socket.set_reuse_port(self.reuse_port)?;
        }
        if domain == socket2::Domain::IPV6 {
            socket.set_only_v6(self.only_v6)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let (true, Some(idle)) = (stream && domain != socket2::Domain::UNIX, self.keepalive) {
            socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(idle))?;
        }
        Ok(())
    }
}

/// Lets other sockets join the port that `socket` is bound to, if they set
/// `SO_REUSEPORT` too.
pub(crate) fn share_port(socket: &impl AsFd, address: &Address) -> Result<()> {
    let shared = SockRef::from(socket).set_reuse_port(true);
    shared.map_err(|source| Error::Listen {
        action: "share the port of",
        address: address.to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_of_zero_is_refused_with_the_value() {
        let message = SocketOptions::new().backlog(0).check().unwrap_err().to_string();
        assert!(message.contains("backlog cannot be 0"), "{message}");
        assert!(SocketOptions::new().backlog(u32::MAX).check().is_err());
        assert!(SocketOptions::new().check().is_ok());
    }
}
