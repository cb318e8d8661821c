//! The fuzz target of forms in one part, for the fuzzer and for a test.

use std::fmt::Write as _;
use std::sync::OnceLock;

use greenserve::http::{self, Request, Response};

use crate::answer::Answer;
use crate::pieces::InPieces;

/// What one connection brings at most.
const LONGEST: usize = 4 * 1024;
/// What a form may have, in bytes and in fields.
const BYTES: usize = 3_000;
const FIELDS: usize = 1_000;

/// A name and a value.
type Field = (String, String);

/// Answers with the fields of the body, or of the query.
fn tell(request: &mut Request, response: &mut Response) -> http::Result {
    let form = match request.method().as_str() {
        "POST" => request.form(BYTES as u64)?,
        _ => request.query_form()?,
    };
    for (name, value) in form.iter() {
        let first = form.iter().find(|(known, _)| *known == name);
        assert_eq!(form.get(name), first.map(|(_, value)| value));
        assert!(form.all(name).any(|known| known == value));
    }
    response.send(told(form.iter()))
}

fn told<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut said = String::new();
    for field in fields {
        writeln!(said, "{field:?}").expect("a text has room");
    }
    said
}

/// The status and the fields that come back, which are the same however the
/// request is cut.
fn answer(method: &str, query: &[u8], body: &[u8]) -> (u16, Vec<u8>) {
    static SERVER: OnceLock<InPieces> = OnceLock::new();
    let server = SERVER.get_or_init(|| InPieces::new(http::serve(tell)));
    let kind = "Host: a\r\nContent-Type: application/x-www-form-urlencoded";
    let behind = format!(" HTTP/1.1\r\n{kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    let request = [method.as_bytes(), b" /", query, behind.as_bytes(), body].concat();
    let answers = server.ask(&request).into_iter();
    let mut answers = answers.map(|answer| Answer::read(&answer, method));
    let first = answers.next().map(|answer| (answer.status, answer.body)).expect("one");
    assert!(answers.all(|answer| (answer.status, &answer.body) == (first.0, &first.1)));
    first
}

/// A form has the fields that a second reader finds in it, in a body and in a
/// query, within its limits; written again they are the same fields.
pub fn http_form(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let fields = decoded(bytes);
    let is_small = fields.len() <= FIELDS;
    let expected = match is_small && bytes.len() <= BYTES {
        true => Some(told(fields.iter().map(|(name, value)| (&**name, &**value)))),
        false => None,
    };
    check(&answer("POST", b"", bytes), expected.as_deref());
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || b"&=+%-._~!$'()*,;:@/?".contains(byte))
    {
        let said = told(fields.iter().map(|(name, value)| (&**name, &**value)));
        check(&answer("GET", &[b"?", bytes].concat(), b""), is_small.then_some(&*said));
    }
    let again = encoded(&fields);
    if let Some(expected) = expected.filter(|_| again.len() <= BYTES) {
        check(&answer("POST", b"", again.as_bytes()), Some(&expected));
    }
}

fn check(answer: &(u16, Vec<u8>), expected: Option<&str>) {
    match expected {
        Some(expected) => assert_eq!(
            (answer.0, &*answer.1.escape_ascii().to_string()),
            (200, &*expected.as_bytes().escape_ascii().to_string())
        ),
        None => assert_eq!(answer.0, 413),
    }
}

/// As the URL standard has it: what stands between `&` are names and values.
fn decoded(bytes: &[u8]) -> Vec<Field> {
    let fields = bytes.split(|byte| *byte == b'&').filter(|field| !field.is_empty());
    fields
        .map(|field| {
            let equals = field.iter().position(|byte| *byte == b'=');
            let value = equals.map_or(&b""[..], |at| &field[at + 1..]);
            (text(&field[..equals.unwrap_or(field.len())]), text(value))
        })
        .collect()
}

fn text(mut bytes: &[u8]) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut plain = Vec::new();
    while let [first, rest @ ..] = bytes {
        let escaped = match bytes {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => plain.push(high << 4 | low),
            None => plain.push(if *first == b'+' { b' ' } else { *first }),
        }
        bytes = if escaped.is_some() { &rest[2..] } else { rest };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn encoded(fields: &[Field]) -> String {
    let escaped = |text: &str| {
        text.bytes().fold(String::new(), |mut escaped, byte| {
            let _ = match byte {
                b' ' => write!(escaped, "+"),
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => write!(escaped, "{}", char::from(byte)),
                _ => write!(escaped, "%{byte:02X}"),
            };
            escaped
        })
    };
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    fields.join("&")
}
