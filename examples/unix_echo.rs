//! Echo over a Unix socket, whose file comes and goes with the server.
//!
//! Run with: cargo run --example unix_echo
//! Try with: nc -U /tmp/greenserve-echo.sock

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use greenserve::net::UnixStream;
use greenserve::{Context, UnixServer, with_context};

fn echo(client: &mut UnixStream, context: &Context) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while context.wait_for_request(client)? {
        let count = client.read(&mut buffer)?;
        log::info!("{:?}", String::from_utf8_lossy(&buffer[..count]));
        client.write_all(&buffer[..count])?;
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main("unix:/tmp/greenserve-echo.sock", |options, address| {
        common::serve(UnixServer::bind(address, with_context(echo))?, options)
    })
}
