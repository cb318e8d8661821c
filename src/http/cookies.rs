//! Cookies, by the feature `cookies`: RFC 6265.

use ::cookie::Cookie;
use ::http::HeaderValue;
use ::http::header::{COOKIE, SET_COOKIE};

use super::byte_set::TOKEN;
use super::request::Request;
use super::response::Response;
use crate::handler::Failure;

impl Request<'_> {
    /// What the client sends as cookies, in its order; what is none, or is not
    /// UTF-8, is left out alone. Values are as the client wrote them.
    pub fn cookies(&self) -> impl Iterator<Item = Cookie<'_>> {
        // Without a map as long as there are none.
        let lines = self.head.value(COOKIE.as_str()).map(|_| self.headers().get_all(COOKIE));
        let lines = lines.into_iter().flatten();
        lines
            .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
            .filter_map(read)
    }

    /// The value of the first cookie of that name, which is as it was set and
    /// told apart from others by upper and lower case.
    ///
    /// ```
    /// use greenserve::http::{self, Cookie, Request, Response, SameSite};
    ///
    /// fn visits(request: &mut Request, response: &mut Response) -> http::Result {
    ///     let before = request.cookie("visits").and_then(|value| value.parse().ok()).unwrap_or(0_u32);
    ///     let visits = before.saturating_add(1);
    ///     let cookie = Cookie::build(("visits", visits.to_string())).path("/").http_only(true).same_site(SameSite::Lax);
    ///     response.set_cookie(&cookie.into())?;
    ///     response.send(format!("visit {visits}\n"))
    /// }
    /// # let _ = http::serve(visits);
    /// ```
    pub fn cookie(&self, name: &str) -> Option<String> {
        let mut cookies = self.cookies();
        let found = cookies.find(|cookie| cookie.name() == name);
        found.map(|cookie| cookie.value().to_owned())
    }
}

impl<'a> Response<'a> {
    /// Has the client keep a cookie, beside others that were set.
    ///
    /// What it says is sent and nothing else: without `http_only`, `secure` and
    /// `same_site` scripts can read it, it goes in the clear, and other sites
    /// have it sent.
    ///
    /// # Errors
    /// When the name, the value, the path or the domain has what cannot stand
    /// there (a semicolon, a space or a comma in the value, a quote, anything
    /// but ASCII), which would become another cookie or attribute; the error
    /// names it. Encode such values, as base64 for one. Also when the head is
    /// on its way already.
    pub fn set_cookie(&mut self, cookie: &Cookie<'_>) -> Result<&mut Response<'a>, Failure> {
        if self.has_begun() {
            return Err("the answer's head is on its way already, so no cookie can be set".into());
        }
        check(cookie)?;
        let line = HeaderValue::from_str(&cookie.to_string())?;
        self.headers_mut().append(SET_COOKIE, line);
        Ok(self)
    }

    /// Has the client forget a cookie; `path` and `domain` must be those that
    /// it was set with.
    ///
    /// # Errors
    /// As [`set_cookie`](Response::set_cookie).
    pub fn remove_cookie(&mut self, cookie: &Cookie<'_>) -> Result<&mut Response<'a>, Failure> {
        let mut gone = cookie.clone().into_owned();
        gone.make_removal();
        self.set_cookie(&gone)
    }
}

/// One cookie of a line: other sites below the same domain, and scripts, set
/// what they like beside it.
fn read(pair: &[u8]) -> Option<Cookie<'_>> {
    let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
    let [name, value] = [name, value].map(|text| text.trim_matches([' ', '\t']));
    (!name.is_empty()).then(|| Cookie::new(name, value))
}

/// The grammar of RFC 6265, 4.1.1, which the crate leaves to its user.
fn check(cookie: &Cookie<'_>) -> Result<(), Failure> {
    let bad = |what: &str, value: &str| -> Result<(), Failure> {
        Err(format!(
            "the {what} of the cookie {:?} cannot be {value:?}: encode it first",
            cookie.name()
        )
        .into())
    };
    let name = cookie.name();
    if name.is_empty() || !TOKEN.has_all(name.as_bytes()) {
        return bad("name", name);
    }
    let value = cookie.value();
    if !value.bytes().all(is_octet) {
        return bad("value", value);
    }
    for (what, value) in [("path", cookie.path()), ("domain", cookie.domain())] {
        if let Some(value) = value
            && !value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';')
        {
            return bad(what, value);
        }
    }
    Ok(())
}

/// `cookie-octet`.
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_by_itself() {
        let pair = |bytes: &[u8]| read(bytes).map(|it| (it.name().to_owned(), it.value().to_owned()));
        let cookie = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(pair(b" a = b=c\t"), cookie("a", "b=c"));
        assert_eq!(pair(b"a="), cookie("a", ""));
        assert_eq!(pair("a=\u{e4}\u{3000}".as_bytes()), cookie("a", "\u{e4}\u{3000}"));
        for none in [&b""[..], b"a", b"=b", b" \t=b", b"a=\xe4", b"\xe4=a"] {
            assert_eq!(pair(none), None, "{}", none.escape_ascii());
        }
    }

    #[test]
    fn what_would_be_another_cookie_is_refused() {
        for (name, value) in [("a", "b"), ("__Host-a", "b=c"), ("a", ""), ("a", "%20-_~(){}[]<>@:?/")] {
            assert!(check(&Cookie::new(name, value)).is_ok(), "{name}={value}");
        }
        for (name, value) in [("", "b"), ("a=b", "c"), ("a b", "c"), ("a;", "c"), ("\u{e4}", "c")] {
            assert!(check(&Cookie::new(name, value)).is_err(), "{name}={value}");
        }
        for value in ["a; Domain=b", "a,b", "a b", "\"a\"", "a\\", "a\r\nb", "\u{e4}", "\0"] {
            let err = check(&Cookie::new("a", value)).unwrap_err().to_string();
            assert!(err.contains(&format!("{value:?}")), "{err}");
            if value.contains([';', '\r', '\0']) {
                assert!(check(&Cookie::build(("a", "b")).path(value).into()).is_err());
                assert!(check(&Cookie::build(("a", "b")).domain(value).into()).is_err());
            }
        }
    }
}
