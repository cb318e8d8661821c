//! HTTP requests that are passed on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use crate::program::{LIMIT, Program, connect, hears, hears_end};

/// Answers two requests of one connection and says what it was asked.
fn two_of_one_connection(listener: &TcpListener) -> Vec<String> {
    let (mut client, _) = listener.accept().unwrap();
    ["first", "second"]
        .map(|answer| {
            let asked = head(&mut client);
            write!(
                client,
                "HTTP/1.1 203 Odd\r\nContent-Length: {}\r\n\r\n{answer}",
                answer.len()
            )
            .unwrap();
            asked
        })
        .into()
}

pub(crate) fn head(from: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

pub(crate) fn proxy_to(url: &str) -> Program {
    proxy_with(url, &[])
}

pub(crate) fn proxy_with(url: &str, more: &[&str]) -> Program {
    let arguments = [&["--listen", "127.0.0.1:0", "--to", url], more].concat();
    Program::start("reverse_proxy", &arguments)
}

#[test]
fn requests_of_different_clients_go_over_one_kept_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut program = proxy_to(&format!("http://{}", listener.local_addr().unwrap()));
    let address = program.address();
    let (sender, asked) = mpsc::channel();
    let serving = thread::spawn(move || sender.send(two_of_one_connection(&listener)).unwrap());
    for answer in ["first", "second"] {
        let mut client = connect(&address);
        client
            .write_all(
                b"GET /a?b HTTP/1.1\r\nHost: here\r\nConnection: close, x-mine\r\nX-Mine: 1\r\nX-Theirs: 2\r\n\r\n",
            )
            .unwrap();
        let said = head(&mut client);
        assert!(said.starts_with("http/1.1 203 "), "{said}");
        hears(&mut client, answer);
    }
    serving.join().unwrap();
    for asked in asked.recv().unwrap() {
        assert!(asked.starts_with("get /a?b http/1.1\r\n"), "{asked}");
        assert!(
            asked.contains("x-theirs: 2") && asked.contains("x-forwarded-for: 127.0.0.1"),
            "{asked}"
        );
        assert!(!asked.contains("x-mine"), "{asked}");
    }
    program.end_well();
}

#[test]
fn a_server_that_is_not_there_is_a_bad_gateway() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut program = proxy_to(&format!("http://{nobody}"));
    let mut client = connect(&program.address());
    client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    assert!(head(&mut client).starts_with("http/1.1 502 "));
    drop(client);
    program.end_well();
}

/// An upstream that takes one connection and does with it what is said.
pub(crate) fn upstream<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        serve(client)
    });
    (url, serving)
}

#[test]
fn an_upstream_that_is_too_slow_is_a_gateway_timeout() {
    // It keeps the connection, and says nothing, until the proxy ends it.
    let (url, serving) = upstream(|mut client| {
        head(&mut client);
        hears_end(&mut client);
    });
    let mut program = proxy_with(&url, &["--patience", "1"]);
    let mut client = connect(&program.address());
    client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let said = head(&mut client);
    assert!(said.starts_with("http/1.1 504 "), "{said}");
    serving.join().unwrap();
    drop(client);
    program.end_well();
}

#[test]
fn a_request_goes_on_before_all_of_its_body_has_come() {
    let (said, first_has_come) = mpsc::channel();
    let (url, serving) = upstream(move |mut client| {
        let asked = head(&mut client);
        hears(&mut client, "5\r\nfirst\r\n");
        said.send(()).unwrap();
        hears(&mut client, "4\r\nlast\r\n0\r\n\r\n");
        client.write_all(b"HTTP/1.1 204 Done\r\n\r\n").unwrap();
        asked
    });
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    let begin = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    client.write_all(begin).unwrap();
    first_has_come.recv_timeout(LIMIT).unwrap();
    client.write_all(b"4\r\nlast\r\n0\r\n\r\n").unwrap();
    assert!(head(&mut client).starts_with("http/1.1 204 "));
    assert!(serving.join().unwrap().contains("transfer-encoding: chunked"));
    drop(client);
    program.end_well();
}

#[test]
fn an_answer_goes_on_before_all_of_its_body_has_come() {
    for (field, parts, wanted) in [
        ("Content-Length: 9", ["first", "last"], ["first", "last"]),
        (
            "Transfer-Encoding: chunked",
            ["5\r\nfirst\r\n", "4\r\nlast\r\n0\r\n\r\n"],
            ["5\r\nfirst\r\n", "4\r\nlast\r\n0\r\n\r\n"],
        ),
    ] {
        let (said, first_has_come) = mpsc::channel();
        let (url, serving) = upstream(move |mut client| {
            head(&mut client);
            write!(client, "HTTP/1.1 200 OK\r\n{field}\r\n\r\n{}", parts[0]).unwrap();
            // Else the proxy keeps it back until the rest has come.
            first_has_come.recv_timeout(LIMIT).unwrap();
            client.write_all(parts[1].as_bytes()).unwrap();
        });
        let mut program = proxy_to(&url);
        let mut client = connect(&program.address());
        client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let answer = head(&mut client);
        assert!(answer.contains(&field.to_ascii_lowercase()), "{answer}");
        hears(&mut client, wanted[0]);
        said.send(()).unwrap();
        hears(&mut client, wanted[1]);
        serving.join().unwrap();
        drop(client);
        program.end_well();
    }
}

#[test]
fn an_answer_that_is_cut_arrives_as_one_that_is_cut() {
    for (field, begin, last) in [
        ("Content-Length: 9", "first", "last"),
        ("Transfer-Encoding: chunked", "5\r\nfirst\r\n", "0\r\n\r\n"),
    ] {
        let (url, serving) = upstream(move |mut client| {
            head(&mut client);
            write!(client, "HTTP/1.1 200 OK\r\n{field}\r\n\r\n{begin}").unwrap();
        });
        let mut program = proxy_to(&url);
        let mut client = connect(&program.address());
        client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
        let mut heard = Vec::new();
        // A reset may come in place of an end.
        let _ = client.read_to_end(&mut heard);
        let heard = String::from_utf8(heard).unwrap();
        // What the head promises does not come: neither nine bytes nor a last
        // chunk, and no other answer in its place.
        assert!(heard.starts_with("HTTP/1.1 200 ") && !heard.ends_with(last), "{heard}");
        assert_eq!(heard.matches("HTTP/1.1").count(), 1, "{heard}");
        serving.join().unwrap();
        drop(client);
        program.end_well();
    }
}

#[test]
fn an_answer_whose_body_does_not_begin_is_a_bad_gateway() {
    let (url, serving) = upstream(|mut client| {
        head(&mut client);
        client
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
            .unwrap();
    });
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let said = head(&mut client);
    assert!(said.starts_with("http/1.1 502 "), "{said}");
    serving.join().unwrap();
    drop(client);
    program.end_well();
}
