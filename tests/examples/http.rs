//! The may_minihttp service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::program::{Program, connect, exchange, hears_end};

/// Sends a request and returns the answer.
fn ask(server: &mut BufReader<TcpStream>, path: &str) -> (Vec<String>, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server.get_mut().write_all(request.as_bytes()).unwrap();
    answer(server)
}

/// Reads the head of an answer, and its body.
fn answer(server: &mut BufReader<TcpStream>) -> (Vec<String>, String) {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        server.read_line(&mut line).unwrap();
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    server.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

#[test]
fn says_hello() {
    let mut program = Program::start("minihttp", &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    assert!(!address.ends_with(":0"), "{address}");
    for _ in 0..2 {
        let mut server = BufReader::new(connect(&address));
        for path in ["/", "/again"] {
            let (head, body) = ask(&mut server, path);
            assert!(head[0].starts_with("HTTP/1.1 200"), "{head:?}");
            assert!(head.contains(&"Content-Type: text/plain".to_owned()), "{head:?}");
            assert_eq!(body, "Hello, world!");
        }
        let (_, body) = ask(&mut server, "/64k");
        assert_eq!(body, "0123456789abcdef".repeat(4096));
    }
    program.end_well();
}

#[test]
fn ends_on_sigint_with_clients_connected() {
    let mut program = Program::start("minihttp", &["--listen", "127.0.0.1:0"]);
    let mut server = BufReader::new(connect(&program.address()));
    ask(&mut server, "/");
    program.signal(Signal::SIGINT);
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn a_bad_content_length_costs_one_client() {
    let mut program = Program::start("minihttp", &["--listen", "127.0.0.1:0", "--workers", "1"]);
    let address = program.address();
    let mut bad = connect(&address);
    bad.write_all(b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n").unwrap();
    hears_end(&mut bad);
    let mut server = BufReader::new(connect(&address));
    let (_, body) = ask(&mut server, "/");
    assert_eq!(body, "Hello, world!");
    program.signal(Signal::SIGTERM);
    assert_eq!(program.ended().code(), Some(0));
}

#[test]
fn a_body_is_no_request() {
    let mut program = Program::start("minihttp", &["--listen", "127.0.0.1:0"]);
    let mut server = BufReader::new(connect(&program.address()));
    server
        .get_mut()
        .write_all(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
        .unwrap();
    let (_, body) = answer(&mut server);
    assert_eq!(body, "Hello, world!");
    let (_, body) = ask(&mut server, "/");
    assert_eq!(body, "Hello, world!");
    drop(server);
    program.end_well();
}

#[test]
fn runs_beside_a_server_of_this_crate() {
    // On the engine `may` the echoes would change threads with more.
    let on_may = std::env::var("GREENSERVE_ENGINE").is_ok_and(|name| name == "may");
    let workers = if on_may { "1" } else { "2" };
    let arguments = ["--listen", "127.0.0.1:0", "--echo", "127.0.0.1:0", "--workers", workers];
    let mut program = Program::start("minihttp", &arguments);
    let mut server = BufReader::new(connect(&program.address()));
    let line = program.line();
    let mut echo = connect(line.strip_prefix("echo on ").unwrap());
    for _ in 0..100 {
        exchange(&mut echo, "hello", "hello");
        assert_eq!(ask(&mut server, "/").1, "Hello, world!");
    }
    // Neither needs a word of the other to go on.
    server.get_mut().write_all(b"GET / HT").unwrap();
    exchange(&mut echo, "hello again", "hello again");
    drop(server);
    exchange(&mut echo, "and again", "and again");
    drop(echo);
    program.end_well();
}

#[test]
fn a_second_copy_is_refused() {
    let mut program = Program::start("minihttp", &["--listen", "127.0.0.1:0"]);
    let address = program.address();
    let ended = Program::start("minihttp", &["--listen", &address]).ended();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains(&address), "{ended:?}");
    program.end_well();
}
