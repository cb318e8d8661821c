//! The four forms of a request's target: RFC 9112, 3.2.

use std::net::Ipv6Addr;
use std::ops::Range;
use std::str;

use ::http::Method;

use super::byte_set::ByteSet;
use super::refusal::Refusal;

/// Of a path as browsers send it, which is a little more than RFC 3986 allows;
/// [`http::Uri`](::http::Uri) takes all of it.
static PATH: ByteSet = ByteSet::GRAPHIC.without(b"#<>?^`\\\"");
/// Likewise.
static QUERY: ByteSet = ByteSet::GRAPHIC.without(b"#<>\"");
/// Of a name that is a host: RFC 3986, 3.2.2.
static NAME: ByteSet = ByteSet::ALPHANUMERIC.with(b"-._~!$&'()*+,;=");

/// What a target consists of, as ranges in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Target {
    /// Of the absolute and the authority form.
    pub(super) authority: Option<Range<usize>>,
    /// Empty for an absolute form without a path, and for the authority form.
    pub(super) path: Range<usize>,
    pub(super) query: Option<Range<usize>>,
}

impl Target {
    pub(super) fn parse(method: &Method, text: &str) -> Result<Target, Refusal> {
        if *method == Method::CONNECT {
            return authority_form(text);
        }
        match text.as_bytes().first() {
            Some(b'/') => from_path(text, 0),
            Some(b'*') if text == "*" && *method == Method::OPTIONS => Ok(Target {
                path: 0..1,
                ..Target::default()
            }),
            _ => absolute_form(text),
        }
    }
}

fn authority_form(text: &str) -> Result<Target, Refusal> {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    if !is_authority(text.as_bytes()) || port.is_none_or(str::is_empty) {
        return Err(Refusal::bad_request("the target of CONNECT is no HOST:PORT"));
    }
    Ok(Target {
        authority: Some(0..text.len()),
        path: text.len()..text.len(),
        query: None,
    })
}

fn absolute_form(text: &str) -> Result<Target, Refusal> {
    let begin = ["http://", "https://"]
        .into_iter()
        .find(|scheme| {
            text.get(..scheme.len())
                .is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
        })
        .ok_or_else(|| Refusal::bad_request("the target is no path and no http URI"))?
        .len();
    let end = text[begin..].find(['/', '?']).map_or(text.len(), |at| begin + at);
    if begin == end || !is_authority(&text.as_bytes()[begin..end]) {
        return Err(Refusal::bad_request("the target's host cannot be one"));
    }
    Ok(Target {
        authority: Some(begin..end),
        ..from_path(text, end)?
    })
}

fn from_path(text: &str, begin: usize) -> Result<Target, Refusal> {
    let bytes = text.as_bytes();
    let end = begin + PATH.leading(&bytes[begin..]);
    let query = match &bytes[end..] {
        [] => None,
        [b'?', query @ ..] if QUERY.has_all(query) => Some(end + 1..text.len()),
        rest if rest.contains(&b'#') => return Err(Refusal::bad_request("the target has a fragment")),
        _ => return Err(Refusal::bad_request("the target has a byte that must be escaped")),
    };
    Ok(Target {
        authority: None,
        path: begin..end,
        query,
    })
}

/// `HOST` or `HOST:PORT` of RFC 3986 without user information and escapes, which
/// no name in the DNS has: what a `Host` may say.
pub(super) fn is_authority(text: &[u8]) -> bool {
    let (host, port) = match text.first() {
        Some(b'[') => text.split_at(text.iter().rposition(|byte| *byte == b']').map_or(0, |at| at + 1)),
        _ => text.split_at(NAME.leading(text)),
    };
    let host_is_good = match host {
        [b'[', inside @ .., b']'] => str::from_utf8(inside).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok()),
        _ => !host.is_empty() || text.is_empty(),
    };
    let port_is_good = match port {
        [] => true,
        [b':', digits @ ..] => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    host_is_good && port_is_good
}

#[cfg(test)]
mod tests {
    use ::http::Uri;
    use ::http::uri::Authority;
    use proptest::prelude::*;

    use super::*;

    fn parts(method: &Method, text: &str) -> Option<(String, String, String)> {
        let target = Target::parse(method, text).ok()?;
        let of = |range: Option<Range<usize>>| range.map(|range| text[range].to_owned()).unwrap_or_default();
        Some((of(target.authority), of(Some(target.path)), of(target.query)))
    }

    fn are(authority: &str, path: &str, query: &str) -> Option<(String, String, String)> {
        Some((authority.to_owned(), path.to_owned(), query.to_owned()))
    }

    #[test]
    fn the_four_forms() {
        assert_eq!(parts(&Method::GET, "/a/b?c=d?e"), are("", "/a/b", "c=d?e"));
        assert_eq!(parts(&Method::GET, "//a"), are("", "//a", ""));
        assert_eq!(parts(&Method::GET, "http://h:80/a?b"), are("h:80", "/a", "b"));
        assert_eq!(parts(&Method::GET, "HTTP://h?b"), are("h", "", "b"));
        assert_eq!(parts(&Method::OPTIONS, "*"), are("", "*", ""));
        assert_eq!(parts(&Method::CONNECT, "[::1]:443"), are("[::1]:443", "", ""));
    }

    #[test]
    fn what_is_none_of_them() {
        for text in [
            "",
            "*",
            "a",
            "http://",
            "http:///a",
            "ftp://h/",
            "http://u@h/",
            "/a#b",
            "/a\"",
            "/\u{e4}",
        ] {
            assert_eq!(parts(&Method::GET, text), None, "{text}");
        }
        for text in ["/", "h", "h:", ":80", "http://h:80", "h:80/"] {
            assert_eq!(parts(&Method::CONNECT, text), None, "{text}");
        }
    }

    #[test]
    fn hosts() {
        for good in ["", "a", "a.b:80", "1.2.3.4", "[::1]", "[::1]:8080", "a_b", "a:"] {
            assert!(is_authority(good.as_bytes()), "{good}");
        }
        for bad in [
            ":80", "a:b", "a:80:80", "[::1", "::1", "a b", "u@h", "a/", "a%41", "[a]", "a:123456",
        ] {
            assert!(!is_authority(bad.as_bytes()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_an_uri_with_the_same_parts(
            text in "(/|http://[a-z0-9.:]{1,9}|[*a])[ -~]{0,20}",
            connect in any::<bool>(),
        ) {
            let method = if connect { Method::CONNECT } else { Method::GET };
            let Ok(target) = Target::parse(&method, &text) else { return Ok(()) };
            let uri: Uri = text.parse().map_err(|err| TestCaseError::fail(format!("{text}: {err}")))?;
            prop_assert_eq!(uri.query(), target.query.map(|range| &text[range]));
            prop_assert_eq!(uri.authority().map(Authority::as_str), target.authority.map(|range| &text[range]));
            let path = &text[target.path];
            prop_assert!(uri.path() == path || path.is_empty());
        }
    }
}
