//! The same over TLS.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::tls::{self, Certificates, ClientSettings, Pem, TlsStream};
use greenserve::websocket::{Config, Message as Said, Room, WebSocket};
use greenserve::{Model, Tcp, TcpServer, Thread, http};
use tungstenite::Message;

use crate::common::{PATIENCE, client, ip, pattern, wait_until};
use crate::scene::watched;

type Talker = tungstenite::WebSocket<TlsStream<std::net::TcpStream>>;

const LETTER: usize = 256 << 10;

/// `certificates` for `localhost`, and a client's settings that trust them.
fn identity() -> (Certificates, ClientSettings) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let chain = made.cert.pem();
    let key = Pem::text(made.signing_key.serialize_pem());
    let certificates = Certificates::builder().certificate(Pem::text(chain.clone()), key);
    let settings = ClientSettings::builder().roots(Pem::text(chain)).build().unwrap();
    (certificates.build().unwrap(), settings)
}

fn connect<M: Model>(server: &TestServer<Tcp, M>, settings: &ClientSettings) -> Talker {
    let stream = TcpStream::from(client(ip(server.address())));
    let stream = tls::connect(stream, "localhost", settings).unwrap();
    tungstenite::client("wss://localhost/", stream).unwrap().0
}

/// An echo; a room for those that are dropped; both in every model.
fn check<M: Model>(serve: impl Fn(greenserve::Builder<Tcp, greenserve::Coroutine>) -> TestServer<Tcp, M>) {
    let (certificates, settings) = identity();
    let room = Room::new();
    let theirs = room.clone();
    let config = Config::new().queued_messages(4).close(Duration::from_millis(500));
    let (handler, outcomes) = watched(config, move |socket: &mut WebSocket<'_>| {
        while let Some(message) = socket.recv()? {
            match message.as_text() {
                Some("join") => {
                    let _seat = theirs.join(socket.sender()?);
                    while socket.recv()?.is_some() {}
                }
                _ => socket.send(message)?,
            }
        }
        Ok(())
    });
    let server = serve(TcpServer::builder(tls::serve(certificates, http::serve(handler))));

    let mut talker = connect(&server, &settings);
    for message in [Message::text("hello"), Message::binary(pattern(5, 300_000))] {
        talker.send(message.clone()).unwrap();
        assert!(talker.read().unwrap() == message, "another message came back");
    }

    let mut slow = connect(&server, &settings);
    slow.send(Message::text("join")).unwrap();
    wait_until("it has joined", || room.len() == 1);
    let letter = Said::from(vec![b'x'; LETTER]);
    wait_until("it is dropped", || room.send(letter.clone()) == 0);
    let code = loop {
        match slow.read() {
            Ok(Message::Binary(bytes)) => assert_eq!(bytes.len(), LETTER),
            Ok(Message::Close(close)) => break u16::from(close.unwrap().code),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(code, 1013);
    let (error, ended) = outcomes.recv_timeout(PATIENCE).unwrap();
    assert_eq!((error, ended.unwrap().close.code), (None, 1013));

    let stopping = thread::spawn(move || server.stop().unwrap());
    match talker.read().unwrap() {
        Message::Close(close) => assert_eq!(u16::from(close.unwrap().code), 1001),
        other => panic!("{other}"),
    }
    loop {
        match talker.read() {
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => break,
            Err(tungstenite::Error::Io(err)) if err.kind() == ErrorKind::UnexpectedEof => break,
            Err(err) => panic!("{err}"),
        }
    }
    assert!(stopping.join().unwrap().is_clean());
}

#[test]
fn conversations_are_the_same_over_tls() {
    check(|builder| TestServer::build(builder).unwrap());
    check(|builder| TestServer::build(builder.model(Thread::new())).unwrap());
}
