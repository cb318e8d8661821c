//! A client that sends what it is told to, right or wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub(crate) const CONTINUED: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
/// Nothing of the message follows.
pub(crate) const LAST: u8 = 0x80;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) struct Raw(BufReader<TcpStream>);

/// A frame of a client.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The begin of one with so many bytes behind it.
pub(crate) fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | length as u8),
        126..65_536 => {
            head.push(0x80 | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend(MASK);
    head
}

impl Raw {
    /// Opens a WebSocket.
    pub(crate) fn open(stream: TcpStream) -> Raw {
        let mut raw = Raw(BufReader::new(stream));
        raw.send(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        );
        let mut line = String::new();
        raw.0.read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 101 Switching Protocols\r\n");
        while line != "\r\n" {
            line.clear();
            raw.0.read_line(&mut line).unwrap();
        }
        raw
    }

    /// What writes to the same server beside it.
    pub(crate) fn second(&self) -> TcpStream {
        self.0.get_ref().try_clone().unwrap()
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub(crate) fn say(&mut self, first: u8, payload: &[u8]) {
        self.send(&frame(first, payload));
    }

    pub(crate) fn close(&mut self, code: u16) {
        self.say(LAST | CLOSE, &code.to_be_bytes());
    }

    /// The first byte of the next frame, and its payload.
    pub(crate) fn hear(&mut self) -> (u8, Vec<u8>) {
        let [first, length] = self.bytes();
        let length = match length {
            126 => u16::from_be_bytes(self.bytes()).into(),
            127 => u64::from_be_bytes(self.bytes()),
            short => {
                assert!(short < 126, "a server's frame has a mask");
                short.into()
            }
        };
        let mut payload = vec![0; length.try_into().unwrap()];
        self.0.read_exact(&mut payload).unwrap();
        (first, payload)
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub(crate) fn hears(&mut self, first: u8, payload: &[u8]) {
        let (came, bytes) = self.hear();
        assert_eq!(
            (came, bytes.len()),
            (first, payload.len()),
            "{:?}",
            bytes.escape_ascii().to_string()
        );
        assert!(bytes == payload, "another payload came");
    }

    /// The Close that comes next: its code and its reason.
    pub(crate) fn hears_close(&mut self) -> (u16, String) {
        let (first, payload) = self.hear();
        assert_eq!(first, LAST | CLOSE);
        let (code, reason) = payload.split_at(2);
        let code = u16::from_be_bytes(code.try_into().unwrap());
        (code, String::from_utf8(reason.to_vec()).unwrap())
    }

    /// Nothing more comes.
    pub(crate) fn ends(&mut self) {
        assert_eq!(self.0.read(&mut [0; 16]).unwrap(), 0);
    }
}
