//! The examples that speak WebSocket, with the client of tungstenite.

use std::io::{Read, Write};
use std::net::TcpStream;

use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Bytes, Error, Message, WebSocket, client};

use crate::in_models;
use crate::program::connect;

fn websocket(address: &str) -> WebSocket<TcpStream> {
    let (socket, _answer) = client(format!("ws://{address}/"), connect(address)).unwrap();
    socket
}

fn echoed(socket: &mut WebSocket<TcpStream>, message: &Message) {
    socket.send(message.clone()).unwrap();
    assert!(socket.read().unwrap() == *message, "another message came back");
}

fn finish(mut socket: WebSocket<TcpStream>) {
    socket.close(None).unwrap();
    let end = loop {
        match socket.read() {
            Ok(message) => assert!(message.is_close(), "{message}"),
            Err(err) => break err,
        }
    };
    assert!(matches!(end, Error::ConnectionClosed), "{end}");
}

in_models!(
    websocket_echo,
    "websocket_echo",
    [coroutine, thread, fork, inline],
    |address| {
        let mut socket = websocket(address);
        echoed(&mut socket, &Message::text("hello, 你好"));
        let long: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(long.len(), 200_000);
        echoed(&mut socket, &Message::binary(long));
        echoed(&mut socket, &Message::text(""));
        socket.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
        assert_eq!(socket.read().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
        finish(socket);
    }
);

in_models!(
    websocket_limits,
    "websocket_echo",
    [coroutine, thread, fork, inline],
    |address| {
        // More than the example takes: the client is told so rather than heard.
        let (mut socket, _answer) = tungstenite::client::client_with_config(
            format!("ws://{address}/"),
            connect(address),
            Some(WebSocketConfig::default().max_message_size(None).max_frame_size(None)),
        )
        .unwrap();
        socket.send(Message::binary(vec![0; 2 * 1024 * 1024])).unwrap();
        match socket.read().unwrap() {
            Message::Close(close) => assert_eq!(u16::from(close.unwrap().code), 1009),
            other => panic!("{other}"),
        }
        drop(socket);
        // Who is no WebSocket client is told so, or cut off, and nobody else.
        let mut plain = connect(address);
        plain.write_all(b"HELLO\r\n\r\n").unwrap();
        let _ = plain.read_to_end(&mut Vec::new());
        echoed(&mut websocket(address), &Message::text("hello"));
    }
);

/// One that is in the room.
fn enter(address: &str, name: &str) -> WebSocket<TcpStream> {
    let (socket, _answer) = client(format!("ws://{address}/chat?name={name}"), connect(address)).unwrap();
    socket
}

fn hears(socket: &mut WebSocket<TcpStream>, line: &str) {
    assert_eq!(socket.read().unwrap().to_text().unwrap(), line);
}

in_models!(websocket_chat, "websocket_chat", [coroutine, thread], |address| {
    let mut page = connect(address);
    page.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    page.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("new WebSocket("),
        "{text}"
    );

    let mut ann = enter(address, "ann");
    hears(&mut ann, "ann has come, 1 are here");
    let mut bob = enter(address, "J%C3%BCrgen%20%zz");
    for socket in [&mut ann, &mut bob] {
        hears(socket, "J\u{fc}rgen %zz has come, 2 are here");
    }
    ann.send(Message::text("hello")).unwrap();
    bob.send(Message::text("<b>hello</b>")).unwrap();
    for socket in [&mut ann, &mut bob] {
        let said: Vec<_> = (0..2).map(|_| socket.read().unwrap().into_text().unwrap()).collect();
        assert!(said.iter().any(|line| line.as_str() == "ann: hello"), "{said:?}");
        assert!(
            said.iter().any(|line| line.as_str() == "J\u{fc}rgen %zz: <b>hello</b>"),
            "{said:?}"
        );
    }
    finish(bob);
    hears(&mut ann, "J\u{fc}rgen %zz has left");
    finish(ann);
});
