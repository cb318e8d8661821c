//! A log that nobody reads, whatever is written to it.

use std::io::{ErrorKind, PipeReader, PipeWriter, Write, pipe};
use std::net::TcpStream;
use std::process::Command;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;

use crate::program::{Program, built, connect, exchange};

/// A pipe without room, of which a write waits for ever.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    loop {
        match writer.write(&[b'.'; 4096]) {
            Ok(_) => {}
            Err(err) if err.kind() == ErrorKind::WouldBlock => break,
            Err(err) => panic!("{err}"),
        }
    }
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    (reader, writer)
}

#[test]
fn a_log_that_nobody_reads_stops_no_worker() {
    // Only the engine `pinned` takes two without a promise.
    let is_may = std::env::var("GREENSERVE_ENGINE").is_ok_and(|engine| engine == "may");
    let workers = if is_may { "1" } else { "2" };
    let (_unread, errors) = full_pipe();
    let mut command = Command::new(built("resp_server"));
    command
        .args(["--listen", "127.0.0.1:0", "--workers", workers])
        // More lines than find room in any queue.
        .env("RUST_LOG", "trace");
    let mut program = Program::run_with_errors(&mut command, errors);
    let address = program.address();
    for number in 0..1500 {
        // In the middle of a command, or with what is none, each another one.
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(b"*2\r\n$4\r\nPI").unwrap();
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(format!("*{number}x\r\n").as_bytes()).unwrap();
    }
    exchange(&mut connect(&address), "PING\r\n", "+PONG\r\n");
    program.signal(Signal::SIGTERM);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn a_log_that_is_read_has_every_line() {
    let mut program = Program::start_with("chat_echo", &["--listen", "127.0.0.1:0"], "RUST_LOG", "chat_echo=info");
    let address = program.address();
    let mut client = connect(&address);
    for _ in 0..100 {
        exchange(&mut client, "hello", "hello");
    }
    drop(client);
    let log = program.end_well();
    assert_eq!(log.matches("says \"hello\"").count(), 100, "{log}");
    assert!(!log.contains("dropped"), "{log}");
}
