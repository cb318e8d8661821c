//! Receives once, answers in upper case without the spaces around it, and
//! closes.
//!
//! Run with: cargo run --example upper_once
//! Try with: echo hello | nc 127.0.0.1 9999

mod common;

use std::io::{self, Read, Write};
use std::process::ExitCode;

use greenserve::net::TcpStream;
use greenserve::{Context, TcpServer, with_context};

fn upper_once(client: &mut TcpStream, context: &Context) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let count = client.read(&mut buffer)?;
    let data = buffer[..count].trim_ascii();
    log::info!(
        "{} wrote: {:?}",
        context.client_address(),
        String::from_utf8_lossy(data)
    );
    client.write_all(&data.to_ascii_uppercase())
}

fn main() -> ExitCode {
    common::main("127.0.0.1:9999", |options, address| {
        common::serve(TcpServer::bind(address, with_context(upper_once))?, options)
    })
}
