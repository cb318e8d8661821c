//! A WebSocket echo: tungstenite's blocking interface over this crate's stream.
//!
//! Run with: cargo run --example websocket_echo
//! Try with: new WebSocket("ws://127.0.0.1:9001") in a browser's console

mod common;

use std::io::{Read, Write};
use std::process::ExitCode;

use greenserve::net::TcpStream;
use greenserve::{Context, Failure, TcpServer, WaitError, with_context};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, WebSocket, accept_with_config};

/// The longest message taken, in bytes: a client must not choose how much
/// memory it gets.
const LONGEST: usize = 1024 * 1024;

/// What each client's reads are collected in. The default of 128 KiB would be
/// most of what a client costs.
const READ_BUFFER: usize = 8 * 1024;

fn echo(client: &mut TcpStream, context: &Context) -> Result<(), Failure> {
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST));
    // As a text: the error may own the stream, which is only lent to us.
    let mut socket = accept_with_config(client, Some(limits)).map_err(|err| err.to_string())?;
    loop {
        // The library reads ahead, so only its own wait may end with the server.
        match context.idle(|| socket.read()) {
            Ok(message) if message.is_text() || message.is_binary() => socket.send(message)?,
            // The next read answers a ping or the end.
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(Error::Io(err)) if WaitError::of(&err) == Some(WaitError::Draining) => return say_goodbye(&mut socket),
            Err(err) => return Err(err.into()),
        }
    }
}

/// Tells the client that the server goes away, and waits until it knows.
fn say_goodbye<S: Read + Write>(socket: &mut WebSocket<S>) -> Result<(), Failure> {
    socket.close(Some(CloseFrame {
        code: CloseCode::Away,
        reason: "the server ends".into(),
    }))?;
    loop {
        match socket.read() {
            Ok(_) => {}
            Err(Error::ConnectionClosed) => return Ok(()),
            Err(err) => return Err(err.into()),
        }
    }
}

fn main() -> ExitCode {
    common::main("127.0.0.1:9001", |options, address| {
        common::serve(TcpServer::bind(address, with_context(echo))?, options)
    })
}
