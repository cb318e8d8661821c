//! A WebSocket echo, on any path.
//!
//! Run with: cargo run --features websocket --example websocket_echo
//! Try with: new WebSocket("ws://127.0.0.1:9001") in a browser's console

mod common;

use std::io;
use std::process::ExitCode;

use greenserve::websocket::{self, WebSocket};
use greenserve::{TcpServer, http};

fn echo(socket: &mut WebSocket) -> io::Result<()> {
    while let Some(message) = socket.recv()? {
        socket.send(message)?;
    }
    Ok(())
}

fn main() -> ExitCode {
    common::main("127.0.0.1:9001", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(websocket::serve(echo)))?, options)
    })
}
