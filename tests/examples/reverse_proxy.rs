//! HTTP requests that are passed on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use crate::program::{Program, connect, hears};

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

fn head(from: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

fn proxy_to(url: &str) -> Program {
    Program::start("reverse_proxy", &["--listen", "127.0.0.1:0", "--to", url])
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
