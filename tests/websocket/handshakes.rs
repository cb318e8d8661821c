//! Which requests open a WebSocket, and what the others are told.

use std::io::{Read, Write};

use greenserve::websocket::Config;

use crate::common::client;
use crate::scene::{In, Scene};

const GOOD: [(&str, &str); 5] = [
    ("Host", "a"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

/// The good request with another line, with some headers changed or, with an
/// empty value, left out, and with some added.
fn request(line: &str, changed: &[(&str, &str)]) -> String {
    let kept = GOOD
        .iter()
        .filter(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    let added = changed.iter().filter(|(_, value)| !value.is_empty());
    let lines: String = kept
        .chain(added)
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{line}\r\n{lines}\r\n")
}

/// The head of the answer, in lower case.
fn answer(scene: &Scene, request: &str) -> String {
    let mut client = client(scene.address);
    client.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

fn get(changed: &[(&str, &str)]) -> String {
    request("GET / HTTP/1.1", changed)
}

#[test]
fn what_is_right_is_answered_with_the_key() {
    let scene = Scene::echo(In::Coroutines, Config::new());
    for changed in [
        &[][..],
        &[("Upgrade", "WebSocket")],
        &[("Upgrade", "h2c, websocket")],
        &[("Connection", "keep-alive, Upgrade")],
        &[("Origin", "https://anywhere.example")],
        &[("Content-Length", "0")],
        &[("Sec-WebSocket-Extensions", "permessage-deflate")],
        &[("Sec-WebSocket-Protocol", "chat")],
    ] {
        let head = answer(&scene, &get(changed));
        assert!(
            head.starts_with("http/1.1 101 switching protocols\r\n"),
            "{changed:?}: {head}"
        );
        // The example of RFC 6455, 1.3.
        assert!(
            head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"),
            "{head}"
        );
        assert!(
            head.contains("\r\nupgrade: websocket\r\n") && head.contains("\r\nconnection: upgrade\r\n"),
            "{head}"
        );
        assert!(
            !head.contains("sec-websocket-extensions") && !head.contains("sec-websocket-protocol"),
            "{head}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_what_is_right() {
    let scene = Scene::echo(In::Coroutines, Config::new());
    let key = "Sec-WebSocket-Key";
    let cases = [
        (request("POST / HTTP/1.1", &[]), 405),
        (request("HEAD / HTTP/1.1", &[]), 405),
        (request("GET / HTTP/1.0", &[]), 400),
        (get(&[("Upgrade", "")]), 426),
        (get(&[("Upgrade", "h2c")]), 426),
        (get(&[("Upgrade", "websockets")]), 426),
        (get(&[("Connection", "")]), 400),
        (get(&[("Connection", "keep-alive")]), 400),
        (get(&[("Sec-WebSocket-Version", "")]), 426),
        (get(&[("Sec-WebSocket-Version", "8")]), 426),
        (get(&[("Sec-WebSocket-Version", "13, 8")]), 426),
        (
            get(&[("Sec-WebSocket-Version", "13"), ("sec-websocket-version", "13")]),
            426,
        ),
        (get(&[(key, "")]), 400),
        (get(&[(key, "dGhlIHNhbXBsZSBub25jZQ")]), 400),
        (get(&[(key, "dGhlIHNhbXBsZSBub25jZQ==a")]), 400),
        (get(&[(key, "dGhlIHNhbXBsZSBub25jZR==")]), 400),
        (
            get(&[
                (key, "dGhlIHNhbXBsZSBub25jZQ=="),
                ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ]),
            400,
        ),
        (get(&[("Content-Length", "5")]) + "hello", 400),
        (get(&[("Transfer-Encoding", "chunked")]) + "0\r\n\r\n", 400),
    ];
    for (request, status) in cases {
        let head = answer(&scene, &request);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{request}\n{head}");
        let tells_version =
            head.contains("\r\nsec-websocket-version: 13\r\n") && head.contains("\r\nupgrade: websocket\r\n");
        assert_eq!(tells_version, status == 426, "{request}\n{head}");
        assert_eq!(head.contains("\r\nallow: get\r\n"), status == 405, "{request}\n{head}");
    }
}

#[test]
fn pages_from_elsewhere_are_refused_if_that_is_asked_for() {
    let scene = Scene::echo(
        In::Coroutines,
        Config::new().origins(["https://example.org", "http://a:8080"]),
    );
    for (origin, status) in [
        ("", 101),
        ("https://example.org", 101),
        ("HTTPS://Example.org", 101),
        ("http://a:8080", 101),
        ("http://example.org", 403),
        ("https://example.org.evil.example", 403),
        ("null", 403),
        ("http://a", 403),
    ] {
        let head = answer(&scene, &get(&[("Origin", origin)]));
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{origin}: {head}");
    }
    let head = answer(&scene, &get(&[("Origin", "https://example.org"), ("origin", "null")]));
    assert!(head.starts_with("http/1.1 403 "), "{head}");
}

#[test]
fn the_best_common_subprotocol_is_chosen() {
    let scene = Scene::new(In::Coroutines, Config::new().protocols(["chat.v2", "chat"]), |socket| {
        let chosen = socket.subprotocol().unwrap_or("none").to_owned();
        socket.send(chosen)
    });
    for (offered, chosen) in [
        ("chat", Some("chat")),
        ("chat, chat.v2", Some("chat.v2")),
        ("soap,chat", Some("chat")),
        ("Chat", None),
        ("soap", None),
    ] {
        let head = answer(&scene, &get(&[("Sec-WebSocket-Protocol", offered)]));
        let line = chosen.map(|chosen| format!("\r\nsec-websocket-protocol: {chosen}\r\n"));
        match line {
            Some(line) => assert!(head.contains(&line), "{offered}: {head}"),
            None => assert!(!head.contains("sec-websocket-protocol"), "{offered}: {head}"),
        }
    }
    let several = get(&[("Sec-WebSocket-Protocol", "soap"), ("sec-websocket-protocol", "chat")]);
    assert!(answer(&scene, &several).contains("\r\nsec-websocket-protocol: chat\r\n"));
}
