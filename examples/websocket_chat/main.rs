//! A chat room with its page. What one says all hear; who does not keep up is
//! dropped, and the others do not wait for it.
//!
//! Run with: cargo run --features websocket --example websocket_chat
//! Try with: http://127.0.0.1:9002/ in two windows of a browser
//! Or with: python3 -m websockets ws://127.0.0.1:9002/chat?name=ann

#[path = "../common/mod.rs"]
mod common;

use std::io;
use std::process::ExitCode;

use greenserve::http::{self, Request, Response, Router};
use greenserve::websocket::{self, Config, Room, WebSocket};
use greenserve::{Result, TcpServer};

/// The longest name in characters, and the longest line in bytes.
const LONGEST_NAME: usize = 64;
const LONGEST_LINE: usize = 4 * 1024;

fn page(_: &mut Request, response: &mut Response) -> http::Result {
    response.header("content-type", "text/html; charset=utf-8")?;
    response.header("content-security-policy", "default-src 'self' 'unsafe-inline'")?;
    response.send(include_str!("page.html"))
}

/// `name=NAME` of the query, as far as a name can be long.
fn name(request: &Request) -> String {
    let pairs = request.query().unwrap_or_default().split('&');
    let mut names = pairs.filter_map(|pair| pair.strip_prefix("name="));
    let name = decoded(names.next().unwrap_or_default());
    match name.trim() {
        "" => "somebody".to_owned(),
        name => name.chars().take(LONGEST_NAME).collect(),
    }
}

/// `%XX` are bytes, other `%` themselves; what makes no text is replaced.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn talk(room: &Room, name: &str, socket: &mut WebSocket) -> io::Result<()> {
    let seat = room.join(socket.sender()?);
    room.send(format!("{name} has come, {} are here", room.len()));
    let ended = listen(room, name, socket);
    drop(seat);
    room.send(format!("{name} has left"));
    ended
}

fn listen(room: &Room, name: &str, socket: &mut WebSocket) -> io::Result<()> {
    while let Some(message) = socket.recv()? {
        match message.as_text() {
            Some(line) => room.send(format!("{name}: {line}")),
            None => return socket.close(1003, "only texts are taken here"),
        };
    }
    Ok(())
}

fn router() -> Result<Router> {
    let (room, config) = (Room::new(), Config::new().message(LONGEST_LINE));
    let chat = move |request: &mut Request<'_>, response: &mut Response<'_>| {
        let name = name(request);
        websocket::upgrade(&config, request, response, |socket: &mut WebSocket<'_>| {
            talk(&room, &name, socket)
        })
    };
    Router::builder().get("/", page).get("/chat", chat).build()
}

fn main() -> ExitCode {
    common::main("127.0.0.1:9002", |options, address| {
        common::serve(TcpServer::bind(address, http::serve(router()?))?, options)
    })
}
