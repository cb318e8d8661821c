//! The examples that listen on Unix sockets, and their files.

use std::net::Shutdown;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;

use nix::sys::signal::Signal;

use crate::each_model;
use crate::program::{LIMIT, Program, exchange, hears_end};
use crate::streams::EVERY_BYTE;

fn unix_client(path: &Path) -> UnixStream {
    let client = UnixStream::connect(path).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

fn unix_echo(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.sock");
    let listen = format!("unix:{}", path.display());
    let mut program = Program::start("unix_echo", &["--listen", &listen, "--model", model]);
    assert_eq!(program.address(), listen);
    for _ in 0..2 {
        let mut client = unix_client(&path);
        exchange(&mut client, EVERY_BYTE, EVERY_BYTE);
        client.shutdown(Shutdown::Write).unwrap();
        hears_end(&mut client);
    }
    assert!(path.exists());
    program.end_well();
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "something is left"
    );
}

each_model!(unix_echo, [coroutine, thread, fork, inline]);

#[test]
fn unix_echo_clears_away_what_a_crash_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.sock");
    let listen = format!("unix:{}", path.display());
    let mut crashed = Program::start("unix_echo", &["--listen", &listen]);
    crashed.address();
    crashed.signal(Signal::SIGKILL);
    crashed.ended();
    assert!(path.exists());
    let mut program = Program::start("unix_echo", &["--listen", &listen]);
    program.address();
    exchange(&mut unix_client(&path), "hello", "hello");
    program.end_well();
    assert!(!path.exists());
}

fn unix_datagram(model: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("datagram.sock");
    let mine = directory.path().join("client.sock");
    let listen = format!("unix:{}", path.display());
    let mut program = Program::start("unix_datagram", &["--listen", &listen, "--model", model]);
    assert_eq!(program.address(), listen);
    // Nobody can answer this one; the next ones are served.
    UnixDatagram::unbound().unwrap().send_to(b"nameless", &path).unwrap();
    let client = UnixDatagram::bind(&mine).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.connect(&path).unwrap();
    for said in [&b"hello"[..], b"\0\xff", b"again"] {
        client.send(said).unwrap();
        let mut heard = [0; 64];
        let count = client.recv(&mut heard).unwrap();
        assert_eq!(&heard[..count], said);
    }
    program.end_well();
    assert!(!path.exists());
}

each_model!(unix_datagram, [coroutine, thread, fork, inline]);
