//! The fuzz target of a WebSocket's opening, for the fuzzer and for a test.

use std::sync::OnceLock;

use greenserve::http;
use greenserve::websocket::{self, Config, WebSocket};

use crate::answer::{Answer, trimmed};
use crate::pieces::InPieces;

/// What one connection brings at most: it fits into a head.
const LONGEST: usize = 4 * 1024;
const ORIGIN: &str = "https://example.org";
const PROTOCOLS: [&str; 2] = ["chat.v2", "chat"];
/// RFC 6455, 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const KEY_ANSWER: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// A text, and a Close with 1000.
const SAID: &[u8] = b"\x81\x05hello\x88\x02\x03\xe8";

/// Each line is a line of the head, the first one is its begin. What opens a
/// WebSocket by a second reader of RFC 6455, 4.2.1, does so, with the subprotocol
/// that is spoken; nothing else does; and a head in pieces is no other.
pub fn websocket_upgrade(bytes: &[u8]) {
    static SERVER: OnceLock<InPieces> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let config = Config::new().origins([ORIGIN]).protocols(PROTOCOLS);
        let hello = websocket::serve(|socket: &mut WebSocket<'_>| socket.send("hello"));
        InPieces::new(http::serve(hello.config(config)))
    });
    let lines: Vec<_> = bytes[..bytes.len().min(LONGEST)].split(|byte| *byte == b'\n').collect();
    let head = [&lines.join(&b"\r\n"[..])[..], b"\r\n\r\n"].concat();
    let answers = server.ask(&head);
    // Whether there is a body depends on a method that may not be understood.
    let read = |bytes: &Vec<u8>| (!bytes.is_empty()).then(|| Answer::read(bytes, "HEAD"));
    let answers: Vec<_> = answers.iter().map(read).collect();
    let told = |answer: &Option<Answer>| {
        let answer = answer.as_ref()?;
        let protocol = answer.header("sec-websocket-protocol").map(str::to_owned);
        let said = answer.rest.clone();
        Some((
            answer.status,
            protocol,
            if answer.status == 101 { said } else { Vec::new() },
        ))
    };
    assert!(
        answers.iter().all(|answer| told(answer) == told(&answers[0])),
        "{answers:?}"
    );
    check(&lines, &head, answers[0].as_ref());
}

fn check(lines: &[&[u8]], head: &[u8], answer: Option<&Answer>) {
    let mut room = [httparse::EMPTY_HEADER; 256];
    let mut parsed = httparse::Request::new(&mut room);
    let is_whole = parsed.parse(head).is_ok_and(|parsed| parsed.is_complete());
    let is_opening = is_whole && opens(&parsed);
    let Some(answer) = answer.filter(|answer| answer.status == 101) else {
        // What else is wrong with a head is looked at elsewhere.
        return assert!(!is_opening || !is_plain(lines), "{answer:?}");
    };
    assert!(is_opening);
    let header = |name: &str| answer.header(name).unwrap_or_default();
    assert!(header("upgrade") == "websocket" && header("connection").eq_ignore_ascii_case("upgrade"));
    let key = only(&parsed, "sec-websocket-key");
    assert_eq!(
        key == Some(KEY.as_bytes()),
        header("sec-websocket-accept") == KEY_ANSWER
    );
    let offered: Vec<_> = elements(&parsed, "sec-websocket-protocol").collect();
    let spoken = PROTOCOLS
        .into_iter()
        .find(|spoken| offered.contains(&spoken.as_bytes()));
    assert_eq!(answer.header("sec-websocket-protocol"), spoken);
    assert_eq!(answer.rest.escape_ascii().to_string(), SAID.escape_ascii().to_string());
}

fn opens(request: &httparse::Request<'_, '_>) -> bool {
    let lists =
        |name: &str, token: &str| elements(request, name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()));
    let has = |name: &str| values(request, name).next().is_some();
    let has_body = has("transfer-encoding") || values(request, "content-length").any(|length| length != b"0");
    let origin_is_good =
        !has("origin") || only(request, "origin").is_some_and(|origin| origin.eq_ignore_ascii_case(ORIGIN.as_bytes()));
    request.method == Some("GET")
        && request.version == Some(1)
        && lists("upgrade", "websocket")
        && lists("connection", "upgrade")
        && only(request, "sec-websocket-version") == Some(b"13")
        && only(request, "sec-websocket-key").is_some_and(is_key)
        && origin_is_good
        && !has_body
}

fn values<'a>(request: &'a httparse::Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let named = request
        .headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.map(|header| trimmed(header.value))
}

fn elements<'a>(request: &'a httparse::Request<'_, '_>, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    values(request, name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(trimmed)
}

fn only<'a>(request: &'a httparse::Request<'_, '_>, name: &'a str) -> Option<&'a [u8]> {
    let mut values = values(request, name);
    values.next().filter(|_| values.next().is_none())
}

/// Whether it is 16 bytes in base64, by what its digits are worth.
fn is_key(key: &[u8]) -> bool {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let Some(digits) = key.strip_suffix(b"==") else {
        return false;
    };
    let values = digits
        .iter()
        .map(|digit| DIGITS.iter().position(|known| known == digit));
    let values: Option<Vec<_>> = values.collect();
    // The last four bits belong to no byte.
    values.is_some_and(|values| values.len() == 22 && values[21] % 16 == 0)
}

/// Whether nothing is in the head that HTTP itself could refuse.
fn is_plain(lines: &[&[u8]]) -> bool {
    let is_line = |line: &&[u8]| {
        let is_text = line.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return false;
        };
        let name = line[..colon].to_ascii_lowercase();
        let is_known =
            matches!(&name[..], b"connection" | b"origin" | b"upgrade") || name.starts_with(b"sec-websocket-");
        is_text && is_known
    };
    lines.len() < 90
        && lines[0] == b"GET / HTTP/1.1"
        && lines.get(1) == Some(&&b"Host: a"[..])
        && lines[2..].iter().all(is_line)
}
