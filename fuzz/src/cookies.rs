//! The fuzz target of cookies, for the fuzzer and for a test.

use std::fmt::Write as _;
use std::sync::OnceLock;

use greenserve::http::{self, Cookie, Request, Response};

use crate::answer::{Answer, is_value, trimmed};
use crate::ask::Server;

/// What one connection brings at most: it fits into a head.
const LONGEST: usize = 4 * 1024;

/// Answers with the cookies that have come, one a line, and sets the one that
/// the body names.
fn tell(request: &mut Request, response: &mut Response) -> http::Result {
    let mut said = String::new();
    let mut known: Vec<(String, String)> = Vec::new();
    for cookie in request.cookies() {
        let (name, value) = cookie.name_value();
        writeln!(said, "{:?}", (name, value))?;
        known.push((name.to_owned(), value.to_owned()));
        let first = known.iter().find(|(known, _)| known == name);
        assert_eq!(request.cookie(name).as_ref(), first.map(|(_, value)| value));
    }
    let body = request.body().text(LONGEST as u64)?;
    if let [name, value, path, domain] = body.splitn(4, '\n').collect::<Vec<_>>()[..] {
        let cookie = Cookie::build((name, value)).path(path).domain(domain).build();
        let refused = response.set_cookie(&cookie).is_err();
        said.push_str(if refused { "refused" } else { "set" });
    }
    response.send(said)
}

fn answer(cookies: &[u8], body: &[u8]) -> Answer {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| Server::new(http::serve(tell)));
    let head = [
        b"POST / HTTP/1.1\r\nHost: a\r\nCookie: ",
        cookies,
        b"\r\nContent-Length: ",
    ]
    .concat();
    let length = format!("{}\r\n\r\n", body.len());
    Answer::read(&server.ask(&[&head, length.as_bytes(), body].concat()), "POST")
}

/// The first line is what a client sends as cookies: those that a second reader
/// finds there come, whatever stands beside them. Behind it are the name, the
/// value, the path and the domain of one that is set, one a line: it is refused,
/// or a client understands it as what it is and sends it back as such.
pub fn http_cookies(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (sent, given) = (&bytes[..end], bytes.get(end + 1..).unwrap_or_default());
    let Ok(given) = std::str::from_utf8(given) else { return };
    let answer = answer(sent, given.as_bytes());
    if !is_value(sent) {
        return assert_eq!(answer.status, 400);
    }
    assert_eq!(answer.status, 200);
    let said = String::from_utf8(answer.body.clone()).expect("text");
    let said = said.strip_prefix(&*expected(sent)).expect("the cookies that were sent");
    match given.splitn(4, '\n').collect::<Vec<_>>()[..] {
        [name, value, path, domain] => check_set(&answer, said, [name, value, path, domain]),
        _ => assert!(said.is_empty() && answer.header("set-cookie").is_none()),
    }
}

/// RFC 6265, 4.2.1, with whatever a client has been told to keep.
fn expected(sent: &[u8]) -> String {
    let mut said = String::new();
    for pair in sent.split(|byte| *byte == b';') {
        let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
            continue;
        };
        let (name, value) = (trimmed(&pair[..equals]), trimmed(&pair[equals + 1..]));
        if let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value))
            && !name.is_empty()
        {
            writeln!(said, "{:?}", (name, value)).expect("a text has room");
        }
    }
    said
}

fn check_set(answer: &Answer, said: &str, given: [&str; 4]) {
    assert_eq!(said, if is_cookie(given) { "set" } else { "refused" });
    let Some(line) = answer.header("set-cookie") else {
        return assert_eq!(said, "refused");
    };
    let [name, value, path, domain] = given;
    let (read, attributes) = understood(line);
    assert_eq!(read, (name, value));
    let path = ("path".to_owned(), trimmed(path.as_bytes()));
    // Clients take a dot off, and so may a server: 5.2.3.
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let domain = ("domain".to_owned(), trimmed(domain.as_bytes()));
    assert!(
        attributes.iter().all(|attribute| [&path, &domain].contains(&attribute)),
        "{line}"
    );
    for told in [path, domain] {
        assert!(told.1.is_empty() || attributes.contains(&told), "{line}");
    }
    let (name, value) = read;
    let back = self::answer(format!("{name}={value}").as_bytes(), b"");
    assert_eq!(back.body, format!("{:?}\n", (name, value)).as_bytes());
}

/// The grammar of RFC 6265, 4.1.1.
fn is_cookie([name, value, path, domain]: [&str; 4]) -> bool {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    let is_octet = |byte: u8| matches!(byte, 0x21 | 0x23..=0x2b | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e);
    let is_attribute = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b';';
    let name_is_good = !name.is_empty() && name.bytes().all(is_token);
    name_is_good && value.bytes().all(is_octet) && [path, domain].iter().all(|text| text.bytes().all(is_attribute))
}

/// A name in lower case, and a value.
type Attribute<'a> = (String, &'a [u8]);

/// As a client understands the line: 5.2.
fn understood(line: &str) -> ((&str, &str), Vec<Attribute<'_>>) {
    let mut parts = line.split(';');
    let pair = parts.next().and_then(|pair| pair.split_once('=')).expect("a pair");
    let attributes = parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), trimmed(value.as_bytes()))
    });
    ((pair.0.trim(), pair.1.trim()), attributes.collect())
}
