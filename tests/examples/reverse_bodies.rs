//! Bodies of requests that the reverse proxy passes on, and those that are none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use crate::program::{connect, hears};
use crate::reverse_proxy::{head, proxy_to, upstream};

/// More than the library takes of a body unless it is told otherwise.
const LARGE: usize = 17_000_000;

/// How many bytes of a body in chunks come.
fn chunked_length(from: &mut TcpStream) -> usize {
    let mut from = BufReader::new(from);
    let mut length = 0;
    loop {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let size = usize::from_str_radix(line.trim_end(), 16).unwrap();
        // With the end of its line.
        from.read_exact(&mut vec![0; size + 2]).unwrap();
        length += size;
        if size == 0 {
            return length;
        }
    }
}

/// How much comes to the upstream of a body sent as `parts`, with that field.
fn passed_on(field: &str, parts: Vec<Vec<u8>>, count: fn(&mut TcpStream) -> usize) -> usize {
    let (url, serving) = upstream(move |mut client| {
        head(&mut client);
        let length = count(&mut client);
        client.write_all(b"HTTP/1.1 204 Done\r\n\r\n").unwrap();
        length
    });
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    write!(client, "POST / HTTP/1.1\r\nHost: here\r\n{field}\r\n\r\n").unwrap();
    let mut sender = client.try_clone().unwrap();
    // One that is refused is not read to its end.
    let sending = thread::spawn(move || parts.iter().all(|part| sender.write_all(part).is_ok()));
    let said = head(&mut client);
    assert!(said.starts_with("http/1.1 204 "), "{said}");
    assert!(sending.join().unwrap());
    drop(client);
    program.end_well();
    serving.join().unwrap()
}

#[test]
fn a_body_of_any_size_goes_on() {
    let field = format!("Content-Length: {LARGE}");
    let length = passed_on(&field, vec![vec![b'x'; LARGE]], |from| {
        let mut body = vec![0; LARGE];
        from.read_exact(&mut body).unwrap();
        body.len()
    });
    assert_eq!(length, LARGE);
    let part = [b"f4240\r\n", [b'x'; 1_000_000].as_slice(), b"\r\n"].concat();
    let mut parts = vec![part; LARGE / 1_000_000];
    parts.push(b"0\r\n\r\n".to_vec());
    assert_eq!(passed_on("Transfer-Encoding: chunked", parts, chunked_length), LARGE);
}

/// What a client hears whose request ends with `request`, if it then sends no
/// more; `ends` says that it will not.
fn fault(request: &str, ends: bool) -> String {
    // What the upstream gets of it has no end.
    let (url, serving) = upstream(|mut client| client.read_to_end(&mut Vec::new()).map(drop));
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    write!(client, "POST / HTTP/1.1\r\nHost: here\r\n{request}").unwrap();
    if ends {
        client.shutdown(Shutdown::Write).unwrap();
    }
    let said = head(&mut client);
    let mut text = Vec::new();
    client.read_to_end(&mut text).unwrap();
    drop(client);
    let _ = serving.join().unwrap();
    // It is no fault of the upstream, and is not logged as one.
    assert_eq!(program.end_well(), "");
    said
}

#[test]
fn what_is_wrong_with_a_body_is_the_fault_of_the_client() {
    for (request, ends) in [
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n", false),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true),
        ("Content-Length: 10\r\n\r\nhello", true),
    ] {
        let said = fault(request, ends);
        assert!(said.starts_with("http/1.1 400 "), "{request}: {said}");
        assert!(said.contains("connection: close"), "{request}: {said}");
    }
}

#[test]
fn a_body_that_does_not_come_is_the_fault_of_the_client() {
    // For 20 s, by default, its rate does not count.
    let said = fault("Content-Length: 10\r\n\r\nhello", false);
    assert!(said.starts_with("http/1.1 408 "), "{said}");
}

#[test]
fn an_answer_that_wants_no_body_is_heard_by_a_client_that_waits() {
    let (url, serving) = upstream(|mut client| {
        let asked = head(&mut client);
        client
            .write_all(b"HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig")
            .unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut body = Vec::new();
        client.read_to_end(&mut body).unwrap();
        (asked, body)
    });
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    let request = format!("POST / HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\nContent-Length: {LARGE}\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let said = head(&mut client);
    assert!(said.starts_with("http/1.1 413 "), "{said}");
    hears(&mut client, "big");
    drop(client);
    program.end_well();
    let (asked, body) = serving.join().unwrap();
    assert!(asked.contains("expect: 100-continue"), "{asked}");
    assert_eq!(body, b"");
}
