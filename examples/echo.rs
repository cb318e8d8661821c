//! The smallest server: a function that reads and writes, one call a client.
//!
//! Sends back what it receives until the client has finished.
//!
//! Run with: cargo run --example echo
//! Try with: nc 127.0.0.1 8001

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use greenserve::TcpServer;
use greenserve::net::TcpStream;

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        client.write_all(&buffer[..count])?;
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8001", |options, address| {
        common::serve(TcpServer::bind(address, echo)?, options)
    })
}
