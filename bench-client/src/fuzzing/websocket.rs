//! Frames of a server of WebSockets, rightly or not.

use std::io::{self, Cursor, Read, Write};
use std::sync::OnceLock;

use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::{Role, WebSocketContext};
use tungstenite::{Error, Message};

use super::exchange::{Heard, hear, job, origin};
use crate::base::taxonomy::{ErrorClass, Fault};
use crate::plan::websocket::{Opening, key};
use crate::run::job::Job;

/// Messages that were sent.
const MESSAGES: usize = 4;
/// Longer input is cut at fewer places.
const CUTS: usize = 100;
const LOADS: [&str; 4] = [
    "ws://127.0.0.1:1 --size 5 --payload pattern",
    "ws://127.0.0.1:1/ --size 40",
    "ws://127.0.0.1:1 --size 1..60 --text",
    "ws://127.0.0.1:1 --size 130 --text --payload pattern",
];

/// The bytes are an answer to the handshake, and frames, and what is wrong with
/// frames that bring right answers. How they were cut does not matter, and an
/// answer counts as right exactly if `tungstenite`'s own client reads from them
/// what was sent.
pub fn websocket(bytes: &[u8]) {
    static JOBS: OnceLock<Vec<Job>> = OnceLock::new();
    for job in JOBS.get_or_init(|| LOADS.map(job).into()) {
        if let Some(opening) = &job.plan.opening {
            check_opening(opening, bytes);
        }
        check(job, bytes);
        let (form, differences) = bytes.split_first().unwrap_or((&0, &[]));
        let mut differing = echoes(job, usize::from(*form));
        differing
            .iter_mut()
            .zip(differences)
            .for_each(|(byte, flip)| *byte ^= flip);
        check(job, &differing);
    }
}

/// The prefix of an answer is no other answer.
fn check_opening(opening: &Opening, bytes: &[u8]) {
    let key = key(42, origin(0));
    let read = |bytes: &[u8]| opening.accepted(bytes, &key).map_err(|fault: Fault| fault.class);
    let whole = read(bytes);
    assert!(!matches!(whole, Ok(Some(length)) if length > bytes.len()));
    for cut in (0..bytes.len()).step_by(bytes.len().div_ceil(CUTS).max(1)) {
        match read(&bytes[..cut]) {
            Ok(None) => {}
            early => assert_eq!(early, whole, "the first {cut} bytes"),
        }
    }
}

/// Right answers: in whole frames, or in fragments of `form` bytes with pings
/// between them.
fn echoes(job: &Job, form: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for sequence in 0..MESSAGES as u64 {
        let message = message(job, sequence);
        let fragment = if form == 0 { message.len() } else { form };
        let last = message.len().div_ceil(fragment) - 1;
        for (index, part) in message.chunks(fragment).enumerate() {
            let kind = if index == 0 { kind(job) } else { Data::Continue };
            let frame = Frame::message(part.to_vec(), OpCode::Data(kind), index == last);
            frame.format(&mut out).expect("memory");
            if index < last {
                Frame::ping(vec![index as u8]).format(&mut out).expect("memory");
            }
        }
    }
    out
}

fn message(job: &Job, sequence: u64) -> Vec<u8> {
    let mut message = Vec::new();
    job.payload.append(origin(sequence), &mut message);
    message
}

fn kind(job: &Job) -> Data {
    match job.plan.opening.as_ref().is_some_and(Opening::is_text) {
        true => Data::Text,
        false => Data::Binary,
    }
}

fn check(job: &Job, received: &[u8]) {
    let heard = hear(job, received, usize::MAX, MESSAGES);
    for step in [1, 7] {
        assert_eq!(hear(job, received, step, MESSAGES), heard, "{step} bytes at a time");
    }
    let (others, end) = others(received);
    for (sequence, (answer, other)) in heard.answers.iter().zip(&others).enumerate() {
        let message = message(job, sequence as u64);
        let right = match other {
            Message::Text(text) => kind(job) == Data::Text && text.as_bytes() == message,
            Message::Binary(bytes) => kind(job) == Data::Binary && bytes[..] == message,
            _ => false,
        };
        assert_eq!(
            answer.wrong.is_none(),
            right,
            "message {sequence}: {answer:?}, {other:?}"
        );
    }
    check_end(&heard, &others, &end);
}

/// Nothing is left out and nothing added: the other client is stricter with texts
/// alone, and less so with lengths that are written in too many bytes.
fn check_end(heard: &Heard, others: &[Message], end: &Error) {
    match heard.answers.len() {
        more if more > others.len() => assert!(matches!(end, Error::Utf8(_)), "{end}"),
        fewer if fewer < others.len().min(MESSAGES) => {
            assert_eq!(heard.broken, Some(ErrorClass::BadFrame));
        }
        _ => {}
    }
}

/// The messages that `tungstenite` reads, and why no more.
fn others(received: &[u8]) -> (Vec<Message>, Error) {
    struct Server<'a>(Cursor<&'a [u8]>);
    impl Read for Server<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }
    impl Write for Server<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut server = Server(Cursor::new(received));
    let mut client = WebSocketContext::new(Role::Client, None);
    let mut messages = Vec::new();
    loop {
        match client.read(&mut server) {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => messages.push(message),
            Ok(_) => {}
            Err(err) => return (messages, err),
        }
    }
}
