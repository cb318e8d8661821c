//! Echo over a Unix socket, whose file comes and goes with the server.
//!
//! Run with: cargo run --example unix_echo
//! Try with: nc -U /tmp/greenserve-echo.sock

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use greenserve::UnixServer;
use greenserve::net::UnixStream;

fn echo(client: &mut UnixStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        log::info!("{:?}", String::from_utf8_lossy(&buffer[..count]));
        client.write_all(&buffer[..count])?;
    }
}

fn main() -> ExitCode {
    common::main("unix:/tmp/greenserve-echo.sock", |options, address| {
        common::serve(UnixServer::bind(address, echo)?, options)
    })
}
