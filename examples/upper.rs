//! Answers every message in upper case, several clients at once.
//!
//! Run with: cargo run --example upper
//! Try with: nc 127.0.0.1 8080

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use greenserve::TcpServer;
use greenserve::net::TcpStream;

fn upper(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        log::info!("{:?}", String::from_utf8_lossy(&buffer[..count]));
        client.write_all(&buffer[..count].to_ascii_uppercase())?;
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8080", |options, address| {
        common::serve(TcpServer::bind(address, upper)?, options)
    })
}
