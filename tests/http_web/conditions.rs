//! Conditions of requests: RFC 9110, 13.

use std::fs;

use greenserve::http::Files;

use super::client::{Client, DATE, ask, folder, start};

const TAG: &str = "\"de0b6b3a7640000-6\"";

#[test]
fn who_has_the_version_is_told_so() {
    let folder = folder(&[("a.txt", b"012345")]);
    let server = start(Files::new(folder.path()).unwrap());
    let mut client = Client::of(&server);
    let tag = |name: &str| format!("{name}: {TAG}");
    let date = |name: &str| format!("{name}: {DATE}");
    let later = "Sun, 09 Sep 2001 01:46:41 GMT";
    let earlier = "Sun, 09 Sep 2001 01:46:39 GMT";
    for (headers, status) in [
        (vec![tag("If-None-Match")], 304),
        (vec!["If-None-Match: \"x\"".to_owned(), tag("if-none-match")], 304),
        (vec![format!("If-None-Match: W/{TAG}")], 304),
        (vec!["If-None-Match: *".to_owned()], 304),
        (vec!["If-None-Match: \"x\"".to_owned()], 200),
        (vec!["If-None-Match: \"x\"".to_owned(), date("If-Modified-Since")], 200),
        (vec![date("If-Modified-Since")], 304),
        (vec![format!("If-Modified-Since: {later}")], 304),
        (vec![format!("If-Modified-Since: {earlier}")], 200),
        (vec!["If-Modified-Since: yesterday".to_owned()], 200),
        (vec![tag("If-Match")], 200),
        (vec!["If-Match: *".to_owned()], 200),
        (vec!["If-Match: \"x\"".to_owned()], 412),
        (vec![format!("If-Match: W/{TAG}")], 412),
        (vec![tag("If-Match"), format!("If-Unmodified-Since: {earlier}")], 200),
        (vec![date("If-Unmodified-Since")], 200),
        (vec![format!("If-Unmodified-Since: {earlier}")], 412),
        (vec![tag("If-Match"), tag("If-None-Match")], 304),
        (vec!["If-Match: \"x\"".to_owned(), tag("If-None-Match")], 412),
        (vec![tag("If-None-Match"), "Range: bytes=0-1".to_owned()], 304),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        for method in ["GET", "HEAD"] {
            let answer = client.ask(&format!("{method} /a.txt"), &headers);
            assert_eq!(answer.status, status, "{method} {headers:?}");
            if status == 304 {
                assert_eq!((answer.header("etag"), answer.header("last-modified")), (TAG, DATE));
                assert_eq!(answer.header("content-type"), "-");
            }
        }
    }
}

/// Tags may have more than ASCII in them: RFC 9110, 8.8.3.
#[test]
fn a_condition_that_is_not_ascii_is_a_condition() {
    let folder = folder(&[("a.txt", b"012345")]);
    let server = start(Files::new(folder.path()).unwrap());
    let mut client = Client::of(&server);
    let both = format!("\"\u{e4}\", {TAG}");
    for (headers, status) in [
        (vec!["If-Match: \"\u{e4}\"".to_owned()], 412),
        (vec![format!("If-Match: {both}")], 200),
        (vec!["If-None-Match: \"\u{e4}\"".to_owned()], 200),
        (vec![format!("If-None-Match: {both}")], 304),
        (
            vec!["If-None-Match: \"\u{e4}\"".to_owned(), format!("If-None-Match: {TAG}")],
            304,
        ),
        // A part would be put behind parts of another version.
        (
            vec!["If-Range: \"\u{e4}\"".to_owned(), "Range: bytes=0-1".to_owned()],
            200,
        ),
        (vec!["If-Modified-Since: \u{e4}".to_owned()], 200),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        assert_eq!(client.ask("GET /a.txt", &headers).status, status, "{headers:?}");
    }
}

#[test]
fn a_file_that_was_just_written_has_no_strong_tag() {
    let folder = folder(&[]);
    let server = start(Files::new(folder.path()).unwrap());
    fs::write(folder.path().join("a"), "a").unwrap();
    let tag = ask(&server, "GET /a", &[]).header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(ask(&server, "GET /a", &[&format!("If-None-Match: {tag}")]).status, 304);
    let part = ask(&server, "GET /a", &["Range: bytes=0-0", &format!("If-Range: {tag}")]);
    assert_eq!(part.status, 200);
}
