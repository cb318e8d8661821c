//! Requests and answers of HTTP, over a connection that is kept.

use std::io::{self, Read, Write};
use std::net::SocketAddr;

use greenserve::tls::{self, ClientSettings};

use super::load::{Talk, is_late};

pub fn over_tcp(address: SocketAddr, talk: &mut Talk<'_>) {
    if let Some(stream) = talk.connect(address) {
        ask(stream, talk);
    }
}

pub fn over_tls(address: SocketAddr, settings: &ClientSettings, talk: &mut Talk<'_>) {
    let Some(stream) = talk.connect(address) else {
        return;
    };
    // A server that ends takes no new client, and may say so in the handshake.
    match tls::connect(greenserve::net::TcpStream::from(stream), "localhost", settings) {
        Ok(stream) => ask(stream, talk),
        Err(err) => assert!(!is_late(&err), "{err}"),
    }
}

/// What became of a request.
enum Outcome {
    Answered {
        /// The server says that this was the last one.
        is_last: bool,
    },
    /// Nothing came, so it was not taken.
    NotTaken,
    /// A part came.
    Cut,
}

fn ask(mut server: impl Read + Write, talk: &mut Talk<'_>) {
    let mut is_first = true;
    while talk.goes_on() {
        let body = talk.message();
        match exchange(&mut server, &body, talk) {
            Outcome::Answered { is_last } => {
                talk.answered(is_first);
                is_first = false;
                if is_last {
                    return;
                }
            }
            Outcome::NotTaken => return,
            Outcome::Cut => return talk.cut(),
        }
    }
}

fn exchange(server: &mut (impl Read + Write), body: &[u8], talk: &mut Talk<'_>) -> Outcome {
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = [head.as_bytes(), body].concat();
    // In two parts, as requests come.
    let (begin, rest) = request.split_at(talk.below(request.len()));
    let sent = server.write_all(begin).and_then(|()| server.write_all(rest));
    if let Err(err) = sent {
        assert!(!is_late(&err), "{err}");
    }
    let mut answer = Vec::new();
    match read_answer(server, &mut answer) {
        Ok(is_last) => {
            assert!(answer.ends_with(body), "another body came back");
            Outcome::Answered { is_last }
        }
        Err(err) => {
            assert!(!is_late(&err), "{err}");
            match answer.is_empty() {
                true => Outcome::NotTaken,
                false => Outcome::Cut,
            }
        }
    }
}

/// Reads head and body into `answer`; whether the connection ends with it.
fn read_answer(server: &mut impl Read, answer: &mut Vec<u8>) -> io::Result<bool> {
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        server.read_exact(&mut byte)?;
        answer.extend(byte);
    }
    let head = String::from_utf8(answer.clone()).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let (_, length) = head.split_once("content-length: ").unwrap();
    let (length, _) = length.split_once("\r\n").unwrap();
    let body = server.take(length.parse().unwrap()).read_to_end(answer)?;
    if body.to_string() != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(head.contains("\r\nconnection: close\r\n"))
}
