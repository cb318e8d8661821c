//! Cookies, as they come and go.

use greenserve::http::{self, Cookie, Request, Response, SameSite};

use super::client::{ask, start};

#[test]
fn cookies_come_in_their_order() {
    let server = start(|request: &mut Request<'_>, response: &mut Response<'_>| {
        let all: Vec<_> = request.cookies().map(|cookie| cookie.to_string()).collect();
        let one = request.cookie("a");
        response.send(format!("{} {one:?}", all.join("|")))
    });
    for (headers, wanted) in [
        (vec![], " None"),
        (vec!["Cookie: a=1; b=2; a=3"], "a=1|b=2|a=3 Some(\"1\")"),
        (vec!["Cookie: b=2", "Cookie: a=1"], "b=2|a=1 Some(\"1\")"),
        (vec!["Cookie: nonsense; =x; A=1;; a=%20"], "A=1|a=%20 Some(\"%20\")"),
        (vec!["Cookie: theme=\u{e4}; a=1"], "theme=\u{e4}|a=1 Some(\"1\")"),
    ] {
        assert_eq!(ask(&server, "GET /", &headers).text(), wanted, "{headers:?}");
    }
}

#[test]
fn cookies_are_set_beside_each_other() {
    let server = start(|_: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
        let session = Cookie::build(("session", "abc")).path("/").http_only(true);
        response.set_cookie(&session.secure(true).same_site(SameSite::Lax).into())?;
        response.remove_cookie(&Cookie::build("old").path("/x").into())?;
        response.send("set")
    });
    let answer = ask(&server, "GET /", &[]);
    let set = answer.header("set-cookie");
    assert!(
        set.starts_with("session=abc; HttpOnly; SameSite=Lax; Secure; Path=/, old=; Path=/x; Max-Age=0"),
        "{set}"
    );
}

#[test]
fn a_value_that_would_say_more_is_refused() {
    let server = start(
        |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
            let value = request.query().unwrap_or_default().replace("%3B", ";");
            response.set_cookie(&Cookie::new("a", value))?;
            response.send("set")
        },
    );
    assert_eq!(ask(&server, "GET /?b", &[]).header("set-cookie"), "a=b");
    let refused = ask(&server, "GET /?b%3Bdomain=evil", &[]);
    assert_eq!((refused.status, refused.header("set-cookie")), (500, "-"));
}
