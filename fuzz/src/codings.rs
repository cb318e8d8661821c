//! The fuzz target of what a client takes as a coding, for the fuzzer and for a
//! test.

use std::io::Read;
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use greenserve::http::{self, Compression, Files, Request, Response};

use crate::answer::{Answer, is_value, trimmed};
use crate::ask::{Server, folder};

/// What one connection brings at most: it fits into a head.
const LONGEST: usize = 4 * 1024;
const TEXT: &str = "over and over again ";
/// So often is it in a page that is worth it, and in one that is not.
const MADE: usize = 100;
const SMALL: usize = 20;

/// Of pages that become smaller, and of a file that has a neighbour for every
/// coding: links to itself, which cannot be older than it is.
fn answer(path: &str, accepted: &[u8]) -> Answer {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let files = Files::new(folder("coded")).expect("a folder");
        let page = |times| {
            let page = move |_: &mut Request<'_>, response: &mut Response<'_>| response.send(TEXT.repeat(times));
            http::around(Compression::new(), page)
        };
        let router = http::Router::builder()
            .get("/made", page(MADE))
            .get("/small", page(SMALL))
            .get("/text", files.precompressed());
        let http = http::serve(router.build().expect("a router"));
        Server::new(http)
    });
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n").into_bytes();
    for line in accepted.split(|byte| *byte == b'\n') {
        request.extend([b"Accept-Encoding: ", line, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    Answer::read(&server.ask(&request), "GET")
}

/// Each line is an `Accept-Encoding`, all together one list. What comes is what
/// the client likes best by a second reader of RFC 9110, 12.5.3, or plain; what
/// it does not name does not come even if the list is none; and it is decoded
/// into what was made.
pub fn http_codings(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let (made, file) = (answer("/made", bytes), answer("/text", bytes));
    let small = answer("/small", bytes);
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.len() > 90 && made.status == 431 {
        return;
    }
    if !lines.iter().all(|line| is_value(line)) {
        return assert_eq!((made.status, small.status, file.status), (400, 400, 400));
    }
    assert_eq!((made.status, small.status, file.status), (200, 200, 200));
    let (made_as, file_as) = (coding(&made), coding(&file));
    assert_eq!(decoded(&made), TEXT.repeat(MADE));
    assert_eq!(decoded(&small), TEXT.repeat(SMALL));
    assert_eq!(file.body, b"text\n");
    let list = lines.join(&b","[..]);
    let Some(liking) = Liking::read(&list) else {
        let list = list.to_ascii_lowercase();
        let names = |coding: &str| list.windows(coding.len()).any(|window| window == coding.as_bytes());
        let is_fair = |coding: &str| coding == "identity" || names(coding) || names("*");
        return assert!(is_fair(&made_as) && is_fair(&file_as), "{made_as} {file_as}");
    };
    assert_eq!(made_as, liking.best(&["gzip"]), "{}", list.escape_ascii());
    let small_as = if liking.refuses_plain() { &*made_as } else { "identity" };
    assert_eq!(coding(&small), small_as);
    assert_eq!(file_as, liking.best(&["br", "gzip"]), "{}", list.escape_ascii());
}

fn coding(answer: &Answer) -> String {
    assert_eq!(answer.header("vary"), Some("accept-encoding"));
    answer.header("content-encoding").unwrap_or("identity").to_owned()
}

fn decoded(answer: &Answer) -> String {
    let mut text = String::new();
    let mut body = &answer.body[..];
    let read = match answer.header("content-encoding") {
        Some(_) => GzDecoder::new(body).read_to_string(&mut text),
        None => body.read_to_string(&mut text),
    };
    read.expect("a text");
    text
}

/// What a client says of the codings that there are, in thousandths.
#[derive(Debug, Default)]
struct Liking {
    named: Vec<(String, u32)>,
}

impl Liking {
    /// `None` for what is no such list, or says two things of one coding.
    fn read(list: &[u8]) -> Option<Liking> {
        let mut liking = Liking::default();
        for element in list.split(|byte| *byte == b',').map(trimmed) {
            if element.is_empty() {
                continue;
            }
            let (name, weight) = read_element(std::str::from_utf8(element).ok()?)?;
            if liking.named.iter().any(|(known, _)| *known == name) {
                return None;
            }
            liking.named.push((name, weight));
        }
        Some(liking)
    }

    fn of(&self, name: &str) -> Option<u32> {
        let named = self.named.iter().find(|(known, _)| known == name);
        named.map(|(_, weight)| *weight)
    }

    fn refuses_plain(&self) -> bool {
        self.of("identity").or_else(|| self.of("*")) == Some(0)
    }

    /// The one that is liked best; of equals the first, and plain at last.
    fn best<'a>(&self, codings: &[&'a str]) -> &'a str {
        let plain = self.of("identity").unwrap_or(0);
        let mut best = ("identity", plain.max(1));
        for coding in codings.iter().rev() {
            let weight = self.of(coding).or_else(|| self.of("*")).unwrap_or(0);
            if weight >= best.1 {
                best = (coding, weight);
            }
        }
        best.0
    }
}

/// `gzip;q=0.5`, its name in lower case and the one that is used today.
fn read_element(element: &str) -> Option<(String, u32)> {
    let (name, weight) = match element.split_once(';') {
        None => (element, 1000),
        Some((name, weight)) => (
            name.trim_end_matches([' ', '\t']),
            read_weight(weight.trim_start_matches([' ', '\t']))?,
        ),
    };
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let name = name.to_ascii_lowercase();
    let name = if name == "x-gzip" { "gzip".to_owned() } else { name };
    (!name.is_empty() && name.bytes().all(is_token)).then_some((name, weight))
}

/// 12.4.2; what is none allows nothing, and what has more parameters behind it
/// is no weight.
fn read_weight(weight: &str) -> Option<u32> {
    let value = weight.strip_prefix("q=").or_else(|| weight.strip_prefix("Q="))?;
    if value.contains(';') {
        return None;
    }
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let digits = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 3;
    let thousandths = format!("{part:0<3}").parse::<u32>().ok().filter(|_| digits);
    Some(match (whole, thousandths) {
        ("0", Some(thousandths)) => thousandths,
        ("1", Some(0)) => 1000,
        _ => 0,
    })
}
