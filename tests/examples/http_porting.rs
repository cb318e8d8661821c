//! The programs of docs/PORTING-HTTP.md: what stands there is what runs, and
//! what runs answers as its original does.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Instant;

use crate::in_models;
use crate::program::{LIMIT, Program, connect};
use crate::tool::python_has;

/// A request, and what comes back: `STATUS BODY`, or `STATUS` where texts are
/// not the same; then headers that are there.
type Exchange = (&'static str, &'static str, &'static str, &'static [&'static str]);

#[cfg(feature = "json")]
const LINKS: &[Exchange] = &[
    (
        "POST /links",
        r#"{"url":"https://example.org/a?b"}"#,
        r#"201 {"key":"1"}"#,
        &["content-type: application/json", "x-content-type-options: nosniff"],
    ),
    (
        "GET /to/1",
        "",
        "302",
        &["location: https://example.org/a?b", "x-content-type-options: nosniff"],
    ),
    (
        "POST /links",
        r#"{"url":"ftp://example.org/"}"#,
        r#"422 {"error":"only http and https"}"#,
        &["content-type: application/json"],
    ),
    (
        "GET /to/9",
        "",
        r#"404 {"error":"no such link"}"#,
        &["content-type: application/json"],
    ),
    ("POST /links", "{", "400", &["content-type: application/json"]),
    ("GET /elsewhere", "", "404", &["x-content-type-options: nosniff"]),
];

const SHOUT: &[Exchange] = &[
    ("GET /", "", "200 send a text by POST\n", &["content-type: text/plain"]),
    (
        "POST /",
        "hello",
        "200 HELLO",
        &["content-type: text/plain", "content-length: 5"],
    ),
    ("POST /any", "", "200 ", &["content-length: 0"]),
    ("GET /any", "", "404", &[]),
    ("PUT /", "", "501", &[]),
];

const HELLO: &[Exchange] = &[
    (
        "GET /",
        "",
        "200 <b>hello</b>\n",
        &["content-type: text/html", "content-length: 13"],
    ),
    (
        "GET /count",
        "",
        "200 0\n1\n2\n",
        &["content-type: text/plain", "transfer-encoding: chunked"],
    ),
    ("GET /any", "", "404 <h1>Not Found</h1>\n", &["content-type: text/html"]),
];

/// Asks over a connection for this request alone; the head in small letters,
/// and the body.
fn ask(address: &str, request: &str, body: &str) -> (String, String) {
    let mut server = connect(address);
    let length = body.len();
    let text = format!("{request} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    server.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    server.read_to_string(&mut answer).unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{request}: {answer:?}"));
    let head = head.to_lowercase();
    match head.contains("transfer-encoding: chunked") {
        true => (head, joined(body)),
        false => (head, body.to_owned()),
    }
}

/// The chunks without their sizes.
fn joined(mut chunks: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.push_str(&rest[..size]);
        chunks = &rest[size + 2..];
    }
    body
}

fn answers(address: &str, exchanges: &[Exchange]) {
    for (request, body, wanted, headers) in exchanges {
        let (head, heard) = ask(address, request, body);
        let status = &head["http/1.1 ".len()..][..3];
        let (wanted, text) = wanted
            .split_once(' ')
            .map_or((*wanted, None), |(it, text)| (it, Some(text)));
        assert_eq!(status, wanted, "{request}: {head} {heard}");
        if let Some(text) = text {
            // Flask ends JSON with a line end.
            let heard = match head.contains("json") {
                true => heard.trim_end(),
                false => &heard,
            };
            assert_eq!(heard, text, "{request}");
        }
        for header in *headers {
            assert!(head.contains(header), "{request}, without {header}: {head}");
        }
    }
}

#[cfg(feature = "json")]
in_models!(flask_links, "flask_links", [coroutine, thread], |address| answers(
    address, LINKS
));
in_models!(
    http_server_shout,
    "http_server_shout",
    [coroutine, thread, fork, inline],
    |address| answers(address, SHOUT)
);
in_models!(
    pywsgi_hello,
    "pywsgi_hello",
    [coroutine, thread, fork, inline],
    |address| answers(address, HELLO)
);

/// The block in that language below the heading that names the program.
fn block(program: &str, language: &str) -> String {
    let document = std::fs::read_to_string("docs/PORTING-HTTP.md").unwrap();
    let section = document.split("\n## ").find(|section| {
        let heading = section.lines().next().unwrap();
        heading.ends_with(&format!(": `{program}`"))
    });
    let section = section.unwrap_or_else(|| panic!("there is no heading for {program}"));
    let (_, rest) = section.split_once(&format!("\n```{language}")).unwrap();
    let (_, code) = rest.split_once('\n').unwrap();
    code.split_once("\n```").unwrap().0.to_owned()
}

/// What stands between the imports and `main`.
fn core(text: &str) -> &str {
    let begin = text.rfind("\nuse ").unwrap() + 1;
    let begin = begin + text[begin..].find(";\n").unwrap() + 2;
    let end = text.find("fn main()").unwrap();
    text[begin..end].trim()
}

#[test]
fn what_the_document_shows_is_what_runs() {
    for program in ["flask_links", "http_server_shout", "pywsgi_hello"] {
        let example = std::fs::read_to_string(format!("examples/{program}.rs")).unwrap();
        assert_eq!(core(&block(program, "rust")), core(&example), "{program}");
    }
}

fn original_answers(program: &str, modules: &str, exchanges: &[Exchange]) {
    if !python_has(modules) {
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let text = block(program, "python");
    let begin = text.rfind("(\"127.0.0.1\", 80").unwrap();
    let end = begin + text[begin..].find(')').unwrap();
    let text = format!("{}(\"127.0.0.1\", {}{}", &text[..begin], free.port(), &text[end..]);
    let original = Program::run(Command::new("python3").args(["-c", &text]));
    let begin = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(begin.elapsed() < LIMIT, "it does not listen");
        // Only how often to look.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    answers(&free.to_string(), exchanges);
    drop(original);
}

#[test]
fn the_original_of_http_server_answers_alike() {
    original_answers("http_server_shout", "http.server", SHOUT);
}

#[test]
fn the_original_on_pywsgi_answers_alike() {
    original_answers("pywsgi_hello", "gevent", HELLO);
}

#[cfg(feature = "json")]
#[test]
fn the_original_of_flask_answers_alike() {
    original_answers("flask_links", "flask, gevent", LINKS);
}
