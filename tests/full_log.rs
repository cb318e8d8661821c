//! Standard error is a pipe that is full and that nobody reads, and the logger
//! writes to it: what must not reach the log, so that the server goes on.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

mod support;

use std::io::{self, ErrorKind, PipeReader, Read, Write};
use std::process::ExitCode;

use greenserve::TcpServer;
use greenserve::net::TcpStream;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::unistd::dup2_stderr;
use support::harness::{self, Case, Program};
use support::{LIMIT, connect, read_exactly, wait_until};

const CASES: &[Case] = &[(
    "clients_that_hang_up_in_a_message_do_not_stop_the_server",
    clients_that_hang_up,
)];

fn main() -> ExitCode {
    harness::main(CASES, |words| match words {
        ["serve"] => serve(),
        other => panic!("no program {other:?}"),
    })
}

/// From now on every write to standard error waits for ever.
fn fill_standard_error() -> PipeReader {
    let (reader, mut writer) = io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    loop {
        match writer.write(&[b'.'; 4096]) {
            Ok(_) => {}
            Err(err) if err.kind() == ErrorKind::WouldBlock => break,
            Err(err) => panic!("{err}"),
        }
    }
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    dup2_stderr(writer).unwrap();
    reader
}

/// Frames of 100 bytes, each answered by its first one.
fn frames(client: &mut TcpStream) -> io::Result<()> {
    let mut frame = [0; 100];
    loop {
        client.read_exact(&mut frame)?;
        client.write_all(&frame[..1])?;
    }
}

fn serve() {
    let _unread = fill_standard_error();
    env_logger::Builder::new().filter_level(log::LevelFilter::Error).init();
    let mut server = TcpServer::bind("127.0.0.1:0", frames).unwrap();
    server.handle_signals().unwrap();
    println!("{}", server.address().unwrap());
    server.serve_forever().unwrap();
    wait_until("all have ended", || server.handle().in_flight() == 0);
    println!("{}", server.handle().counts().disconnected >= 1500);
}

fn clients_that_hang_up() {
    let program = Program::start("serve");
    let address = program.address();
    for _ in 0..1500 {
        connect(&address).write_all(b"cut").unwrap();
    }
    let mut client = connect(&address);
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.write_all(&[b'x'; 100]).unwrap();
    assert_eq!(read_exactly(&client, 1), b"x");
    drop(client);
    program.signal(Signal::SIGTERM);
    assert_eq!(program.succeeds(), ["true"]);
}
