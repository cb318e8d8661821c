//! Where the reverse proxy passes a request on to, whatever its target says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::program::{LIMIT, Program, connect};

/// Answers whoever connects, and tells each head that has come.
fn answering() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, asked) = channel();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, sender) = (client.unwrap(), sender.clone());
            thread::spawn(move || {
                let mut client = BufReader::new(client);
                while let Some(head) = head(&mut client) {
                    let _ = sender.send(head);
                    let answer = "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n";
                    client.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (address, asked)
}

/// The next head, or `None` at the end.
fn head(from: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if from.read_line(&mut head).unwrap() == 0 {
            return None;
        }
    }
    Some(head.to_ascii_lowercase())
}

/// What answers a request with that line, and with these fields beside its own.
fn asks(address: &str, line: &str, fields: &str) -> String {
    let mut client = connect(address);
    let request =
        format!("{line} HTTP/1.1\r\nHost: here\r\nX-Forwarded-Host: forged\r\n{fields}Connection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    heard
}

fn proxy_to(upstream: &str) -> Program {
    let url = format!("http://{upstream}");
    Program::start("reverse_proxy", &["--listen", "127.0.0.1:0", "--to", &url])
}

#[test]
fn what_a_target_names_is_asked_of_the_server_behind_and_of_no_other() {
    let (upstream, asked) = answering();
    let (other, asked_elsewhere) = answering();
    let mut program = proxy_to(&upstream);
    let address = program.address();
    let port = other.rsplit_once(':').unwrap().1;
    for (target, path, host) in [
        ("/".to_owned(), "/".to_owned(), "here".to_owned()),
        (format!("http://{other}/a?b"), "/a?b".to_owned(), other.clone()),
        (format!("http://{other}"), "/".to_owned(), other.clone()),
        (format!("http://{other}?b"), "/?b".to_owned(), other.clone()),
        (format!("//{other}/a"), format!("//{other}/a"), "here".to_owned()),
        (format!("/@{other}/a"), format!("/@{other}/a"), "here".to_owned()),
        (format!("/:{port}/../a"), format!("/:{port}/../a"), "here".to_owned()),
        (
            format!("/?http://{other}"),
            format!("/?http://{other}"),
            "here".to_owned(),
        ),
    ] {
        let heard = asks(&address, &format!("GET {target}"), "");
        // Where the answer points is the client's to follow.
        assert!(heard.starts_with("HTTP/1.1 302 "), "{target}: {heard}");
        let head = asked.recv_timeout(LIMIT).unwrap();
        assert!(
            head.starts_with(&format!("get {path} http/1.1\r\n")),
            "{target}: {head}"
        );
        let host = format!("x-forwarded-host: {host}\r\n");
        assert!(
            !head.contains("forged") && head.contains(&host) && head.contains(&format!("\r\nhost: {upstream}\r\n")),
            "{target}: {head}"
        );
    }
    assert_eq!(asked_elsewhere.try_recv().ok(), None);
    // Also of a client that names no host.
    let mut client = connect(&address);
    client
        .write_all(b"GET / HTTP/1.0\r\nX-Forwarded-Host: forged\r\n\r\n")
        .unwrap();
    let head = asked.recv_timeout(LIMIT).unwrap();
    assert!(!head.contains("x-forwarded-host"), "{head}");
    drop(client);
    program.end_well();
}

#[test]
fn what_is_asked_of_the_server_itself_goes_nowhere() {
    let (upstream, asked) = answering();
    let mut program = proxy_to(&upstream);
    let address = program.address();
    for (line, status) in [
        ("OPTIONS *".to_owned(), 204),
        // As `*`: RFC 9112, 3.2.4.
        (format!("OPTIONS http://{upstream}"), 204),
        ("GET *".to_owned(), 400),
        (format!("CONNECT {upstream}"), 501),
        (format!("GET {upstream}"), 400),
        (format!("GET @{upstream}/"), 400),
        (format!("GET ftp://{upstream}/"), 400),
        (format!("GET http://here@{upstream}/"), 400),
    ] {
        let heard = asks(&address, &line, "");
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {heard}");
    }
    assert_eq!(asked.try_recv().ok(), None);
    // Of a path it is asked of who has the path.
    assert!(asks(&address, "OPTIONS /", "").starts_with("HTTP/1.1 302 "));
    assert!(asked.recv_timeout(LIMIT).unwrap().starts_with("options / "));
    program.end_well();
}

#[test]
fn a_request_that_may_be_passed_on_no_more_is_answered() {
    let (upstream, asked) = answering();
    let mut program = proxy_to(&upstream);
    let address = program.address();
    for (method, status) in [("OPTIONS", 204), ("TRACE", 405)] {
        let heard = asks(&address, &format!("{method} /"), "Max-Forwards: 0\r\n");
        assert!(heard.starts_with(&format!("HTTP/1.1 {status} ")), "{heard}");
        assert_eq!(asked.try_recv().ok(), None);
        for (limit, left) in [("1", "0"), ("10", "9"), ("soon", "soon")] {
            let heard = asks(&address, &format!("{method} /"), &format!("Max-Forwards: {limit}\r\n"));
            assert!(heard.starts_with("HTTP/1.1 302 "), "{heard}");
            let head = asked.recv_timeout(LIMIT).unwrap();
            assert!(head.contains(&format!("\r\nmax-forwards: {left}\r\n")), "{head}");
        }
    }
    // It limits no other method.
    let heard = asks(&address, "GET /", "Max-Forwards: 0\r\n");
    assert!(heard.starts_with("HTTP/1.1 302 "), "{heard}");
    program.end_well();
}

#[test]
fn an_upstream_that_is_none_is_refused() {
    for url in [
        "nowhere",
        "127.0.0.1:1",
        "http://127.0.0.1:1/path",
        "http://a@127.0.0.1:1",
        "ftp://127.0.0.1:1",
    ] {
        let refused = Program::start("reverse_proxy", &["--listen", "127.0.0.1:0", "--to", url]).ended();
        assert_eq!(refused.code(), Some(2), "{url}: {refused:?}");
        assert!(
            refused.errors.contains(url) && refused.errors.contains("http://HOST:PORT"),
            "{refused:?}"
        );
    }
}
