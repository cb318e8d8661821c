//! Families whose requests are connections.

use std::any::Any;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{MsgFlags, getsockopt, recv, send};

use super::{BindClaim, DeadlineRules, Family, Request, Sealed, WaitOutcome};
use crate::error::Result;
use crate::lifecycle::{Forwarded, Kill};
use crate::net::{
    Address, Killer, Peer, SocketOptions, Stream, SystemStream, TcpListener, TcpStream, UnixListener, UnixStream,
};
use crate::proxy_protocol::ProxyProtocol;

/// The most that is taken from a client that is turned away, in bytes.
const MOST_UNREAD: usize = 64 * 1024;

/// TCP over IPv4, IPv6 or both.
#[derive(Clone, Copy, Debug)]
pub struct Tcp;

/// Unix stream sockets.
#[derive(Clone, Copy, Debug)]
pub struct Unix;

impl Sealed for Tcp {}
impl Sealed for Unix {}

impl Family for Tcp {
    type Listener = TcpListener;
    type Request = TcpStream;
    const NAME: &'static str = "tcp";
    const HAS_PATH: bool = false;

    fn bind(address: &Address, options: &SocketOptions) -> Result<(TcpListener, BindClaim)> {
        TcpListener::open(address, options).map(|listener| (listener, BindClaim(None)))
    }

    fn activate(listener: &TcpListener, address: &Address, options: &SocketOptions) -> Result<()> {
        listener.listen(address, options)
    }

    fn prepare(listener: &TcpListener) -> io::Result<()> {
        listener.prepare()
    }

    fn address(listener: &TcpListener) -> io::Result<Address> {
        listener.address()
    }

    fn next_request(listener: &TcpListener, _limit: usize) -> io::Result<(TcpStream, Peer)> {
        listener.accept_now()
    }

    fn wait(listener: &TcpListener, deadline: u64) -> io::Result<WaitOutcome> {
        listener.wait_or_roused(deadline).map(WaitOutcome)
    }

    fn disown(listener: &mut TcpListener) {
        listener.disown_file();
    }
}

impl Family for Unix {
    type Listener = UnixListener;
    type Request = UnixStream;
    const NAME: &'static str = "unix";
    const HAS_PATH: bool = true;

    fn bind(address: &Address, options: &SocketOptions) -> Result<(UnixListener, BindClaim)> {
        UnixListener::open(address, options).map(|(listener, claim)| (listener, BindClaim(claim)))
    }

    fn activate(listener: &UnixListener, address: &Address, options: &SocketOptions) -> Result<()> {
        listener.listen(address, options)
    }

    fn prepare(listener: &UnixListener) -> io::Result<()> {
        listener.prepare()
    }

    fn address(listener: &UnixListener) -> io::Result<Address> {
        listener.address()
    }

    fn next_request(listener: &UnixListener, _limit: usize) -> io::Result<(UnixStream, Peer)> {
        listener.accept_now()
    }

    fn wait(listener: &UnixListener, deadline: u64) -> io::Result<WaitOutcome> {
        listener.wait_or_roused(deadline).map(WaitOutcome)
    }

    fn disown(listener: &mut UnixListener) {
        listener.disown_file();
    }
}

impl<S: SystemStream> Sealed for Stream<S> {}

impl<S: SystemStream> Request for Stream<S> {
    fn shutdown(&self) {
        // An end would come before the reset, and be believed.
        if self.resets() {
            return;
        }
        // The peer may be gone already, and then there is nobody to tell.
        let _ = Stream::shutdown(self, Shutdown::Write);
    }

    fn killer(&self) -> Option<Box<dyn Kill>> {
        Some(Box::new(Stream::killer(self)))
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.as_raw_fd())
    }

    fn traffic(&self) -> (u64, u64) {
        Stream::traffic(self)
    }

    fn watch(&self, rules: DeadlineRules) {
        Stream::watch(self, rules.0);
    }

    fn give_up(&self) {
        if self.is_not_taken() {
            // It may be gone already, and what it has not taken with it.
            let _ = self.reset_at_close();
        }
    }

    /// One try each: a client that does not read is not told.
    fn turn_away(&self, words: &[u8]) {
        let told = send(self.as_raw_fd(), words, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
        if let Err(err) = told {
            log::debug!("a client was not told that it is not served: {err}");
        }
        Request::shutdown(self);
        // What the client has sent and nobody reads would make the kernel
        // reset the connection, and the words might be lost with it.
        let mut unread = [0; 4096];
        for _ in 0..MOST_UNREAD / unread.len() {
            match recv(self.as_raw_fd(), &mut unread, MsgFlags::MSG_DONTWAIT) {
                Ok(1..) => {}
                Ok(0) | Err(_) => break,
            }
        }
    }

    fn user(&self) -> Option<u32> {
        let unix = (self as &dyn Any).downcast_ref::<UnixStream>()?;
        getsockopt(&unix.as_fd(), PeerCredentials)
            .ok()
            .map(|credentials| credentials.uid())
    }

    fn forwarded(&mut self, proxies: &ProxyProtocol, peer: &Peer) -> io::Result<Option<Forwarded>> {
        let forwarded = proxies.read(self, peer)?;
        self.client_begins_here();
        Ok(forwarded)
    }
}

impl<S: SystemStream> Kill for Killer<S> {
    fn kill(&self) {
        Killer::kill(self);
    }

    fn traffic(&self) -> (u64, u64) {
        Killer::traffic(self)
    }
}
