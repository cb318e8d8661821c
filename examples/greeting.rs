//! Tells each client where and when it connected, then sends back what it
//! receives, to the end.
//!
//! The greeting is `connection HOST:PORT at Sat Nov 21 01:35:57 2026 succeed!`
//! with the server's address and the local time, and no line end.
//!
//! Run with: cargo run --example greeting
//! Try with: nc 127.0.0.1 9999

mod common;

use std::io::{Read, Write};
use std::process::ExitCode;

use greenserve::net::SystemStream;
use greenserve::runtime::offload;
use greenserve::{Failure, StreamHandler, StreamRequest, TcpServer, each_stream};

struct Greeter;

impl<S: SystemStream> StreamHandler<S> for Greeter {
    fn setup(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        let here = client.context.server().address().ok_or("the server is not bound")?;
        // Off the workers' threads: it may have to read the time zone's file.
        let now = offload(local_time)?;
        log::info!("got connection from {}", client.context.client_address());
        // In one piece: each write to `wfile` is sent at once.
        let greeting = format!("connection {here} at {now} succeed!");
        client.wfile.write_all(greeting.as_bytes())?;
        Ok(())
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        let mut buffer = [0; 1024];
        while client.wait_for_request()? {
            let count = client.rfile.read(&mut buffer)?;
            let text = String::from_utf8_lossy(&buffer[..count]);
            log::info!("received from {}: {text:?}", client.context.client_address());
            client.wfile.write_all(&buffer[..count])?;
        }
        Ok(())
    }
}

/// The local time as C's `ctime` writes it, without its line end.
fn local_time() -> String {
    jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string()
}

fn main() -> ExitCode {
    common::main("127.0.0.1:9999", |options, address| {
        common::serve(TcpServer::bind(address, each_stream(|| Greeter))?, options)
    })
}
