//! Messages of a WebSocket, opened at any path.
//!
//! `tungstenite` reads them, with all that RFC 6455 asks of a server: what the
//! client writes is so held against code that is not its own.

use std::io::{self, Read, Write};

use tungstenite::error::ProtocolError;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Bytes, Error, Message};

use super::answer::Answer;
use super::response::{Form, refusal};
use super::stream::Requests;
use crate::plan::http::{lists, values};

/// The longest head of a handshake, and how many fields it may have.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_FIELDS: usize = 64;
/// The longest message.
const LONGEST: usize = 16 << 20;
const BUFFER: usize = 4 * 1024;

/// Reads messages, one after the other, once the client has opened its WebSocket.
#[derive(Debug, Default)]
pub(crate) struct WebSocket {
    socket: Option<WebSocketContext>,
}

/// What there is of a handshake.
enum Parsed {
    /// So many bytes, and the key of it.
    Whole(usize, String),
    /// More has to come.
    Part,
    /// To be refused with this status.
    Wrong(u16),
}

impl Requests for WebSocket {
    fn next<C: Read + Write>(&mut self, client: &mut C) -> io::Result<Option<Answer>> {
        if let Some(socket) = &mut self.socket {
            return message(socket, client);
        }
        let mut received = Vec::new();
        loop {
            match parse(&received) {
                Parsed::Whole(length, key) => {
                    client.write_all(welcome(&key).as_bytes())?;
                    let socket = self.socket.insert(open(received.split_off(length)));
                    return message(socket, client);
                }
                Parsed::Wrong(status) => return Ok(Some(refuse(status))),
                Parsed::Part if received.len() > LONGEST_HEAD => return Ok(Some(refuse(431))),
                Parsed::Part => {}
            }
            let mut buffer = [0; BUFFER];
            match client.read(&mut buffer)? {
                0 => return Ok(None),
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

/// The answer to the next message; `None` when the client has gone, with a close
/// frame or without.
fn message<C: Read + Write>(socket: &mut WebSocketContext, client: &mut C) -> io::Result<Option<Answer>> {
    loop {
        match socket.read(client) {
            Ok(Message::Binary(bytes)) => return Ok(Some(echo(Data::Binary, bytes)?)),
            Ok(Message::Text(text)) => return Ok(Some(echo(Data::Text, text.into())?)),
            // Pings and goodbyes are answered in the next read.
            Ok(_) => {}
            Err(Error::ConnectionClosed | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return Ok(None);
            }
            Err(Error::Io(err)) => return Err(err),
            Err(err) => return Err(io::Error::other(err)),
        }
    }
}

/// The message again, in a frame.
fn echo(kind: Data, body: Bytes) -> io::Result<Answer> {
    let length = body.len();
    let frame = Frame::message(body, OpCode::Data(kind), true);
    let mut bytes = Vec::with_capacity(frame.len());
    frame.format(&mut bytes).map_err(io::Error::other)?;
    Ok(Answer {
        body: bytes.len() - length,
        bytes,
        last: false,
    })
}

/// What comes behind the handshake began with `ahead`.
fn open(ahead: Vec<u8>) -> WebSocketContext {
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST));
    WebSocketContext::from_partially_read(ahead, Role::Server, Some(config))
}

fn welcome(key: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    )
}

fn refuse(status: u16) -> Answer {
    let form = Form {
        close: true,
        ..Form::default()
    };
    refusal(status, form)
}

/// As far as a server must look to know that a WebSocket is to be opened (RFC
/// 6455, section 4.2.1).
fn parse(received: &[u8]) -> Parsed {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(received) {
        Ok(httparse::Status::Complete(length)) if length <= LONGEST_HEAD => length,
        Ok(httparse::Status::Partial) => return Parsed::Part,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Parsed::Wrong(431),
        Err(_) => return Parsed::Wrong(400),
    };
    let fields = &*request.headers;
    if request.method != Some("GET") {
        return Parsed::Wrong(405);
    }
    if !lists(fields, "upgrade", "websocket") || !lists(fields, "connection", "upgrade") {
        return Parsed::Wrong(426);
    }
    let key = values(fields, "sec-websocket-key").next();
    match key.and_then(|key| std::str::from_utf8(key).ok()) {
        Some(key) if values(fields, "sec-websocket-version").eq([b"13"]) => Parsed::Whole(length, key.to_owned()),
        _ => Parsed::Wrong(400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const HANDSHAKE: &str = "GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    /// What is answered to `sent`, and what is written beside.
    fn answered(sent: &[u8]) -> (Option<Answer>, Vec<u8>) {
        struct Client(Cursor<Vec<u8>>, Vec<u8>);
        impl Read for Client {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                // Byte by byte, so that nothing depends on how it is cut.
                let length = buffer.len().min(1);
                self.0.read(&mut buffer[..length])
            }
        }
        impl Write for Client {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.1.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut client = Client(Cursor::new(sent.to_vec()), Vec::new());
        let answer = WebSocket::default().next(&mut client).unwrap();
        (answer, client.1)
    }

    /// Of RFC 6455, sections 1.3 and 5.7.
    #[test]
    fn a_message_comes_back_in_a_frame() {
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let (answer, beside) = answered(&[HANDSHAKE.as_bytes(), &hello].concat());
        let answer = answer.unwrap();
        assert_eq!((&answer.bytes[..], answer.length()), (&b"\x81\x05Hello"[..], 5));
        let beside = String::from_utf8(beside).unwrap();
        assert!(
            beside.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
            "{beside}"
        );
    }

    #[test]
    fn what_opens_no_websocket_is_refused_and_who_leaves_is_let_go() {
        for (from, to, status) in [
            ("GET", "POST", "405"),
            ("Upgrade: w", "X: w", "426"),
            ("Connection", "X", "426"),
            ("Version: 13", "Version: 8", "400"),
            ("Sec-WebSocket-Key", "X", "400"),
            ("HTTP/1.1", "nonsense", "400"),
        ] {
            let (answer, _) = answered(HANDSHAKE.replacen(from, to, 1).as_bytes());
            let answer = answer.unwrap();
            assert!(answer.last && answer.bytes[9..].starts_with(status.as_bytes()), "{to}");
        }
        let close = [HANDSHAKE.as_bytes(), &[0x88, 0x80, 0, 0, 0, 0]].concat();
        for sent in [HANDSHAKE.as_bytes(), &HANDSHAKE.as_bytes()[..9], &close] {
            assert_eq!(answered(sent).0, None);
        }
    }
}
