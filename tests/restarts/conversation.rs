//! A conversation over WebSocket.

use std::net::{SocketAddr, TcpStream};

use tungstenite::{Error, HandshakeError, Message, WebSocket};

use super::load::{Talk, is_late};

/// The code of a server that ends: RFC 6455, 7.4.1.
const GOING_AWAY: u16 = 1001;

pub fn talk(address: SocketAddr, talk: &mut Talk<'_>) {
    let Some(stream) = talk.connect(address) else {
        return;
    };
    match tungstenite::client(format!("ws://{address}/"), stream) {
        Ok((socket, _)) => converse(socket, talk),
        // A server that ends opens no new ones.
        Err(HandshakeError::Failure(err)) => check(&err),
        Err(HandshakeError::Interrupted(_)) => panic!("the handshake takes too long"),
    }
}

fn converse(mut socket: WebSocket<TcpStream>, talk: &mut Talk<'_>) {
    let mut is_first = true;
    while talk.goes_on() {
        let message = Message::binary(talk.message());
        // What cannot be sent was not taken, and what the server has said
        // before is still to be read.
        if let Err(err) = socket.send(message.clone()) {
            check(&err);
        }
        match socket.read() {
            Ok(Message::Close(close)) => {
                assert_eq!(close.map(|close| close.code.into()), Some(GOING_AWAY));
                break;
            }
            Ok(heard) => {
                assert!(heard == message, "another message came back: {heard}");
                talk.answered(is_first);
                is_first = false;
            }
            Err(err) => {
                check(&err);
                return talk.left_in_the_dark();
            }
        }
    }
    // Says goodbye, or answers it.
    let _ = socket.close(None);
    while socket.read().is_ok() {}
}

/// Whatever ends a conversation comes in time.
fn check(err: &Error) {
    if let Error::Io(err) = err {
        assert!(!is_late(err), "{err}");
    }
}
