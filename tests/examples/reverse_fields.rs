//! Methods and fields that the reverse proxy passes on, and those that it does not.

use std::io::Write;

use crate::program::{connect, hears};
use crate::reverse_proxy::{head, proxy_to, upstream};

#[test]
fn a_method_that_nobody_knows_goes_on_with_its_body() {
    for method in ["PROPFIND", "FOO"] {
        let (url, serving) = upstream(|mut client| {
            let asked = head(&mut client);
            hears(&mut client, "hello");
            client
                .write_all(b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 2\r\n\r\nhi")
                .unwrap();
            asked
        });
        let mut program = proxy_to(&url);
        let mut client = connect(&program.address());
        write!(
            client,
            "{method} /a HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello"
        )
        .unwrap();
        let said = head(&mut client);
        assert!(said.starts_with("http/1.1 207 "), "{said}");
        hears(&mut client, "hi");
        let asked = serving.join().unwrap();
        let line = format!("{} /a http/1.1\r\n", method.to_ascii_lowercase());
        assert!(asked.starts_with(&line), "{asked}");
        drop(client);
        program.end_well();
    }
}

/// The heads that the upstream and the client get, where they send these.
fn exchanged(request: &[u8], answer: &'static [u8]) -> (String, String) {
    let (url, serving) = upstream(move |mut client| {
        let asked = head(&mut client);
        client.write_all(answer).unwrap();
        asked
    });
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    client.write_all(request).unwrap();
    let said = head(&mut client);
    drop(client);
    program.end_well();
    (serving.join().unwrap(), said)
}

#[test]
fn what_is_of_one_connection_goes_no_further() {
    let (asked, said) = exchanged(
        b"GET / HTTP/1.1\r\nHost: here\r\nConnection: x-mine, \xE9\r\nX-Mine: 1\r\nProxy-Connection: keep-alive\r\n\r\n",
        b"HTTP/1.1 204 Done\r\nConnection: \xE9,X-Mine\r\nX-Mine: 1\r\nProxy-Connection: close\r\nKeep-Alive: timeout=5\r\n\r\n",
    );
    for head in [asked, said] {
        for field in ["x-mine", "proxy-connection", "keep-alive"] {
            assert!(!head.contains(field), "{head}");
        }
    }
}

#[test]
fn the_version_in_which_a_message_came_goes_on() {
    for (version, other) in [("1.0", "1.1"), ("1.1", "1.0")] {
        let request = format!("GET / HTTP/{version}\r\nHost: here\r\nVia: {other} before\r\n\r\n");
        let answer = match other {
            "1.0" => b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        };
        let (asked, said) = exchanged(request.as_bytes(), answer);
        // Behind those who have passed it on before.
        let before = format!("via: {other} before\r\nvia: {version} greenserve\r\n");
        assert!(asked.contains(&before), "{asked}");
        assert!(said.contains(&format!("via: {other} greenserve\r\n")), "{said}");
    }
}
