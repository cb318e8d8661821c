//! A peer that is gone, in a program that has not ignored `SIGPIPE`: many
//! programs set it back to what ends them, as tools of the command line do.
#![allow(missing_docs)]

use std::io::{ErrorKind, IoSlice, Write};

use greenserve::net::{TcpListener, TcpStream, UnixStream};
use greenserve::runtime;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Both ends of a connection, the far one closed.
fn streams() -> (UnixStream, TcpStream) {
    let (near, _) = UnixStream::pair().expect("a pair");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let tcp = TcpStream::connect(listener.address().expect("an address")).expect("it listens");
    let (far, _) = listener.accept().expect("who connected");
    far.set_linger(Some(std::time::Duration::ZERO))
        .expect("a reset at the close");
    drop(far);
    (near, tcp)
}

/// Writes until an error says that nobody reads: over TCP the first one may
/// still find room.
fn broken(mut stream: impl Write, vectored: bool) -> ErrorKind {
    loop {
        let written = match vectored {
            true => stream.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")]),
            false => stream.write(b"ab"),
        };
        if let Err(err) = written
            && err.kind() != ErrorKind::ConnectionReset
        {
            return err.kind();
        }
    }
}

fn is_an_error() {
    for vectored in [false, true] {
        let (unix, tcp) = streams();
        assert_eq!(broken(unix, vectored), ErrorKind::BrokenPipe);
        assert_eq!(broken(tcp, vectored), ErrorKind::BrokenPipe);
    }
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    // SAFETY: no handler is set that could do anything.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }.expect("it can be set");
    is_an_error();
    runtime::spawn(is_an_error)
        .expect("it starts")
        .join()
        .expect("no panic");
}
