//! The fuzz target of what a client of a WebSocket says, for the fuzzer and for
//! a test.

use std::sync::OnceLock;

use greenserve::http;
use greenserve::websocket::{self, Config, Message, WebSocket};

use crate::answer::Answer;
use crate::frames::{Ended, Heard, Limits};
use crate::pieces::InPieces;

/// What one connection brings at most, before it is unpacked.
const LONGEST: usize = 4 * 1024;
/// More than the library gives to what it reads frames with at once.
const LIMITS: Limits = Limits {
    frame: 40_000,
    message: 50_000,
};

const OPENING: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Sends every message back, up to the end.
fn echo(socket: &mut WebSocket<'_>) -> std::io::Result<()> {
    while let Ok(Some(message)) = socket.recv() {
        assert!(message.as_bytes().len() <= LIMITS.message);
        let is_text = matches!(message, Message::Text(_));
        assert!(!is_text || std::str::from_utf8(message.as_bytes()).is_ok());
        socket.send(message)?;
    }
    Ok(())
}

/// Of whatever a client sends, all messages are heard that a second reader of
/// RFC 6455 finds, and no other; pings are answered; and the end is the one that
/// the RFC has for what stands there; all the same in pieces.
///
/// The first byte says whether frames follow, or what is made into frames: see
/// [`unpacked`].
pub fn websocket_frames(bytes: &[u8]) {
    static SERVER: OnceLock<InPieces> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let config = Config::new().frame(LIMITS.frame).message(LIMITS.message);
        InPieces::new(http::serve(websocket::serve(echo).config(config)))
    });
    let Some((kind, bytes)) = bytes[..bytes.len().min(LONGEST)].split_first() else {
        return;
    };
    let frames = if kind % 2 == 0 { bytes.to_vec() } else { unpacked(bytes) };
    let expected = Heard::read(&frames, LIMITS);
    for answer in server.ask(&[OPENING, &frames].concat()) {
        let answer = Answer::read(&answer, "GET");
        assert_eq!(answer.status, 101);
        check(&expected, &answer.rest);
    }
}

/// Frames of any length out of a few bytes each: the first of the frame, one that
/// its payload consists of, two for its length, and how much of it comes, if that
/// is not all.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = *b"\x01\x80\x00\xff";
    let mut frames = Vec::new();
    for record in bytes.chunks_exact(5).take(4) {
        let length = u16::from_be_bytes([record[2], record[3]]);
        frames.push(record[0]);
        match length {
            0..126 => frames.push(0x80 | length as u8),
            126.. => frames.extend([0xfe, record[2], record[3]]),
        }
        frames.extend(MASK);
        let comes = usize::from(length).saturating_sub(record[4].into());
        frames.extend((0..comes).map(|at| record[1] ^ MASK[at % 4]));
    }
    frames
}

fn check(expected: &Heard, said: &[u8]) {
    let said = Heard::of_server(said);
    assert!(
        said.messages == expected.messages,
        "{} and {} messages",
        said.messages.len(),
        expected.messages.len()
    );
    let is_answered = match expected.ended {
        Ended::Refused(_) => expected.pings.starts_with(&said.pongs),
        Ended::Closed(_) | Ended::Gone => said.pongs == expected.pings,
    };
    assert!(
        is_answered,
        "{} pongs, {} pings",
        said.pongs.len(),
        expected.pings.len()
    );
    let code = match said.ended {
        Ended::Closed(code) => code,
        ended => panic!("{ended:?}"),
    };
    match &expected.ended {
        Ended::Closed(expected) => assert_eq!(code, *expected),
        Ended::Refused(codes) => assert!(
            code.is_some_and(|code| codes.contains(&code)),
            "{code:?} and not {codes:?}"
        ),
        // Its handler has ended as if all were said.
        Ended::Gone => assert_eq!(code, Some(1000)),
    }
}
