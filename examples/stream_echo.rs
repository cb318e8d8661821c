//! Echo with `rfile` and `wfile`, in whichever model: one handler for one
//! client at a time, a thread each, a process each or a coroutine each.
//!
//! Run with: RUST_LOG=info cargo run --example stream_echo -- --model inline
//! Try with: nc 127.0.0.1 8123

mod common;

use std::io::{BufRead, Write};
use std::process::ExitCode;

use greenserve::net::SystemStream;
use greenserve::{Failure, StreamHandler, StreamRequest, TcpServer, each_stream};

struct Echo;

impl<S: SystemStream> StreamHandler<S> for Echo {
    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        log::info!("connection: {}", client.connection.peer()?);
        // False when the client has finished, or when the server ends: then the
        // answer to the last message was sent, and no other one was begun.
        while client.wait_for_request()? {
            let received = client.rfile.fill_buf()?;
            let count = received.len();
            client.wfile.write_all(received)?;
            client.rfile.consume(count);
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:8123", |options, address| {
        common::serve(TcpServer::bind(address, each_stream(|| Echo))?, options)
    })
}
