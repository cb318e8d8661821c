//! The four forms of a request's target: RFC 9112, 3.2.

use std::ops::Range;

use ::http::Method;

use super::refusal::Refusal;

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
        if text.contains('#') {
            return Err(Refusal::bad_request("the target has a fragment"));
        }
        if *method == Method::CONNECT {
            return authority_form(text);
        }
        let target = match text.as_bytes().first() {
            Some(b'/') => from_path(text, 0),
            Some(b'*') if text == "*" && *method == Method::OPTIONS => Target {
                path: 0..1,
                ..Target::default()
            },
            _ => absolute_form(text)?,
        };
        check_bytes(text, &target)?;
        Ok(target)
    }
}

fn authority_form(text: &str) -> Result<Target, Refusal> {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    if !is_authority(text) || port.is_none_or(str::is_empty) {
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
    if begin == end || !is_authority(&text[begin..end]) {
        return Err(Refusal::bad_request("the target's host cannot be one"));
    }
    Ok(Target {
        authority: Some(begin..end),
        ..from_path(text, end)
    })
}

fn from_path(text: &str, begin: usize) -> Target {
    let end = text[begin..].find('?').map(|at| begin + at);
    Target {
        authority: None,
        path: begin..end.unwrap_or(text.len()),
        query: end.map(|end| end + 1..text.len()),
    }
}

/// Paths and queries as browsers send them, which is a little more than RFC
/// 3986 allows; [`http::Uri`](::http::Uri) takes all of it.
fn check_bytes(text: &str, target: &Target) -> Result<(), Refusal> {
    let path = |byte: u8| byte.is_ascii_graphic() && !b"<>?^`\\\"".contains(&byte);
    let query = |byte: u8| byte.is_ascii_graphic() && !b"<>\"".contains(&byte);
    let in_query = target.query.clone().unwrap_or_default();
    let good = text[target.path.clone()].bytes().all(path) && text[in_query].bytes().all(query);
    match good {
        true => Ok(()),
        false => Err(Refusal::bad_request("the target has a byte that must be escaped")),
    }
}

/// `HOST` or `HOST:PORT` of RFC 3986 without user information and escapes, which
/// no name in the DNS has: what a `Host` may say.
pub(super) fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rfind([':', ']']) {
        Some(at) if text.as_bytes()[at] == b':' => (&text[..at], &text[at + 1..]),
        _ => (text, ""),
    };
    let port_is_good = port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= 5;
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let host_is_good = match literal {
        Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte)),
    };
    port_is_good && host_is_good && (!host.is_empty() || text.is_empty())
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
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            ":80", "a:b", "a:80:80", "[::1", "::1", "a b", "u@h", "a/", "a%41", "[a]", "a:123456",
        ] {
            assert!(!is_authority(bad), "{bad}");
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
