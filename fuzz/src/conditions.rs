//! The fuzz target of conditional requests, for the fuzzer and for a test.

use std::sync::OnceLock;

use greenserve::http::{self, Files};

use crate::answer::{Answer, is_value, trimmed};
use crate::ask::{Server, folder};
use crate::dates::{Date, read_date};

/// What one connection brings at most: it fits into a head.
const LONGEST: usize = 4 * 1024;

/// The lines of an input.
const NAMES: [&str; 6] = [
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
    "Range",
];

/// The file that is asked for, as it is told without conditions.
struct Version {
    etag: String,
    modified: String,
    time: i64,
}

fn answer(method: &str, headers: &[(&str, &[u8])]) -> Answer {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let files = Files::new(folder("root")).expect("a folder");
        Server::new(http::serve(files))
    });
    let mut request = format!("{method} /a HTTP/1.1\r\nHost: a\r\n").into_bytes();
    for (name, value) in headers {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    Answer::read(&server.ask(&request), method)
}

fn version() -> &'static Version {
    static VERSION: OnceLock<Version> = OnceLock::new();
    VERSION.get_or_init(|| {
        let plain = answer("GET", &[]);
        let [etag, modified] = ["etag", "last-modified"].map(|name| plain.header(name).expect("it").to_owned());
        let Date::At(time) = read_date(&modified) else {
            panic!("{modified}");
        };
        Version { etag, modified, time }
    })
}

/// A line for each condition, which is not there if its line is empty; `@` in it
/// is the tag of the file and `~` its date. The answer is the one that RFC 9110,
/// 13.2.2, asks for, by a second reader of conditions; and where a condition is
/// none by its grammar, the one that is asked for without it or as if it named
/// another file.
pub fn http_conditions(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let values: Vec<_> = bytes
        .split(|byte| *byte == b'\n')
        .take(NAMES.len())
        .map(filled)
        .collect();
    if values.iter().map(Vec::len).sum::<usize>() > 2 * LONGEST {
        return;
    }
    let headers: Vec<_> = NAMES
        .into_iter()
        .zip(values.iter().map(Vec::as_slice))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let (got, head) = (answer("GET", &headers), answer("HEAD", &headers));
    if !headers.iter().all(|(_, value)| is_value(value)) {
        return assert_eq!((got.status, head.status), (400, 400));
    }
    let value = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| trimmed(value))
    };
    let may_be = statuses(value);
    let verdict = if matches!(got.status, 206 | 416) {
        200
    } else {
        got.status
    };
    assert!(may_be.contains(&verdict), "{} where {may_be:?} may be", got.status);
    assert_eq!(head.status, verdict);
    for name in ["etag", "last-modified"] {
        assert_eq!(
            got.header(name),
            if got.status == 412 { None } else { head.header(name) }
        );
    }
    if verdict == 200 {
        check_range(&got, value("If-Range"), value("Range"));
    }
}

fn filled(line: &[u8]) -> Vec<u8> {
    let Version { etag, modified, .. } = version();
    let mut value = Vec::new();
    for byte in line {
        match byte {
            b'@' => value.extend(etag.as_bytes()),
            b'~' => value.extend(modified.as_bytes()),
            byte => value.push(*byte),
        }
    }
    value
}

/// Which of 200, 304 and 412 the conditions allow for.
fn statuses<'a>(value: impl Fn(&str) -> Option<&'a [u8]>) -> Vec<u16> {
    let time = version().time;
    let goes_on = match (value("If-Match"), value("If-Unmodified-Since")) {
        (Some(tags), _) => is_named(tags, false),
        (None, date) => is_true_of(date, |date| time <= date, true),
    };
    let is_known = match (value("If-None-Match"), value("If-Modified-Since")) {
        (Some(tags), _) => is_named(tags, true),
        (None, date) => is_true_of(date, |date| time <= date, false),
    };
    let (may_go_on, may_be_known) = (goes_on != Some(false), is_known != Some(false));
    let all = [
        (412, goes_on != Some(true)),
        (304, may_go_on && may_be_known),
        (200, may_go_on && is_known != Some(true)),
    ];
    all.into_iter()
        .filter(|(_, may_be)| *may_be)
        .map(|(status, _)| status)
        .collect()
}

/// `None` where the date can be read in two ways; what is no date is not there.
fn is_true_of(date: Option<&[u8]>, check: impl Fn(i64) -> bool, otherwise: bool) -> Option<bool> {
    match date.map(|date| read_date(&String::from_utf8_lossy(date))) {
        Some(Date::At(time)) => Some(check(time)),
        Some(Date::Unclear) => None,
        Some(Date::None) | None => Some(otherwise),
    }
}

/// Whether a list of tags names the file; `None` if it is no list and has the
/// tag in it all the same.
fn is_named(list: &[u8], weakly: bool) -> Option<bool> {
    let etag = version().etag.as_bytes();
    match read_tags(list) {
        _ if list == b"*" => Some(true),
        Some(tags) => Some(tags.iter().any(|(is_weak, tag)| *tag == etag && (weakly || !is_weak))),
        None if list.windows(etag.len()).any(|window| window == etag) => None,
        None => Some(false),
    }
}

/// Whether it is weak, and the rest with its quotes.
type Tag<'a> = (bool, &'a [u8]);

/// RFC 9110, 8.8.3 and 5.6.1.
fn read_tags(mut list: &[u8]) -> Option<Vec<Tag<'_>>> {
    let mut tags = Vec::new();
    loop {
        let (element, rest) = match list {
            [b' ' | b'\t' | b',', rest @ ..] => {
                list = rest;
                continue;
            }
            [] => return Some(tags),
            list => read_tag(list)?,
        };
        tags.push(element);
        list = trimmed(rest);
        if !list.is_empty() && !list.starts_with(b",") {
            return None;
        }
    }
}

fn read_tag(list: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let opaque = list.strip_prefix(b"W/").unwrap_or(list);
    let inner = opaque.strip_prefix(b"\"")?;
    let length = inner.iter().position(|byte| *byte == b'"')?;
    let is_clean = inner[..length].iter().all(|byte| matches!(byte, 0x21..=0x7e | 0x80..));
    let (tag, rest) = opaque.split_at(length + 2);
    is_clean.then_some(((opaque.len() < list.len(), tag), rest))
}

/// What is told of a part is what is told without `If-Range`, if that is the
/// file's; else it is all of the file.
fn check_range(got: &Answer, of: Option<&[u8]>, range: Option<&[u8]>) {
    let part = range.map(|range| answer("GET", &[("Range", range)]));
    let whole = answer("GET", &[]);
    let is_of_this = match of {
        None => Some(true),
        Some(tag) if tag == version().etag.as_bytes() => Some(true),
        Some(date) => is_true_of(Some(date), |date| date == version().time, false),
    };
    let is_as = |other: &Answer| {
        let told = |answer: &Answer| answer.header("content-range").map(str::to_owned);
        (got.status, got.body.len(), told(got)) == (other.status, other.body.len(), told(other))
    };
    match (part, is_of_this) {
        (Some(part), Some(true)) => assert!(is_as(&part)),
        (Some(part), None) => assert!(is_as(&part) || is_as(&whole)),
        (_, Some(false)) | (None, _) => assert!(is_as(&whole) && got.body == whole.body),
    }
}
