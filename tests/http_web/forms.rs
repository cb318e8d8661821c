//! Forms, in one part and in several.

use std::io::Read;

use greenserve::http::{self, PartLimits, Parts, Request, Response};
use greenserve::{Coroutine, Model, Thread};

use super::client::{Client, start, start_in};

const PLAIN: &str = "Content-Type: application/x-www-form-urlencoded; charset=utf-8";
const MULTI: &str = "Content-Type: multipart/form-data; boundary=\"b\"";

fn part(head: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

#[test]
fn fields_are_decoded() {
    let server = start(
        |request: &mut Request<'_>, response: &mut Response<'_>| -> http::Result {
            let query = request.query_form()?;
            let form = request.form(5_000)?;
            let all: Vec<_> = form.all("a").collect();
            response.send(format!("{:?} {all:?} {}", query.get("q"), form.iter().count()))
        },
    );
    let mut client = Client::of(&server);
    let said = client.send("POST /?q=1%262", &[PLAIN], b"a=1&b&a=%C3%A4+%26&=x");
    assert_eq!(said.text(), "Some(\"1&2\") [\"1\", \"\u{e4} &\"] 4");
    assert_eq!(client.send("POST /", &["Content-Type: text/plain"], b"a=1").status, 415);
    assert_eq!(
        client.send("POST /", &[PLAIN], "&a".repeat(1_000).as_bytes()).status,
        200
    );
    assert_eq!(
        client.send("POST /", &[PLAIN], "&a".repeat(1_001).as_bytes()).status,
        413
    );
    assert_eq!(Client::of(&server).send("POST /", &[PLAIN], &[b'a'; 5_001]).status, 413);
}

/// Tells each part as `NAME FILE TYPE SIZE`, and the first one's text.
fn tell(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    let limits = PartLimits::new().parts(3).part_bytes(100_000);
    let mut parts = Parts::with_limits(request, limits)?;
    let mut said = String::new();
    while let Some(mut part) = parts.next()? {
        let (name, file, kind) = (part.name(), part.file_name(), part.content_type());
        said += &format!(
            "{} {} {} ",
            name.unwrap_or("-"),
            file.unwrap_or("-"),
            kind.unwrap_or("-")
        );
        match part.name() {
            // Left unread.
            Some("skipped") => said += "?\n",
            Some("text") => said += &format!("{}\n", part.text(10)?),
            _ => {
                let mut content = Vec::new();
                part.read_to_end(&mut content)?;
                said += &format!("{}\n", content.len());
            }
        }
    }
    response.send(said)
}

fn reads_parts<M: Model>(model: M) {
    let server = start_in(model, tell);
    let mut client = Client::of(&server);
    let large = "0123456789\r\n--".repeat(5_000);
    let form = [
        "what comes before\r\n".to_owned(),
        part("name=\"text\"", "a\r\n-- b"),
        part("name=\"skipped\"", &large),
        part(
            "name=\"file\"; filename=\"../x.txt\"\r\nContent-Type: text/plain",
            &large,
        ),
        "--b--\r\nwhat comes behind".to_owned(),
    ];
    let answer = client.send("POST /", &[MULTI], form.concat().as_bytes());
    assert_eq!(
        answer.text(),
        format!(
            "text - - a\r\n-- b\nskipped - - ?\nfile ../x.txt text/plain {}\n",
            large.len()
        )
    );
    // The connection goes on behind it.
    assert_eq!(client.send("POST /", &[MULTI], b"--b--").text(), "");
}

#[test]
fn parts_are_read_in_every_model() {
    reads_parts(Coroutine::new());
    reads_parts(Thread::new());
}

#[test]
fn limits_are_told() {
    let server = start(tell);
    let ask = |form: String| Client::of(&server).send("POST /", &[MULTI], form.as_bytes());
    let end = "--b--";
    let many = ask(part("name=\"a\"", "").repeat(4) + end);
    assert_eq!(
        (many.status, many.text().as_str()),
        (413, "the form has more than 3 parts\n")
    );
    let large = ask(part("name=\"a\"", &"x".repeat(100_001)) + end);
    assert_eq!(large.status, 413);
    assert!(
        large.text().contains("\"a\" has more than 100000 bytes"),
        "{}",
        large.text()
    );
    let skipped = ask(part("name=\"skipped\"", &"x".repeat(100_001)) + end);
    assert_eq!(skipped.status, 413);
    let long = ask(part("name=\"text\"", "01234567890") + end);
    assert_eq!(
        (long.status, long.text().as_str()),
        (413, "the field \"text\" has more than 10 bytes\n")
    );
    assert_eq!(ask(part("name=\"text\"", "0123456789") + end).status, 200);
    let head = ask(part(&format!("name=\"a\"\r\nX: {}", "x".repeat(50_000)), "") + end);
    assert_eq!(head.status, 431);
    assert_eq!(ask("x".repeat(50_000)).status, 431);
}

#[test]
fn what_is_no_form_is_refused() {
    let server = start(tell);
    let ask = |kind: &str, form: &str| Client::of(&server).send("POST /", &[kind], form.as_bytes()).status;
    let whole = part("name=\"a\"", "1");
    for bad in [
        "",
        "--b",
        "--c--",
        &whole,
        "--b\r\nno header\r\n\r\n\r\n--b--",
        "--bx\r\n\r\n\r\n--b--",
    ] {
        assert_eq!(ask(MULTI, bad), 400, "{bad:?}");
    }
    for kind in ["Content-Type: text/plain", "Content-Type: multipart/form-data", "X: y"] {
        assert_eq!(ask(kind, &whole), 415, "{kind}");
    }
    let long = format!("Content-Type: multipart/form-data; boundary={}", "b".repeat(71));
    assert_eq!(ask(&long, &whole), 400);
}
