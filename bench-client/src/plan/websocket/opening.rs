//! The handshake that opens a WebSocket (RFC 6455, section 4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use httparse::Header;
use tungstenite::handshake::derive_accept_key;

use super::frame;
use crate::base::failure::Failure;
use crate::base::random::{mix, next};
use crate::base::taxonomy::{ErrorClass, Fault};
use crate::plan::http::{FIELDS, LONGEST_HEAD, RequestOptions, check_field, lists, names, values};
use crate::plan::origin::Origin;
use crate::plan::payload::Payload;
use crate::plan::target::Target;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// Fields that are the handshake's own.
const OWN: [&str; 5] = [
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
];
const PROTOCOL: &str = "sec-websocket-protocol";
/// Sets keys apart from what else is drawn from a seed.
const KEYS: u64 = 0x5753_206b_6579_7321;

/// How all clients open their WebSockets, and what their messages are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// In one line, for reports.
    pub(crate) summary: String,
    /// The request to its last field, without the key and the empty line.
    head: String,
    /// The subprotocols that are offered.
    offered: Vec<String>,
    is_text: bool,
}

impl Opening {
    /// The handshake with `target` that `options` describe; messages are text if
    /// `is_text`, or else binary.
    ///
    /// # Errors
    /// A field that HTTP does not allow, or that is the handshake's own.
    pub(crate) fn new(target: &Target, options: &RequestOptions, is_text: bool) -> Result<Opening, Failure> {
        let mut head = format!("GET {} HTTP/1.1\r\n", target.path());
        if !names(&options.headers, "host") {
            head.push_str(&format!("Host: {}\r\n", target.authority()));
        }
        head.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
        for field in &options.headers {
            check_field(field)?;
            check_own(field)?;
            head.push_str(&format!("{}\r\n", field.trim()));
        }
        Ok(Opening {
            summary: summary(target, options, is_text),
            head,
            offered: offered(&options.headers),
            is_text,
        })
    }

    /// The request, with `key` in it.
    pub(crate) fn request(&self, key: &str) -> String {
        format!("{}Sec-WebSocket-Key: {key}\r\n\r\n", self.head)
    }

    /// Whether messages are text, or else binary.
    pub(crate) fn is_text(&self) -> bool {
        self.is_text
    }

    /// Appends the message of `origin` as one frame to `out`, masked as the run
    /// of `seed` does. Returns the bytes of the message proper.
    pub(crate) fn append(&self, payload: &Payload, seed: u64, origin: Origin, out: &mut Vec<u8>) -> usize {
        let kind = if self.is_text { Data::Text } else { Data::Binary };
        let (size, mask) = (payload.size(origin), frame::mask(seed, origin));
        frame::append(OpCode::Data(kind), size, mask, out, |out| payload.append(origin, out));
        size
    }

    /// How many bytes of `inbox` are the answer that opens the WebSocket of
    /// `key`, once all of it is there.
    ///
    /// # Errors
    /// What is no HTTP, or anything but such an answer.
    pub(crate) fn accepted(&self, inbox: &[u8], key: &str) -> Result<Option<usize>, Fault> {
        let mut begin = 0;
        loop {
            let mut fields = [httparse::EMPTY_HEADER; FIELDS];
            let mut head = httparse::Response::new(&mut fields);
            let Some(length) = length(&mut head, &inbox[begin..])? else {
                return Ok(None);
            };
            begin += length;
            match head.code.unwrap_or_default() {
                101 => return self.check(&head, key).map(|()| Some(begin)),
                // Interim responses may stand before it (RFC 9110, section 15.2).
                100..=199 if begin <= LONGEST_HEAD => {}
                status => return Err(refused(status)),
            }
        }
    }

    /// As the second half of section 4.1 has it.
    fn check(&self, head: &httparse::Response<'_, '_>, key: &str) -> Result<(), Fault> {
        let fields = &*head.headers;
        if !lists(fields, "upgrade", "websocket") {
            return Err(wrong("status 101, but Upgrade is not websocket".to_owned()));
        }
        if !lists(fields, "connection", "upgrade") {
            return Err(wrong("status 101, but Connection does not name Upgrade".to_owned()));
        }
        check_accept(fields, key)?;
        if let Some(chosen) = values(fields, "sec-websocket-extensions").next() {
            return Err(wrong(format!(
                "the server chose the extension {}, and none was offered",
                chosen.escape_ascii()
            )));
        }
        self.check_protocol(fields)
    }

    /// A server need not choose one, but no other.
    fn check_protocol(&self, fields: &[Header<'_>]) -> Result<(), Fault> {
        let is_offered = |chosen: &&[u8]| {
            self.offered
                .iter()
                .any(|offered| offered.as_bytes() == chosen.trim_ascii())
        };
        match values(fields, PROTOCOL).find(|chosen| !is_offered(chosen)) {
            None => Ok(()),
            Some(chosen) => Err(wrong(format!(
                "the server chose the subprotocol {}, which was not offered",
                chosen.escape_ascii()
            ))),
        }
    }
}

/// The key of the handshake of `origin`'s connection in the run of `seed`: 16
/// bytes that another connection does not have.
pub(crate) fn key(seed: u64, origin: Origin) -> String {
    let mut state = mix(mix(seed ^ KEYS ^ u64::from(origin.connection)) ^ origin.sequence);
    let words = [next(&mut state), next(&mut state)];
    STANDARD.encode(words.map(u64::to_le_bytes).concat())
}

/// The length of the head that `inbox` begins with, once all of it is there.
fn length<'b>(head: &mut httparse::Response<'_, 'b>, inbox: &'b [u8]) -> Result<Option<usize>, Fault> {
    let unreadable = |detail| Fault {
        class: ErrorClass::BadResponse,
        detail,
    };
    match head.parse(inbox) {
        Ok(httparse::Status::Complete(length)) if length <= LONGEST_HEAD => Ok(Some(length)),
        Ok(httparse::Status::Partial) if inbox.len() <= LONGEST_HEAD => Ok(None),
        Ok(_) => Err(unreadable(format!(
            "the answer to the handshake is longer than {LONGEST_HEAD} bytes"
        ))),
        Err(err) => Err(unreadable(format!("the answer to the handshake cannot be read: {err}"))),
    }
}

fn check_accept(fields: &[Header<'_>], key: &str) -> Result<(), Fault> {
    let expected = derive_accept_key(key.as_bytes());
    let mut accepts = values(fields, "sec-websocket-accept");
    match (accepts.next(), accepts.next()) {
        (Some(accept), None) if accept.trim_ascii() == expected.as_bytes() => Ok(()),
        (None, _) => Err(wrong("status 101, but no Sec-WebSocket-Accept".to_owned())),
        (Some(accept), _) => Err(wrong(format!(
            "Sec-WebSocket-Accept is {} and should be {expected}, for the key {key}",
            accept.escape_ascii()
        ))),
    }
}

#[cold]
fn refused(status: u16) -> Fault {
    let class = match status {
        400..=499 => ErrorClass::Status4xx,
        500.. => ErrorClass::Status5xx,
        _ => ErrorClass::BadHandshake,
    };
    Fault {
        class,
        detail: format!("the handshake was answered with status {status} instead of 101"),
    }
}

#[cold]
fn wrong(detail: String) -> Fault {
    Fault {
        class: ErrorClass::BadHandshake,
        detail,
    }
}

fn check_own(field: &str) -> Result<(), Failure> {
    let name = field.split(':').next().unwrap_or_default().trim();
    match OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        true => Err(Failure::Usage(format!(
            "--header {field:?} is a field of the handshake, which is written here; leave it out"
        ))),
        false => Ok(()),
    }
}

fn offered(headers: &[String]) -> Vec<String> {
    let fields = headers.iter().filter_map(|field| field.split_once(':'));
    let named = fields.filter(|(name, _)| name.trim().eq_ignore_ascii_case(PROTOCOL));
    let members = named.flat_map(|(_, list)| list.split(','));
    members.map(|member| member.trim().to_owned()).collect()
}

fn summary(target: &Target, options: &RequestOptions, is_text: bool) -> String {
    let mut text = target.path().to_owned();
    if is_text {
        text.push_str(", text");
    }
    for field in &options.headers {
        text.push_str(&format!(", {field}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    /// Of RFC 6455, section 1.3.
    const RIGHT: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    fn opening(headers: &[&str]) -> Result<Opening, Failure> {
        let target: Target = "ws://localhost:8080/a?b".parse().unwrap();
        let options = RequestOptions {
            headers: headers.iter().map(|field| (*field).to_owned()).collect(),
            ..RequestOptions::default()
        };
        Opening::new(&target, &options, false)
    }

    fn accepted(answer: &str) -> Result<Option<usize>, Fault> {
        opening(&["Sec-WebSocket-Protocol: one, two"])
            .unwrap()
            .accepted(answer.as_bytes(), KEY)
    }

    #[test]
    fn a_request_asks_for_a_websocket() {
        assert_eq!(
            opening(&["Origin: http://a"]).unwrap().request(KEY),
            "GET /a?b HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nOrigin: http://a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let request = opening(&["host: b"]).unwrap().request(KEY);
        assert!(
            request.contains("host: b\r\n") && !request.contains("localhost"),
            "{request}"
        );
    }

    #[test]
    fn the_fields_of_the_handshake_are_not_for_the_user() {
        for field in [
            "upgrade: h2c",
            "Connection: close",
            "Sec-WebSocket-Key: a",
            "Sec-WebSocket-Version: 8",
            "Sec-WebSocket-Extensions: permessage-deflate",
            "Content-Length: 3",
            "a b: c",
        ] {
            let message = opening(&[field]).unwrap_err().to_string();
            assert!(message.contains(&field[..3]), "{message}");
        }
    }

    #[test]
    fn the_answer_that_opens_a_websocket_ends_where_frames_begin() {
        for before in ["", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"] {
            let answer = format!("{before}{RIGHT}");
            let with_frames = format!("{answer}\u{1}\u{2}");
            assert_eq!(accepted(&with_frames).unwrap(), Some(answer.len()));
            for cut in 0..answer.len() {
                assert_eq!(accepted(&answer[..cut]).unwrap(), None, "{cut}");
            }
        }
        let lists = RIGHT.replace("Connection: Upgrade", "connection: keep-alive, UPGRADE");
        assert!(accepted(&lists).unwrap().is_some());
        let chosen = RIGHT.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: two\r\n\r\n");
        assert!(accepted(&chosen).unwrap().is_some());
    }

    #[test]
    fn any_other_answer_is_named() {
        let without = |field: &str| RIGHT.replace(field, &field.replacen(['C', 'S', 'U'], "X", 1));
        let with = |field: &str| RIGHT.replace("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"));
        let long = format!("HTTP/1.1 101 X\r\nX: {}", "x".repeat(LONGEST_HEAD));
        let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(LONGEST_HEAD / 20);
        for (answer, class, word) in [
            (RIGHT.replace("101", "200"), ErrorClass::BadHandshake, "status 200"),
            (RIGHT.replace("101", "302"), ErrorClass::BadHandshake, "status 302"),
            (RIGHT.replace("101", "426"), ErrorClass::Status4xx, "status 426"),
            (RIGHT.replace("101", "503"), ErrorClass::Status5xx, "status 503"),
            (
                RIGHT.replace("s3p", "S3p"),
                ErrorClass::BadHandshake,
                "S3pPLMBiTxaQ9kYGzzhZRbK+xOo= and should be s3p",
            ),
            (
                without("Upgrade: websocket"),
                ErrorClass::BadHandshake,
                "Upgrade is not",
            ),
            (
                without("Connection: Upgrade"),
                ErrorClass::BadHandshake,
                "Connection does",
            ),
            (
                without("Sec-WebSocket-Accept"),
                ErrorClass::BadHandshake,
                "no Sec-WebSocket-Accept",
            ),
            (with("Sec-WebSocket-Accept: b"), ErrorClass::BadHandshake, "should be"),
            (
                with("Sec-WebSocket-Extensions: x"),
                ErrorClass::BadHandshake,
                "extension x",
            ),
            (
                with("Sec-WebSocket-Protocol: three"),
                ErrorClass::BadHandshake,
                "subprotocol three",
            ),
            ("no HTTP\r\n\r\n".to_owned(), ErrorClass::BadResponse, "cannot be read"),
            (long, ErrorClass::BadResponse, "longer than"),
            (endless, ErrorClass::BadHandshake, "status 100"),
        ] {
            let fault = accepted(&answer).unwrap_err();
            assert_eq!(fault.class, class, "{}", fault.detail);
            assert!(fault.detail.contains(word), "{}", fault.detail);
        }
    }

    #[test]
    fn a_key_is_sixteen_bytes_and_each_connections_own() {
        let key = |connection, sequence| super::key(42, Origin { connection, sequence });
        assert_eq!(STANDARD.decode(key(0, 0)).unwrap().len(), 16);
        assert_eq!(key(1, 2), key(1, 2));
        assert!(key(0, 0) != key(0, 1) && key(0, 0) != key(1, 0));
    }
}
