//! The examples that speak HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::in_models;
use crate::program::{LIMIT, connect};

/// The status and the body of an answer with a size.
fn answer(server: &mut BufReader<TcpStream>) -> (u16, Vec<u8>) {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        server.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    server.read_exact(&mut body).unwrap();
    (status, body)
}

pub(crate) fn ask(server: &mut BufReader<TcpStream>, request: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let head = format!(
        "{request} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    server.get_mut().write_all(&[head.as_bytes(), body].concat()).unwrap();
    answer(server)
}

in_models!(http_hello, "http_hello", [coroutine, thread, fork, inline], |address| {
    let mut server = BufReader::new(connect(address));
    for path in ["/", "/again"] {
        let (status, body) = ask(&mut server, &format!("GET {path}"), b"");
        assert_eq!((status, &body[..]), (200, &b"Hello, world!"[..]));
    }
    let large = "0123456789abcdef".repeat(4096).into_bytes();
    assert_eq!(ask(&mut server, "GET /64k", b""), (200, large));
});

in_models!(http_echo, "http_echo", [coroutine, thread, fork, inline], |address| {
    let mut server = BufReader::new(connect(address));
    for (request, body) in [("POST /", &b"hello"[..]), ("BREW /pot", b""), ("PUT /a", b"again")] {
        assert_eq!(ask(&mut server, request, body), (200, body.to_vec()));
    }
    // One client at a time, inline.
    drop(server);
    let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut server = BufReader::new(connect(address));
    let head = format!("POST / HTTP/1.0\r\nContent-Length: {}\r\n\r\n", long.len());
    server.get_mut().write_all(head.as_bytes()).unwrap();
    let mut sender = server.get_ref().try_clone().unwrap();
    let heard = std::thread::scope(|scope| {
        scope.spawn(|| sender.write_all(&long).unwrap());
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).unwrap();
        heard
    });
    assert!(heard.ends_with(&long), "another body came back");
});

// The library's own folder: every model is started in it.
in_models!(
    static_files,
    "static_files",
    [coroutine, thread, fork, inline],
    |address| {
        let mut server = BufReader::new(connect(address));
        let manifest = std::fs::read("Cargo.toml").unwrap();
        assert_eq!(ask(&mut server, "GET /Cargo.toml", b""), (200, manifest.clone()));
        assert_eq!(ask(&mut server, "GET /docs/../Cargo.toml", b"").0, 404);
        drop(server);
        let mut server = connect(address);
        let request = b"GET /Cargo.toml HTTP/1.1\r\nHost: a\r\nRange: bytes=-7\r\nConnection: close\r\n\r\n";
        server.write_all(request).unwrap();
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).unwrap();
        assert!(heard.starts_with(b"HTTP/1.1 206 ") && heard.ends_with(&manifest[manifest.len() - 7..]));
    }
);

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let refused = crate::program::Program::start("static_files", &["--root", "/nowhere"]).ended();
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    assert!(
        refused.errors.contains("/nowhere") && refused.errors.contains("name a folder"),
        "{refused:?}"
    );
}

in_models!(sse, "sse", [coroutine, thread], |address| {
    let mut listener = BufReader::new(connect(address));
    listener
        .get_mut()
        .write_all(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut hears = |wanted: &str| {
        let mut line = String::new();
        while line.trim_end() != wanted {
            line.clear();
            assert!(listener.read_line(&mut line).unwrap() > 0, "no {wanted:?}");
        }
    };
    hears("content-type: text/event-stream");
    hears("");
    let mut speaker = BufReader::new(connect(address));
    let told = ask(&mut speaker, "POST /say", b"hello\nall");
    assert_eq!(told, (200, b"1 listening\n".to_vec()));
    for line in ["id: 1", "data: hello", "data: all", ""] {
        hears(line);
    }
    let (status, page) = ask(&mut speaker, "GET /", b"");
    assert!(status == 200 && page.starts_with(b"<!doctype html>"));
});

#[cfg(feature = "json")]
in_models!(http_api, "http_api", [coroutine, thread], |address| {
    let mut server = BufReader::new(connect(address));
    let mut asks = |request: &str, body: &str| {
        let (status, body) = ask(&mut server, request, body.as_bytes());
        format!("{status} {}", String::from_utf8(body).unwrap())
    };
    assert_eq!(asks("GET /notes", ""), "200 []");
    assert_eq!(
        asks("POST /notes", r#"{"text":"milk"}"#),
        r#"201 {"number":1,"text":"milk"}"#
    );
    assert_eq!(
        asks("PUT /notes/1", r#"{"text":"a \"b\""}"#),
        r#"200 {"number":1,"text":"a \"b\""}"#
    );
    assert_eq!(asks("GET /notes/1", ""), r#"200 {"number":1,"text":"a \"b\""}"#);
    assert_eq!(
        asks("POST /notes", r#"{"text":""}"#),
        r#"422 {"error":"a note has a text"}"#
    );
    assert!(asks("POST /notes", "{").starts_with(r#"400 {"error":"the body is not the JSON"#));
    assert_eq!(asks("GET /notes/x", ""), r#"404 {"error":"there is no such note"}"#);
    assert_eq!(asks("GET /elsewhere", ""), r#"404 {"error":"there is nothing here"}"#);
    assert_eq!(
        asks("DELETE /notes", ""),
        r#"405 {"error":"this method is not allowed here"}"#
    );
    assert_eq!(asks("DELETE /notes/1", ""), "204 ");
    assert_eq!(asks("DELETE /notes/1", ""), r#"404 {"error":"there is no such note"}"#);
});

#[cfg(feature = "json")]
#[test]
fn notes_are_there_after_a_restart() {
    use crate::program::Program;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.sqlite");
    let file = file.to_str().unwrap();
    for wanted in ["[]", r#"[{"number":1,"text":"milk"}]"#] {
        let mut program = Program::start("http_api", &["--listen", "127.0.0.1:0", "--database", file]);
        let mut server = BufReader::new(connect(&program.address()));
        assert_eq!(ask(&mut server, "GET /notes", b""), (200, wanted.as_bytes().to_vec()));
        ask(&mut server, "POST /notes", br#"{"text":"milk"}"#);
        drop(server);
        program.end_well();
    }
    let refused = Program::start("http_api", &["--database", "/nowhere/notes.sqlite"]).ended();
    assert!(refused.errors.contains("/nowhere/notes.sqlite"), "{refused:?}");
}

#[test]
fn who_listens_no_more_is_forgotten_also_when_nobody_speaks() {
    use crate::program::Program;

    let arguments = ["--listen", "127.0.0.1:0", "--comment-every", "1"];
    let mut program = Program::start("sse", &arguments);
    let address = program.address();
    for _ in 0..3 {
        let mut listener = BufReader::new(connect(&address));
        let request = b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n";
        listener.get_mut().write_all(request).unwrap();
        // It is in the hall once its answer begins.
        assert!(listener.read_line(&mut String::new()).unwrap() > 0);
    }
    let mut watcher = BufReader::new(connect(&address));
    let begin = Instant::now();
    while ask(&mut watcher, "GET /listening", b"") != (200, b"0\n".to_vec()) {
        assert!(begin.elapsed() < LIMIT, "they are still in the hall");
        // Only how often to look.
        thread::sleep(Duration::from_millis(20));
    }
    drop(watcher);
    program.end_well();
}
