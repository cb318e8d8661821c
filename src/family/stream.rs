//! Families whose requests are connections.

use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, RawFd};

use super::{BindClaim, Family, Request, Sealed, WaitOutcome};
use crate::error::Result;
use crate::lifecycle::Kill;
use crate::net::{
    Address, Killer, Peer, SocketOptions, Stream, SystemStream, TcpListener, TcpStream, UnixListener, UnixStream,
};

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
        // The peer may be gone already, and then there is nobody to tell.
        let _ = Stream::shutdown(self, Shutdown::Write);
    }

    fn killer(&self) -> Option<Box<dyn Kill>> {
        Some(Box::new(Stream::killer(self)))
    }

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.as_raw_fd())
    }
}

impl<S: SystemStream> Kill for Killer<S> {
    fn kill(&self) {
        Killer::kill(self);
    }
}
