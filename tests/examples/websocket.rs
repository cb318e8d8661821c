//! The example that speaks WebSocket, with the client of tungstenite.

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
        // More than the example takes: the connection ends rather than grows.
        let (mut socket, _answer) = tungstenite::client::client_with_config(
            format!("ws://{address}/"),
            connect(address),
            Some(WebSocketConfig::default().max_message_size(None).max_frame_size(None)),
        )
        .unwrap();
        // It may be reset while it still sends.
        let _ = socket.send(Message::binary(vec![0; 2 * 1024 * 1024]));
        assert!(socket.read().is_err());
        // Who is no WebSocket client is told so, or cut off, and nobody else.
        let mut plain = connect(address);
        plain.write_all(b"HELLO\r\n\r\n").unwrap();
        let _ = plain.read_to_end(&mut Vec::new());
        echoed(&mut websocket(address), &Message::text("hello"));
    }
);
